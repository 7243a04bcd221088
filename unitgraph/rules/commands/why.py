"""``doit why``: why a task or a unit was built, or will be."""

import json
import sys
from typing import Any

from unitgraph.rules.commands import base


class Why(base.ProjectCommand):
    doc_purpose = "explain why a task or a unit was built or will be, down to the first changed file"
    doc_usage = "TASK_OR_UNIT"
    doc_description = None
    cmd_options = (base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, base.JSON)

    def perform(self, options: dict[str, Any], names: list[str]) -> int:
        from unitgraph.errors.build import NameMissing  # noqa: PLC0415 - heavy, and `doit help` needs none of it
        from unitgraph.rules.commands import session  # noqa: PLC0415 - as above
        from unitgraph.rules.explain import explain  # noqa: PLC0415 - as above

        if len(names) != 1:
            raise NameMissing("why")
        engine = session.engine_of(options, "why")
        try:
            told = explain(engine, names[0])
        finally:
            engine.close()
        for warning in dict.fromkeys(engine.cache.traffic.warnings):
            session.say(f"warning: {warning}")
        if options["json"]:
            sys.stdout.write(json.dumps(told.document(), indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(told.text())
        return 0
