"""``doit runs``: runs of workflows where they are kept: looked at, ended, gone on with, done again, taken along."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unitgraph.rules.commands import base, tasked

if TYPE_CHECKING:
    from unitgraph.rules.runs.desk import Desk

Options = dict[str, Any]

STORE: base.Option = {
    "name": "store", "short": "", "long": "store", "type": str, "default": "",
    "help": "a data folder, the URL of a server or a deployment, or a file of 'runs export' [default: as a process]",
}  # fmt: skip
DEV: base.Option = {
    "name": "dev", "short": "", "long": "dev", "type": bool, "default": False, "help": "the runs that 'doit dev' keeps",
}  # fmt: skip
NAME: base.Option = {
    "name": "name", "short": "", "long": "name", "type": str, "default": "", "help": "runs of this workflow",
}  # fmt: skip
STATUS: base.Option = {
    "name": "status", "short": "", "long": "status", "type": str, "default": "",
    "help": "runs that are this: ready, running, waiting, paused, completed, failed, cancelled, or several with commas",
}  # fmt: skip
SINCE: base.Option = {
    "name": "since", "short": "", "long": "since", "type": str, "default": "",
    "help": "runs that began then or later, such as 2h, 7d or 2026-01-31",
}  # fmt: skip
SEARCH: base.Option = {
    "name": "search", "short": "", "long": "search", "type": str, "default": "",
    "help": "runs with this text in their id, workflow, input or reason",
}  # fmt: skip
LIMIT: base.Option = {
    "name": "limit", "short": "n", "long": "limit", "type": int, "default": 0,
    "help": "list: how many at most [default: 50]; export: as many as there are",
}  # fmt: skip
REASON: base.Option = {
    "name": "reason", "short": "", "long": "reason", "type": str, "default": "",
    "help": "cancel: why, for whoever looks later",
}  # fmt: skip
FROM: base.Option = {
    "name": "from", "short": "", "long": "from", "type": str, "default": "",
    "help": "fork: the step to do again, with all after it [default: all of them]",
}  # fmt: skip
AS: base.Option = {
    "name": "as", "short": "", "long": "as", "type": str, "default": "", "help": "fork: the id of the new run",
}  # fmt: skip
FILE: base.Option = {
    "name": "file", "short": "", "long": "file", "type": str, "default": "",
    "help": "export: write to this file [default: standard output]",
}  # fmt: skip

STATUSES = ("ready", "running", "waiting", "paused", "completed", "failed", "cancelled")
_LIMIT = 50
_FILTERS = frozenset(("name", "status", "since", "search", "limit"))
_EVERY = frozenset(("directory", "provider", "environment", "store", "dev"))


@dataclass(frozen=True, slots=True)
class Task:
    """One word after ``runs``; ``is_of_one`` tasks are about the runs that are named."""

    does: str
    options: frozenset[str]
    run: "Callable[[Desk, Options, Sequence[str]], int]"
    is_of_one: bool = True


class Runs(base.ProjectCommand):
    doc_purpose = "list, show, cancel, resume, fork and export runs of workflows"
    doc_usage = "[list|show|cancel|resume|fork|export] [ID...]"
    doc_description = None
    cmd_options = (
        base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, STORE, DEV, base.JSON, NAME, STATUS, SINCE, SEARCH, LIMIT,
        REASON, FROM, AS, FILE,
    )  # fmt: skip

    def help(self) -> str:
        """What doit shows of every command, and what stands for each task."""
        return f"{super().help()}{tasked.help_of(TASKS)}"

    def perform(self, options: Options, names: list[str]) -> int:
        from unitgraph.errors.runs import RunIdMissing, WordsTooMany  # noqa: PLC0415 - `doit help` needs none of it
        from unitgraph.rules.runs.desk import Desk  # noqa: PLC0415 - as above

        word, *ids = names or ["list"]
        task = tasked.task_of("runs", word, TASKS)
        tasked.refuse_misplaced("runs", word, task.options | _EVERY, options, self.cmd_options)
        if task.is_of_one and not ids:
            raise RunIdMissing(f"runs {word}")
        if ids and word == "list":
            raise WordsTooMany("runs list", ids)
        with Desk(place(options)) as desk:
            return task.run(desk, options, ids)


def place(options: Options) -> Any:
    """Where the runs are that the options mean."""
    from unitgraph.rules.runs.places import place_of  # noqa: PLC0415 - as above
    from unitgraph.units.project import load_project  # noqa: PLC0415 - as above

    project = load_project(Path(options["directory"]).resolve())
    return place_of(
        project, os.environ, store=options["store"], environment=options["environment"], is_dev=options["dev"],
        provider=options["provider"],
    )  # fmt: skip


def wanted(options: Options) -> Options:
    """The filters as the store is asked."""
    from unitgraph.errors.runs import StatusUnknown  # noqa: PLC0415 - as above

    found: Options = {"name": options["name"], "text": options["search"]}
    statuses = [word.strip() for word in options["status"].split(",") if word.strip()]
    for status in statuses:
        if status not in STATUSES:
            raise StatusUnknown(status, known=STATUSES)
    found["statuses"] = statuses
    if options["since"]:
        found["since"] = _since(options["since"])
    return {name: value for name, value in found.items() if value}


def _since(text: str) -> int:
    """Milliseconds since 1970."""
    from unitgraph.errors.runs import TimeInvalid  # noqa: PLC0415 - as above
    from unitgraph.errors.store import AmountInvalid  # noqa: PLC0415 - as above
    from unitgraph.rules.amounts import age_s  # noqa: PLC0415 - as above

    try:
        when = datetime.fromisoformat(text)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except ValueError:
        pass
    try:
        return int((datetime.now(UTC).timestamp() - age_s(text, "--since")) * 1000)
    except AmountInvalid:
        raise TimeInvalid("--since", text) from None


def _list(desk: "Desk", options: Options, _ids: Sequence[str]) -> int:
    from unitgraph.rules.runs import text  # noqa: PLC0415 - as above

    limit = options["limit"] or _LIMIT
    found = list(desk.ask("list", **wanted(options), limit=limit + 1))
    runs = found[:limit]
    if options["json"]:
        _document({"runs": runs})
    else:
        sys.stdout.write(text.listed(runs, datetime.now(UTC), is_cut=len(found) > limit))
    return 0


def _show(desk: "Desk", options: Options, ids: Sequence[str]) -> int:
    from unitgraph.rules.runs import text  # noqa: PLC0415 - as above

    found = [desk.one("show", id=run) for run in ids]
    if options["json"]:
        _document(found[0] if len(found) == 1 else {"runs": found})
    else:
        sys.stdout.write("\n".join(text.shown(run, datetime.now(UTC)) for run in found))
    return 0


def _changing(did: str, question: str) -> "Callable[[Desk, Options, Sequence[str]], int]":
    def change(desk: "Desk", options: Options, ids: Sequence[str]) -> int:
        from unitgraph.rules.runs import text  # noqa: PLC0415 - as above

        more = {"reason": options["reason"] or None} if question == "cancel" else {}
        found = [desk.one(question, id=run, **more) for run in ids]
        if options["json"]:
            _document({"runs": found})
        else:
            sys.stdout.write("".join(text.changed(run, did) for run in found))
        return 0

    return change


def _fork(desk: "Desk", options: Options, ids: Sequence[str]) -> int:
    from unitgraph.errors.runs import WordsTooMany  # noqa: PLC0415 - as above
    from unitgraph.rules.runs import text  # noqa: PLC0415 - as above

    if len(ids) > 1:
        raise WordsTooMany("runs fork", ids[1:])
    more = {name: options[name] for name in ("from", "as") if options[name]}
    made = desk.one("fork", id=ids[0], **more)
    if options["json"]:
        _document(made)
    else:
        sys.stdout.write(text.changed(made, "forked"))
    return 0


def _export(desk: "Desk", options: Options, ids: Sequence[str]) -> int:
    limit = options["limit"] or None
    runs = islice(desk.ask("export", **wanted(options), **({"ids": list(ids)} if ids else {})), limit)
    lines = (json.dumps(run, separators=(",", ":"), ensure_ascii=False) + "\n" for run in runs)
    if options["file"]:
        count = _write(Path(options["file"]).resolve(), lines)
        sys.stderr.write(f"{count:,} {'run' if count == 1 else 'runs'} written to {options['file']}\n")
    else:
        sys.stdout.writelines(lines)
    return 0


def _write(path: Path, lines: Iterable[str]) -> int:
    """Writes all of them or none, for nobody but this user to read; returns how many there were."""
    from unitgraph.errors.runs import ExportUnwritable  # noqa: PLC0415 - as above

    part = path.with_name(f".{path.name}.{os.getpid()}")
    count = 0
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                count += 1
        part.replace(path)
    except OSError as error:
        raise ExportUnwritable(str(path), error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _document(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


_JSON = frozenset({"json"})
TASKS = {
    "list": Task("which runs there are, newest first", _FILTERS | _JSON, _list, is_of_one=False),
    "show": Task("all of a run: its steps, attempts, times, values", _JSON, _show),
    "cancel": Task(
        "ask for a run's end: no step begins any more", _JSON | {"reason"}, _changing("asked to end", "cancel")
    ),
    "resume": Task("let a run go on that is paused", _JSON, _changing("resumed", "resume")),
    "fork": Task("do a run again, from a step on, as a new one", _JSON | {"from", "as"}, _fork),
    "export": Task("runs as JSON lines, for 'workflow check'", _FILTERS | {"file"}, _export, is_of_one=False),
}
