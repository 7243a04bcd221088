"""Every command with its options, as doit and the program load them; what the guards hold the documents to."""

from importlib.metadata import entry_points
from typing import Any

OWN = ("plan", "apply", "info", "why", "init", "cache", "dev", "runs", "workflow")


def options() -> dict[str, set[str]]:
    """Command → its long options, with dashes; those that doit gives to every command are left out."""
    found = {}
    for point in entry_points(group="doit.COMMAND"):
        if point.value.startswith("unitgraph."):
            command: Any = point.load()
            found[point.name] = {f"--{option['long']}" for option in command.cmd_options if option.get("long")}
    return found
