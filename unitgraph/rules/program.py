"""The program behind ``unitgraph``: doit with the project's tasks, from its dodo.py or the default graph."""

import os
import sys
from pathlib import Path
from typing import Any

from doit.cmd_base import DodoTaskLoader, ModuleTaskLoader
from doit.doit_cmd import DoitMain

from unitgraph.rules import quick
from unitgraph.rules.graph import default_namespace


class _Loader(DodoTaskLoader):
    """doit's own loader, which falls back to the default graph where a project has no dodo.py."""

    def setup(self, opt_values: dict[str, Any]) -> None:
        start = Path(opt_values.get("cwdPath") or ".").resolve()
        root = quick.find_root(start)
        if root is None or (root / "dodo.py").is_file() or opt_values["dodoFile"] != "dodo.py":
            super().setup(opt_values)
            return
        os.chdir(root)
        self.namespace = ModuleTaskLoader(default_namespace()).namespace


_OURS = frozenset(("plan", "apply", "info", "why", "init"))
"""Commands whose status 3 is a fault of ours; of doit's own it is an error of the command line or the dodo.py."""


class _Main(DoitMain):
    BIN_NAME = "unitgraph"


def run(args: list[str]) -> int:
    """Runs one command line; without a command, shows what there is."""
    status = int(_Main(_Loader()).run(args or ["help"]) or 0)
    sys.stdout.flush()
    return 1 if status == 3 and (not args or args[0] not in _OURS) else status
