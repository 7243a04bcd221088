"""Where doit's tasks come from: the project's dodo.py, or the default graph where there is none."""

import os
from pathlib import Path
from typing import Any

from doit.cmd_base import DodoTaskLoader

from unitgraph.rules import quick


class GraphLoader(DodoTaskLoader):
    """doit's own loader, which falls back to the default graph in a project that has no dodo.py."""

    def setup(self, opt_values: dict[str, Any]) -> None:
        """Loads the tasks' namespace; doit's own error where there is neither a dodo.py nor a project."""
        start = Path(opt_values.get("cwdPath") or ".").resolve()
        root = quick.find_root(start)
        if root is None or (root / "dodo.py").is_file() or opt_values["dodoFile"] != "dodo.py":
            super().setup(opt_values)
            return
        from unitgraph.rules.graph import default_namespace  # noqa: PLC0415 - only where it is used

        os.chdir(root)
        self.namespace = default_namespace()


def in_place_of(loader: Any) -> Any:
    """Our loader where doit would use its own; another one is left alone."""
    if type(loader) is not DodoTaskLoader:
        return loader
    ours = GraphLoader()
    ours.cmd_names, ours.config = loader.cmd_names, loader.config
    return ours
