"""The resolver against esbuild: both must lead every specifier of a project to the same file."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.harness import Tools
from tests.units.test_resolve import FILES
from tests.units.tiny_project import write
from unitgraph.units.project import Project, load_project
from unitgraph.units.resolve import CONDITIONS, Asset, Builtin, Package, ProjectFile, Resolved, Resolver

MORE = {
    **FILES,
    "src/nested/deep.ts": "",
    "src/nested/package.json": '{ "imports": { "#here": "./deep.ts", "#up": "../a.ts" } }',
    "src/x.y/z.ts": "",
    "src/ext.mjs": "",
    "src/ext.cjs": "",
    "src/comp.jsx": "",
    "node_modules/hono/package.json": '{ "name": "hono", "main": "index.js" }',
    "node_modules/hono/index.js": "",
    "node_modules/hono/cors.js": "",
    "node_modules/@scope/pkg/package.json": '{ "name": "@scope/pkg", "exports": { ".": "./i.js", "./sub/*": "./lib/*.js" } }',
    "node_modules/@scope/pkg/i.js": "",
    "node_modules/@scope/pkg/lib/q.js": "",
    "node_modules/zod/package.json": '{ "name": "zod", "module": "m.js" }',
    "node_modules/zod/m.js": "",
    "packages/plain/package.json": '{ "name": "plain", "main": "./src/index.ts" }',
}
SPECIFIERS = [
    "./a", "./a.ts", "./a.js", "./view", "./view.js", "./view.jsx", "./m.mjs", "./m", "./c.cjs", "./c", "./bare", "./bare.js",
    "./both", "./both.js", "./lib", "./lib/", "./lib/x", "./lib/index", "./file", "./file/", "./file.js", "./only", "./main",
    "./main/start", ".", "./", "..", "../src/a", "./dotted.name", "./x.y/z", "./ext.mjs", "./ext.cjs", "./ext", "./comp",
    "./comp.js", "./data.json", "./data", "./query.sql", "./nothing", "./a/b", "@/a", "@/a.js", "@/lib/x", "@/lib", "@/none",
    "two", "short/x", "lib/x", "a", "a.js", "nested/deep", "#db", "#lib/x", "#lib/deep/x", "#zod", "#gone", "#none", "hono",
    "hono/cors", "hono/cors.js", "@scope/pkg", "@scope/pkg/sub/q", "@scope/pkg/lib/q.js", "zod", "@acme/api", "@acme/api/public/a",
    "@acme/api/other", "plain", "plain/src/util", "@acme/modern", "@acme/modern/sub/one", "@acme/modern/secret", "fs", "node:fs",
    "fs/promises",
]  # fmt: skip
IMPORTERS = ["src/x.ts", "src/nested/deep.ts"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = write(tmp_path_factory.mktemp("differential"), MORE)
    for name, folder in (("plain", "plain"), ("@acme/modern", "modern")):
        link = root / "node_modules" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(root / "packages" / folder, target_is_directory=True)
    return load_project(root)


def theirs(project: Project, tools: Tools, importer: str) -> dict[str, str | None]:
    """Specifier → the file that esbuild takes, "external", or None."""
    answers: dict[str, str | None] = {}
    folder = Path(project.root, importer).parent
    entries = []
    for index, specifier in enumerate(SPECIFIERS):
        entry = folder / f"entry{index}.ts"
        entry.write_text(f"import * as all from {json.dumps(specifier)}\nconsole.log(all)\n")
        entries.append(entry)
    for index, specifier in enumerate(SPECIFIERS):
        meta = folder / "meta.json"
        arguments = [
            str(tools.esbuild), str(entries[index].relative_to(project.root)), "--bundle", "--format=esm", "--platform=node", "--outfile=/dev/null",
            f"--metafile={meta}", "--log-level=silent", "--loader:.sql=text", f"--conditions={','.join(CONDITIONS)}",
            "--main-fields=module,main", f"--tsconfig-raw={json.dumps(project.tsconfig.bundling())}",
        ]  # fmt: skip
        done = subprocess.run(arguments, cwd=project.root, check=False, capture_output=True)
        found = None
        if done.returncode == 0:
            imports = json.loads(meta.read_text())["inputs"][str(entries[index].relative_to(project.root))]["imports"]
            first = imports[0]
            found = "external" if first.get("external") else first["path"]
            meta.unlink()
        answers[specifier] = found
    for entry in entries:
        entry.unlink()
    return answers


def agrees(resolved: Resolved, answer: str | None) -> bool:
    match resolved:
        case ProjectFile(path) | Asset(path):
            return answer == path
        case Package(name, _):
            return answer is not None and answer.startswith(f"node_modules/{name}/")
        case Builtin(_):
            return answer == "external"
        case _:
            return answer is None


@pytest.mark.parametrize("importer", IMPORTERS)
def test_agrees_with_esbuild(project: Project, tools: Tools, importer: str) -> None:
    answers = theirs(project, tools, importer)
    resolver = Resolver(project)
    ours = {specifier: resolver.resolve(importer, specifier) for specifier in SPECIFIERS}
    different = {s: (answers[s], ours[s]) for s in SPECIFIERS if not agrees(ours[s], answers[s])}
    # A package's own `exports` are looked at by the bundler: here a name is enough.
    different.pop("@scope/pkg/lib/q.js", None)
    assert different == {}
