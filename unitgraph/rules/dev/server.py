"""``dev`` itself: builds, has the front run it, and does so again after each edit, until somebody ends it.

Errors of the project end nothing: they are shown, and the last good version goes on answering.
"""

import json
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unitgraph.errors import Problems, UnitgraphError
from unitgraph.errors.dev import DevEnded, DevFrontEnded, DevNotStarted
from unitgraph.rules.action import How
from unitgraph.rules.dev import places, running, shown, version
from unitgraph.rules.dev.front import Front, Said
from unitgraph.rules.dev.watch import Watch, folders_of
from unitgraph.rules.engine import Built, Engine
from unitgraph.rules.recall import Recall

HOST: Final = "127.0.0.1"
DASHBOARD: Final = "/__unitgraph/dashboard"
_SHOWN_PATHS: Final = 3
_SHOWN_LINES: Final = 8
_MOST_HELD: Final = 20_000
_SOMETHING: Final = frozenset({"."})
_PASSING: Final = frozenset(("input-changed", "source-vanished"))
"""What an edit during a build brings about: the edit itself is told of, and the build done again."""

Open = Callable[[str], Engine]
"""The project as it is now, for a provider; "" is the one that is chosen."""

Heard = frozenset[str] | Said
"""Paths that were edited, or what the front says by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. ``environ`` is this process's; ``more`` is what units are told where nobody says
    otherwise; ``say`` is for people, ``line`` for what units print."""

    port: int
    environ: Mapping[str, str]
    more: Mapping[str, str]
    say: Callable[[str], None]
    line: Callable[[str], None]


def run(open_engine: Open, asked: Asked) -> None:
    """Until somebody interrupts; raises what ended it otherwise."""
    engine = first = open_engine("")
    first.recall = Recall()
    provider, root = engine.provider.name, engine.project.root
    local, folders = places.local(provider), places.folders(root, provider)
    heard: queue.Queue[Heard] = queue.Queue()

    def hear(said: Said) -> None:
        if said["is"] == "line":
            asked.line(said["text"])
        else:
            heard.put(said)

    with ExitStack() as stack:
        stack.enter_context(running.alone(folders, provider))
        for folder in (folders.data, folders.versions):
            folder.mkdir(parents=True, exist_ok=True)
        token = running.new_token()
        opening = {
            "place": local.runs, "host": HOST, "port": asked.port, "token": token,
            "project": engine.project.name, "root": str(root), "data": str(folders.data),
        }  # fmt: skip
        modules = [engine.tools.part(part).modules for part in local.needs]
        bun = engine.target.tools["bun"].path
        front = Front(bun, opening, modules=modules, environment=asked.environ, heard=hear)
        stack.callback(front.close)
        stack.enter_context(running.announced(folders, host=HOST, port=front.port, token=token))
        asked.say(f"{engine.project.name} on http://{HOST}:{front.port} ({provider})")
        dev = _Dev(lambda: _next_to(first, open_engine(provider)), asked, root, local, folders, front, heard)
        stack.callback(dev.unwatch)
        dev.go_on(engine)


def _next_to(first: Engine, engine: Engine) -> Engine:
    """An engine that knows what doesn't change between edits: our own tools, and what earlier ones have kept."""
    engine.recall = first.recall
    if engine.recall is not None and len(engine.recall.facts) > _MOST_HELD:
        engine.recall.facts.clear()
    vars(engine)["tools"] = first.tools
    return engine


