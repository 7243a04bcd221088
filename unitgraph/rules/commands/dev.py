"""``doit dev``: runs the project on this machine while it is edited."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from unitgraph.rules.commands import base

PORT: base.Option = {
    "name": "port", "short": "p", "long": "port", "type": int, "default": 3000,
    "help": "where it listens; 0 takes any port that is free",
}  # fmt: skip
FIRE: base.Option = {
    "name": "fire", "short": "", "long": "fire", "type": str, "default": "",
    "help": "have the one that runs call a schedule's function now, or add a job to a queue, by its name",
}  # fmt: skip
DATA: base.Option = {
    "name": "data", "short": "", "long": "data", "type": str, "default": "null",
    "help": "with --fire: the data of the job, as JSON",
}  # fmt: skip


class Dev(base.ProjectCommand):
    doc_purpose = "run the project on this machine, and swap in what is edited"
    doc_usage = ""
    doc_description = "Rebuilds on save and runs the units in the provider's own local runtime, until Ctrl-C."
    cmd_options = (base.DIRECTORY, base.PROVIDER, base.ENVIRONMENT, PORT, FIRE, DATA, base.JOBS)

    def perform(self, options: dict[str, Any], names: list[str]) -> int:  # noqa: ARG002 - dev takes no names
        return _fire(options) if options["fire"] else _run(options)


def _run(options: dict[str, Any]) -> int:
    from unitgraph.rules.commands import session  # noqa: PLC0415 - heavy, and `doit help` needs none of it
    from unitgraph.rules.dev import log, server  # noqa: PLC0415 - as above

    for ended_by in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ended_by, signal.default_int_handler)
    is_seen = sys.stdout.isatty()

    def line(text: str) -> None:
        sys.stdout.write(f"{log.readable(text) if is_seen else text}\n")
        sys.stdout.flush()

    more = {"UNITGRAPH_ENV": "development"}
    asked = server.Asked(int(options["port"]), os.environ, more, session.say, line)
    said = {**options, "sourcemap": True, "local": True}
    try:
        server.run(lambda chosen: session.engine_of({**said, "provider": chosen or options["provider"]}, "dev"), asked)
    except KeyboardInterrupt:
        session.say("stopped")
    return 130


def _fire(options: dict[str, Any]) -> int:
    from unitgraph.errors.dev import DevDataInvalid  # noqa: PLC0415 - as above
    from unitgraph.rules.dev import places, running  # noqa: PLC0415 - as above
    from unitgraph.units.project import load_project  # noqa: PLC0415 - as above

    project = load_project(Path(options["directory"]).resolve())
    provider = options["provider"] or project.config.deploy.within(options["environment"]).provider
    places.local(provider)
    try:
        data = json.loads(options["data"])
    except ValueError as error:
        raise DevDataInvalid(str(error)) from error
    running.fire(places.folders(project.root, provider), provider, options["fire"], data)
    sys.stdout.write(f"{options['fire']} fired\n")
    return 0
