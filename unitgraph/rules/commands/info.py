"""``doit info``: the project's structure; with a task's name it stays doit's own command."""

import json
import sys
from pathlib import Path
from typing import Any

from doit.cmd_info import Info as TaskInfo

from unitgraph.rules.commands import base
from unitgraph.rules.loader import in_place_of


class Info(base.ProjectCommand):
    doc_purpose = "show the project's units, routes, queues and more; with a task's name, that task"
    doc_usage = "[TASK]"
    doc_description = None
    cmd_options = (base.DIRECTORY, base.JSON)

    def __init__(self, task_loader: Any = None, cmds: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rest = {"task_loader": in_place_of(task_loader), "cmds": cmds, **kwargs}

    def parse_execute(self, in_args: list[str]) -> int:
        """Hands a command line that names a task to doit's own ``info``."""
        names = [word for word in in_args if not word.startswith("-")]
        directory = any(word in ("-d", "--dir") for word in in_args)
        if (names and not directory) or "--no-status" in in_args:
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
        manifest = engine.read_only_workspace.manifest
        if options["json"]:
            sys.stdout.write(json.dumps(manifest.document(), indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(describe(manifest, engine.read_only_workspace.analysis.application))
            sys.stdout.write(built_sizes(engine))
        return 0
