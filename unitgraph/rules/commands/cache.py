"""``doit cache``: what this machine's cache holds, what may go from it, whether it is right; and keys for sharing."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from unitgraph.rules import quick
from unitgraph.rules.commands import base

MAX_SIZE: base.Option = {
    "name": "max_size", "short": "", "long": "max-size", "type": str, "default": "",
    "help": "gc: what the results may take, such as 5GB [default: UNITGRAPH_CACHE_SIZE, or 10GB]",
}  # fmt: skip
MAX_AGE: base.Option = {
    "name": "max_age", "short": "", "long": "max-age", "type": str, "default": "",
    "help": "gc: remove what wasn't used for so long, such as 30d",
}  # fmt: skip
DRY_RUN: base.Option = {
    "name": "dry_run", "short": "", "long": "dry-run", "type": bool, "default": False,
    "help": "gc, doctor: say what would be done, and do nothing",
}  # fmt: skip
REBUILD: base.Option = {
    "name": "rebuild", "short": "", "long": "rebuild", "type": str, "default": "",
    "help": "verify: build such a share of the project's bundles again, such as 5%%, and compare bytes",
}  # fmt: skip
SEED: base.Option = {
    "name": "seed", "short": "", "long": "seed", "type": str, "default": "",
    "help": "verify: with another word, another share is built again",
}  # fmt: skip


class Report(Protocol):
    """What a task came to."""

    def document(self) -> dict[str, Any]: ...
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Task:
    """One word after ``cache``. ``options`` are the names of those that it takes, besides ``--json`` and ``--dir``."""

    does: str
    options: frozenset[str]
    run: Callable[[dict[str, Any], Sequence[str]], tuple[Report, int]]
    words: int = 0


class Cache(base.ProjectCommand):
    doc_purpose = "look at, collect, verify and mend this machine's cache"
    doc_usage = "[stats|gc|verify|doctor|keygen]"
    doc_description = None
    cmd_options = (
        base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, base.JSON, MAX_SIZE, MAX_AGE, DRY_RUN, REBUILD, SEED,
    )  # fmt: skip

    def help(self) -> str:
        """What doit shows of every command, and what stands for each task."""
        return "\n".join((super().help(), "\nTASKS", *(f"    {name:8} {task.does}" for name, task in TASKS.items())))

    def perform(self, options: dict[str, Any], names: list[str]) -> int:
        if not names:
            sys.stdout.write(self.help() + "\n")
            return 0
        task = _task(names[0])
        _refuse_misplaced(names, task, options, self.cmd_options)
        report, status = task.run(options, names[1:])
        if options["json"]:
            sys.stdout.write(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(report.text())
        return status


def _task(name: str) -> Task:
    from unitgraph.errors.store import UnknownCacheTask  # noqa: PLC0415 - `doit help` needs none of it

    if name not in TASKS:
        raise UnknownCacheTask(name, known=TASKS, near=get_close_matches(name, TASKS, n=2))
    return TASKS[name]


def _refuse_misplaced(
    names: Sequence[str], task: Task, options: dict[str, Any], every: Sequence[base.Option]
) -> None:
    from unitgraph.errors.store import CacheArgumentsTooMany, CacheOptionMisplaced  # noqa: PLC0415 - as above

    takes = task.options | {"directory", "json"}
    for option in every:
        if option["name"] not in takes and options[option["name"]] != option["default"]:
            known = [f"--{each['long']}" for each in every if each["name"] in takes]
            raise CacheOptionMisplaced(f"--{option['long']}", names[0], takes=known)
    if len(names) - 1 > task.words:
        raise CacheArgumentsTooMany(names[0], names[1 + task.words :])


def _project(options: dict[str, Any]) -> Path | None:
    """The project around the folder, where there is one: the cache is a user's, and needs none."""
    return quick.find_root(Path(options["directory"]).resolve())


def _stats(options: dict[str, Any], _words: Sequence[str]) -> tuple[Report, int]:
    from unitgraph.errors.store import CacheFolderUnusable  # noqa: PLC0415 - `doit help` needs none of it
    from unitgraph.rules import cache_stats  # noqa: PLC0415 - as above
    from unitgraph.rules.settings import settings  # noqa: PLC0415 - as above

    chosen = settings()
    try:
        return cache_stats.take(chosen.cache, chosen.cache_bytes, _project(options), time.time_ns()), 0
    except OSError as error:
        raise CacheFolderUnusable(chosen.cache, error.strerror or str(error)) from error


def _gc(options: dict[str, Any], _words: Sequence[str]) -> tuple[Report, int]:
    from unitgraph.cache.collect import Limits  # noqa: PLC0415 - `doit help` needs none of it
    from unitgraph.rules import amounts, cache_care  # noqa: PLC0415 - as above
    from unitgraph.rules.commands.session import say  # noqa: PLC0415 - as above
    from unitgraph.rules.settings import settings  # noqa: PLC0415 - as above

    chosen = settings()
    size, age = options["max_size"], options["max_age"]
    limits = Limits(
        amounts.size_bytes(size, "--max-size") if size else chosen.cache_bytes,
        int(amounts.age_s(age, "--max-age") * 1e9) if age else None,
    )
    return cache_care.sweep(chosen.cache, limits, time.time_ns(), dry_run=options["dry_run"], say=say), 0


def _doctor(options: dict[str, Any], _words: Sequence[str]) -> tuple[Report, int]:
    from unitgraph.rules import cache_care  # noqa: PLC0415 - `doit help` needs none of it
    from unitgraph.rules.commands.session import say  # noqa: PLC0415 - as above
    from unitgraph.rules.settings import settings  # noqa: PLC0415 - as above

    chosen, project = settings(), _project(options)
    healed = cache_care.heal(chosen.cache, project, time.time_ns(), dry_run=options["dry_run"], say=say)
    return healed, healed.status


def _verify(options: dict[str, Any], _words: Sequence[str]) -> tuple[Report, int]:
    from unitgraph.rules import cache_verify  # noqa: PLC0415 - `doit help` needs none of it

    verified = cache_verify.verify(options, _project(options), time.time_ns())
    return verified, verified.status


def _keygen(_options: dict[str, Any], words: Sequence[str]) -> tuple[Report, int]:
    from unitgraph.rules import key_pair  # noqa: PLC0415 - `doit help` needs none of it

    return key_pair.made(Path(words[0]) if words else None), 0


TASKS = {
    "stats": Task("what it holds, and how well it served the project's last builds", frozenset(), _stats),
    "gc": Task("remove what wasn't used for longest", frozenset({"max_size", "max_age", "dry_run"}), _gc),
    "verify": Task(
        "read everything again and compare", frozenset({"provider", "environment", "rebuild", "seed"}), _verify
    ),
    "doctor": Task("find and mend what is damaged", frozenset({"dry_run"}), _doctor),
    "keygen": Task("make a key to sign results with; with FILE, the private part goes there", frozenset(), _keygen, 1),
}