@dataclass
class _Dev:
    """One project and provider, running. ``told`` are the notes that were said last."""

    open_again: Callable[[], Engine]
    asked: Asked
    root: Path
    local: places.Local
    folders: places.Folders
    front: Front
    heard: "queue.Queue[Heard]"
    good: version.Version | None = None
    is_broken: bool = False
    told: tuple[str, ...] = ()
    watch: Watch | None = None

    def go_on(self, engine: Engine) -> None:
        """Builds, and again after each edit."""
        self._look(engine, ())
        self._turn(engine, frozenset())
        while True:
            self._turn(None, self._next())

    def unwatch(self) -> None:
        if self.watch is not None:
            self.watch.close()

    def _next(self) -> frozenset[str]:
        """The edits since the last time; waits for one."""
        found = self._taken(self.heard.get())
        while not found or not self.heard.empty():
            found |= self._taken(self.heard.get())
        return found

    def _taken(self, told: Heard) -> frozenset[str]:
        if isinstance(told, frozenset):
            return told
        if told["is"] == "gone":
            raise DevFrontEnded(self.front.status())
        self._show([DevEnded(told["why"], _words(told["said"]))])
        self.good = None        # an edit that takes itself back starts it again
        return frozenset()

    def _turn(self, engine: Engine | None, edited: frozenset[str]) -> None:
        """Builds what there is now, and has it run where it is good."""
        began = time.monotonic()
        try:
            engine = engine or self.open_again()
            self._make(engine, edited, began)
        except DevFrontEnded:
            raise
        except UnitgraphError as error:
            problems = shown.flat([error])
            if all(problem.code in _PASSING for problem in problems):
                self.heard.put(edited or _SOMETHING)
            else:
                self._show(problems)
        finally:
            if engine is not None:
                engine.close()
                engine.database.close()

    def _make(self, engine: Engine, edited: frozenset[str], began: float) -> None:
        try:
            built = engine.build()
            if built.failures:
                raise Problems(built.failures)
        finally:
            self._look(engine, engine.read)
        made = version.of(engine, built, self.local, self.folders, self.asked.environ, self.asked.more)
        if self.good is not None and made.mark == self.good.mark:
            if self.is_broken:
                self.front.mended()
                self.asked.say("good again")
            self.is_broken = False
            return
        built_s = time.monotonic() - began
        said = self.front.swap(made.told)
        if said["is"] == "refused":
            raise DevNotStarted(said["why"], _words(said["said"]))
        is_first = self.good is None
        self.good = made
        self.is_broken = False
        if is_first and engine.manifest.workflows:
            self.asked.say(f"runs of workflows: http://{HOST}:{self.front.port}{DASHBOARD}")
        self._say(engine, built, edited, built_s, said["ms"] / 1000)

    def _say(self, engine: Engine, built: Built, edited: frozenset[str], built_s: float, swapped_s: float) -> None:
        names = ", ".join(unit.name for unit in engine.left_out)
        notes = (*([f"Listed, and not run by this version: {names}."] if names else ()), *built.notices)
        for note in notes:
            if note not in self.told:
                self.asked.say(f"note: {note}")
        self.told = notes
        made = sum(result.how is not How.FRESH for name, result in built.results.items() if name.startswith("bundle:"))
        some = f"{made} of " if edited and not engine.is_process else ""
        after = f", after {_named(sorted(edited))}" if edited else ""
        built_in = f"{some}{len(engine.units)} units built in {built_s:.2f} s"
        self.asked.say(f"{built_in}, running {swapped_s:.2f} s later{after}")

    def _show(self, errors: Sequence[UnitgraphError]) -> None:
        self.is_broken = True
        self.front.broken(shown.page(errors, self._text), [str(error) for error in shown.flat(errors)])
        self.asked.say(shown.text(errors, self._text).rstrip("\n"))

    def _text(self, path: str) -> str | None:
        try:
            return (self.root / path).read_text("utf-8", "replace")
        except OSError:
            return None

    def _look(self, engine: Engine, read: Sequence[str]) -> None:
        """Watches every folder that the build has read; one that comes to them is built after it is watched."""
        project = engine.project
        # a folder in which something was looked for in vain may be made yet
        looked = [f"{path}/." for path in project.sources.looked_at if path and not path.startswith("..")]
        found = folders_of([*read, *looked], project.sources.directories)
        folders = frozenset(folder for folder in found if (self.root / folder).is_dir())
        before = self.watch
        if before is not None and folders <= before.folders:
            return
        known = before.folders if before is not None else frozenset[str]()
        self.watch = Watch(self.root, folders | known, project.sources.out_dir, self.heard.put)
        if before is not None:
            before.close()
            self.heard.put(_SOMETHING)


def _words(lines: Sequence[str]) -> list[str]:
    """The last lines of a process as people read them: of a line of JSON what it says, and where that comes from."""
    found: list[str] = []
    for line in lines[-_SHOWN_LINES:]:
        try:
            said = json.loads(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or "msg" not in said:
            found.append(line)
            continue
        error = said.get("error")
        stack = error.get("stack") if isinstance(error, dict) else said.get("stack")
        found += [str(said["msg"]), *(str(stack).splitlines() if stack else ())]
    return found


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN_PATHS} more" if len(paths) > _SHOWN_PATHS else ""
    return ", ".join(paths[:_SHOWN_PATHS]) + more
