"""The program ``unitgraph``: the same commands as doit's plug-ins, with a faster start.

Standard library only until it is known that there is work to do.
"""

import os
import sys
from collections.abc import Sequence

from unitgraph.rules import quick


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; returns its exit status."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if args and args[0] == "plan":
        saved = quick.answer(args[1:], os.environ)
        if saved is not None:
            return quick.give(saved)
    from unitgraph.rules.program import run  # noqa: PLC0415 - doit and all behind it: 0.1 s

    return run(args)


if __name__ == "__main__":
    sys.exit(main())
