"""Making the executable of a build with Bun, and asking it whether it works. Knows processes, not releases.

The files are copied into a folder of their own first, so that what Bun sees is what the plan named and nothing around
it, and so that no path of the checkout can get into the executable.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.cache.digest import sha256
from unitgraph.errors.provider import BuildMismatch, CheckFailed, CompileFailed
from unitgraph.providers.base import Build

ENTRY: Final = "release.js"
OUTPUT: Final = "executable"
CHECK_TIMEOUT_S: Final = 60
BOUNDARY: Final = {"package.json": '{"type":"module"}\n', "tsconfig.json": "{}\n"}
"""Files that Bun looks for upwards: without them the project's own "sideEffects" or "paths" would count here."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the environment says nothing else: environment variable → value."""

    release: str
    values: tuple[tuple[str, str], ...]


def compile_executable(build: Build, folder: Path, *, bun: Path, platform: str | None, defaults: Defaults) -> Path:
    """Compile the build below ``folder``, which is empty; the executable is flushed to the disk."""
    source = folder / "source"
    stage(build, source)
    (source / ENTRY).write_text(entry(build.bundles, defaults), "utf-8")
    for name, text in BOUNDARY.items():
        (source / name).write_text(text, "utf-8")
    output = folder / OUTPUT
    command = [
        str(bun), "build", f"./{ENTRY}", "--compile", "--bytecode", "--format=esm", "--target=" + (platform or "bun"),
        "--minify-whitespace", "--minify-syntax", "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig",
        f"--outfile={output}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0 or not output.is_file():
        raise CompileFailed(status=done.returncode, detail=" ".join(done.stderr.split())[:800] or "it said nothing")
    shutil.rmtree(source)
    with open(output, "rb") as file:
        os.fsync(file.fileno())
    return output


def stage(build: Build, folder: Path) -> None:
    """Copy every file of the build to where its name says; raises BuildMismatch where its bytes have changed."""
    for name, file in build.files().items():
        data = file.path.read_bytes()
        if sha256(data) != file.sha256:
            raise BuildMismatch(name, planned=file.sha256[:12], found=sha256(data)[:12])
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def entry(units: Iterable[str], defaults: Defaults) -> str:
    """The executable's first module: sets defaults, answers --version and --check, else starts main.js."""
    lines = "".join(
        f"  {json.dumps(name)}: () => import({json.dumps(f'./units/{name}/index.js')}),\n" for name in units
    )
    values = json.dumps(dict(defaults.values))
    return f"""\
const release = {json.dumps(defaults.release)}
const units = {{
{lines}}}
process.env.UNITGRAPH_RELEASE = release
for (const [name, value] of Object.entries({values})) process.env[name] ||= value
if (process.argv[2] === '--version') {{
  console.log(release)
}} else if (process.argv[2] === '--check') {{
  for (const load of Object.values(units)) await load()
  process.stdout.write(JSON.stringify({{ release, units: Object.keys(units).length }}) + '\\n', () => process.exit(0))
}} else {{
  await import('./main.js')
}}
"""


def check(executable: Path, *, release: str, units: int) -> None:
    """Start the executable and have it load every unit; it opens no port and makes no service."""
    try:
        done = subprocess.run(
            [str(executable), "--check"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(status=-1, detail=f"it hasn't ended after {CHECK_TIMEOUT_S} s") from error
    except OSError as error:
        raise CheckFailed(status=-1, detail=str(error)) from error
    last = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode != 0 or last != json.dumps({"release": release, "units": units}, separators=(",", ":")):
        detail = " ".join((done.stderr or done.stdout).split())[:800]
        raise CheckFailed(status=done.returncode, detail=detail or "it said nothing")
