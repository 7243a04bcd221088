"""``doit apply``: builds, plans and ships."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from unitgraph.rules.commands import base

FROM_PLAN: base.Option = {
    "name": "from_plan", "short": "", "long": "from-plan", "type": bool, "default": False,
    "help": "ship the plan that was saved (an argument names its file), or refuse it where anything has moved",
}  # fmt: skip
WAIT_LOCK: base.Option = {
    "name": "wait_lock", "short": "", "long": "wait-lock", "type": int, "default": 0,
    "help": "how many seconds to wait for another apply of the same target to end",
}  # fmt: skip


class Apply(base.ProjectCommand):
    doc_purpose = "ship what has changed"
    doc_usage = "[PLAN]"
    doc_description = "Builds, plans, and makes what is deployed what it should be."
    cmd_options = (
        base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, base.RESULT_FILE, base.JSON, base.DETAILED, base.REFRESH,
        base.SOURCEMAP, FROM_PLAN, WAIT_LOCK, base.JOBS, base.PROFILE,
    )  # fmt: skip

    def perform(self, options: dict[str, Any], names: list[str]) -> int:
        from unitgraph.cache.files import write_atomic  # noqa: PLC0415 - heavy, and `doit help` needs none of it
        from unitgraph.providers.plan import document  # noqa: PLC0415 - as above
        from unitgraph.rules import report, ship  # noqa: PLC0415 - as above
        from unitgraph.rules.commands import session  # noqa: PLC0415 - as above

        engine = session.engine_of(options, "apply")
        saved = None
        if options["from_plan"]:
            saved = names[0] if names else f"{engine.folder}/plan.json"
        with session.working(engine, options) as shown:
            plan, outcome = ship.ship(engine, from_plan=saved, listener=shown, say=session.say)
        told = {**document(plan), "release": outcome.release, "outcomeNotes": list(outcome.notes)}
        text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        if options["result_file"]:
            write_atomic(Path(options["result_file"]).resolve(), text.encode())
        if options["json"]:
            sys.stdout.write(text)
        else:
            sys.stdout.write(report.plan_text(plan, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
            sys.stdout.write("".join(f"{note}\n" for note in outcome.notes))
        graph = session.project_graph(engine.project.root)
        if graph is not None and graph[0].after:
            session.run_own(graph[1], graph[0].after)
        return 2 if options["detailed_exitcode"] and plan.has_changes else 0
