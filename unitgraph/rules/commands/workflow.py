"""``doit workflow check``: whether runs that are stored would go on with the code of this checkout."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from unitgraph.rules.commands import base, runs, tasked

Options = dict[str, Any]

ALL: base.Option = {
    "name": "all", "short": "", "long": "all", "type": bool, "default": False,
    "help": "check runs that have ended as well; those of an export always are",
}  # fmt: skip
UNFINISHED = ("ready", "running", "waiting", "paused")


@dataclass(frozen=True, slots=True)
class Task:
    does: str


TASKS = {"check": Task("replay runs against the code, and say which it would part with; status 1 where there are any")}


class Workflow(base.ProjectCommand):
    doc_purpose = "check that stored runs go on with new code"
    doc_usage = "check [EXPORT...]"
    doc_description = None
    cmd_options = (
        base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, runs.STORE, runs.DEV, base.JSON, runs.NAME, runs.SINCE, ALL,
        base.JOBS,
    )  # fmt: skip

    def help(self) -> str:
        """What doit shows of every command, and what stands for the task."""
        return f"{super().help()}{tasked.help_of(TASKS)}"

    def perform(self, options: Options, names: list[str]) -> int:
        if not names:
            sys.stdout.write(self.help() + "\n")
            return 0
        tasked.task_of("workflow", names[0], TASKS)
        return _check(options, names[1:])


def _check(options: Options, files: list[str]) -> int:
    from unitgraph.errors import Problems  # noqa: PLC0415 - heavy, and `doit help` needs none of it
    from unitgraph.rules.commands import session  # noqa: PLC0415 - as above
    from unitgraph.rules.runs import check  # noqa: PLC0415 - as above

    stored = _runs(options, files)
    first = next(stored, None)      # where runs can't be read, nothing need be built
    engine = session.engine_of({**options, "provider": "standalone", "sourcemap": True, "local": True}, "workflow")
    with session.working(engine, options) as shown:
        built = engine.build(listener=shown)
        if built.failures:
            raise Problems(built.failures)
    given = chain([first], stored) if first is not None else iter(())
    checked = list(check.verdicts(engine, built, given, os.environ))
    bad = [item for item in checked if item["verdict"] != "agrees"]
    if options["json"]:
        document = {"checked": len(checked), "runs": bad}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(check.text(checked, check.written_at(engine)))
    return 1 if bad else 0


def _runs(options: Options, files: list[str]) -> Iterator[Any]:
    """The runs that are asked for, of a store or of exports."""
    from unitgraph.rules.runs.desk import Desk  # noqa: PLC0415 - as above

    statuses = "" if options["all"] or files else ",".join(UNFINISHED)
    wanted = runs.wanted({**options, "status": statuses, "search": ""})
    for store in files or [options["store"]]:
        with Desk(runs.place({**options, "store": store})) as desk:
            yield from islice(desk.ask("export", **wanted), None)
