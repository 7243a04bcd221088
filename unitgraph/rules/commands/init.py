"""``doit init``: a small project that works."""

import sys
from pathlib import Path
from typing import Any

from unitgraph.rules.commands import base


class Init(base.ProjectCommand):
    doc_purpose = "write a small project that works"
    doc_usage = "[DIR]"
    doc_description = "Writes a project of three functions into DIR (the working folder), never over a file."
    cmd_options = ()

    def perform(self, options: dict[str, Any], names: list[str]) -> int:  # noqa: ARG002 - init has no options
        from unitgraph.rules.scaffold import scaffold  # noqa: PLC0415 - `doit help` needs none of it

        folder = Path(names[0] if names else ".").resolve()
        for path in scaffold(folder):
            sys.stdout.write(f"wrote {path}\n")
        sys.stdout.write(f"Next: cd {names[0] if names else '.'} && unitgraph dev\n")
        return 0
