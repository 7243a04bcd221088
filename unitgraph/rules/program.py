"""The program behind ``unitgraph``: doit, with the project's tasks."""

import sys

from doit.doit_cmd import DoitMain

from unitgraph.rules.loader import GraphLoader

_OURS = frozenset(("plan", "apply", "info", "why", "init", "cache", "dev", "runs", "workflow"))
"""Commands whose status 3 is a fault of ours; of doit's own it is an error of the command line or the dodo.py."""


class _Main(DoitMain):
    BIN_NAME = "unitgraph"


def run(args: list[str]) -> int:
    """Runs one command line; without a command, shows what there is."""
    if "" in args:
        sys.stderr.write("unitgraph: one of the words is empty, as that of a shell's variable without a value is\n")
        return 1
    if len(args) == 2 and args[0] not in _OURS and args[1] in ("--help", "-h"):
        args = ["help", args[0]]
    status = int(_Main(GraphLoader()).run(args or ["help"]) or 0)
    sys.stdout.flush()
    return 1 if status == 3 and (not args or args[0] not in _OURS) else status
