"""``doit info``: the project's structure; with a task's name it stays doit's own command."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.cmd_info import Info as TaskInfo

from unitgraph.rules.commands import base
from unitgraph.rules.loader import in_place_of

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine


class Info(base.ProjectCommand):
    doc_purpose = "show the project's units, routes, queues and more; with a task's name, that task"
    doc_usage = "[TASK]"
    doc_description = None
    cmd_options = (base.DIRECTORY, base.JSON, base.AFFECTED)

    def __init__(self, task_loader: Any = None, cmds: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rest = {"task_loader": in_place_of(task_loader), "cmds": cmds, **kwargs}

    def parse_execute(self, in_args: list[str]) -> int:
        """Hands a command line that names a task to doit's own ``info``."""
        words = self._options_first(in_args)
        if "--" in words or "--no-status" in words:
            return int(TaskInfo(**self._rest).parse_execute(in_args) or 0)
        return super().parse_execute(in_args)

    def perform(self, options: dict[str, Any], names: list[str]) -> int:  # noqa: ARG002 - names are doit's own info
        from unitgraph.rules.commands.session import say  # noqa: PLC0415 - heavy, and `doit help` needs none of it
        from unitgraph.rules.engine import Engine  # noqa: PLC0415 - as above
        from unitgraph.rules.settings import settings  # noqa: PLC0415 - as above
        from unitgraph.rules.sizes import built_sizes  # noqa: PLC0415 - as above
        from unitgraph.units.describe import describe  # noqa: PLC0415 - as above
        from unitgraph.units.project import load_project  # noqa: PLC0415 - as above

        project = load_project(Path(options["directory"]).resolve())
        engine = Engine(project, settings(), say)
        if options["affected_by"]:
            return _affected(engine, options)
        manifest = engine.read_only_workspace.manifest
        if options["json"]:
            sys.stdout.write(json.dumps(manifest.document(), indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(describe(manifest, engine.read_only_workspace.analysis.application))
            sys.stdout.write(built_sizes(engine))
        return 0


def _affected(engine: "Engine", options: dict[str, Any]) -> int:
    """The units that a change touches, instead of all."""
    from unitgraph.rules import history  # noqa: PLC0415 - as above
    from unitgraph.rules.affected import affected  # noqa: PLC0415 - as above
    from unitgraph.rules.affected_text import affected_text, manifest_of  # noqa: PLC0415 - as above

    changes = history.changes(engine.project.root, options["affected_by"])
    vars(engine)["workspace"] = engine.read_only_workspace      # nothing is installed for a look
    found = affected(engine, changes)
    if options["json"]:
        document = {**manifest_of(engine.workspace.manifest, found), "affectedBy": found.document()}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(affected_text(found, total=len(engine.workspace.manifest.units)))
    return 0
