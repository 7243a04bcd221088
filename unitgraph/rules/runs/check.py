"""Which stored runs a checkout's code would part with: each is replayed against a build of it, by `replay.ts`."""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from unitgraph.errors.runs import ReplayEnded
from unitgraph.rules.amounts import counted
from unitgraph.rules.dev import places, version
from unitgraph.rules.engine import Built, Engine
from unitgraph.rules.runs.text import plain
from unitgraph.rules.workflows import in_unit
from unitgraph.units.workflow_routes import is_workflow

_SHOWN: Final = 5
_SCRIPT: Final = Path(__file__).parent / "replay.ts"

Item = dict[str, Any]


def units_of(engine: Engine) -> dict[str, str]:
    """Workflow → the unit that it is in."""
    application = engine.workspace.analysis.application
    return {name: unit.name for unit in engine.units.values() for name in in_unit(application, unit)}


def written_at(engine: Engine) -> dict[str, str]:
    """Workflow → where it is written."""
    functions = engine.workspace.analysis.application.functions
    return {name: str(function.place) for name, function in functions.items() if is_workflow(function)}


def verdicts(engine: Engine, built: Built, runs: Iterable[Item], environ: Mapping[str, str]) -> Iterator[Item]:
    """What `replay.ts` says of each run, as soon as that is known. Raises ReplayEnded, and what ``runs`` does."""
    opening = {"project": engine.project.name, "units": units_of(engine)}
    with _staged(engine, built) as folder, ThreadPoolExecutor(1) as pool:
        process = subprocess.Popen(
            [str(engine.target.tools["bun"].path), "--no-env-file", f"--config={os.devnull}", str(_SCRIPT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=engine.project.root, env=dict(environ),
            text=True, encoding="utf-8",
        )  # fmt: skip
        assert process.stdout
        try:
            told = pool.submit(_tell, process, [{**opening, "folder": str(folder)}], runs)
            for line in process.stdout:
                yield json.loads(line)
            told.result()
            if process.wait() != 0:
                raise ReplayEnded(process.returncode)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _tell(process: "subprocess.Popen[str]", *said: Iterable[Item]) -> None:
    assert process.stdin
    try:
        with process.stdin as pipe:
            for items in said:
                for item in items:
                    pipe.write(json.dumps(item) + "\n")
    except BrokenPipeError:
        pass    # it has ended, and its status says how


@contextmanager
def _staged(engine: Engine, built: Built) -> Iterator[Path]:
    folder = engine.project.root / places.FOLDER / f"check-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        version.stage(built, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def text(checked: Iterable[Item], written: Mapping[str, str]) -> str:
    """For people: what parts in the same way together, then the sum."""
    found = list(checked)
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for item in found:
        if item["verdict"] != "agrees":
            groups[item["workflow"], SAYS[item["verdict"]], *_lines(item, written)].append(item["id"])
    lines = [line for group, ids in sorted(groups.items()) for line in _told(group, ids)]
    counts = {verdict: sum(item["verdict"] == verdict for item in found) for verdict in SAYS}
    told = [f"{count:,} {SAYS[verdict]}" for verdict, count in counts.items() if count]
    lines.append(f"{counted(len(found), 'run')} checked{': ' if told else ''}{', '.join(told)}.")
    return "".join(f"{line}\n" for line in lines)


SAYS: Final = {
    "agrees": "would go on", "diverges": "would be paused", "gone": "would wait for a workflow that is gone",
    "unknown": "can't be told",
}  # fmt: skip


def _told(group: tuple[str, ...], ids: list[str]) -> Iterator[str]:
    workflow, says, *lines = group
    yield f"{workflow}: {counted(len(ids), 'run')} {says}"
    yield from lines
    shown = ", ".join(map(plain, sorted(ids)[:_SHOWN]))
    yield f"  runs      {shown}{f' and {len(ids) - _SHOWN:,} more' if len(ids) > _SHOWN else ''}"


def _lines(item: Item, written: Mapping[str, str]) -> list[str]:
    at = written.get(item["workflow"], "")
    if item["verdict"] == "gone":
        return []
    if item["verdict"] == "unknown":
        return [f"  why       {plain(item['why'])}", f"  at        {at}"]
    difference = item["difference"]
    entry, got = difference["entry"], difference.get("got")
    instead = _step(got) if got else plain(difference.get("ended", "no step"))
    place = (got or {}).get("place", at)
    return [f"  expected  {_step(entry)}, entry {entry['seq']}", f"  got       {instead}", f"  at        {place}"]


def _step(step: Item) -> str:
    return " ".join(filter(None, (repr(step["key"]), step["kind"], step["fingerprint"])))
