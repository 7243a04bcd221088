"""What can go wrong while a new project is written."""

from collections.abc import Sequence
from pathlib import Path

from unitgraph.errors.base import UnitgraphError


class FilesInTheWay(UnitgraphError):
    """A new project would replace files that are there; nothing was written."""

    code = "files-in-the-way"

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        listed = ", ".join(names)
        super().__init__(
            f"{folder} already has {listed}; nothing was written.",
            remedy="Choose an empty folder, `doit init NEW_FOLDER`, or move these files away.",
        )


class NoProjectName(UnitgraphError):
    """A folder's name leaves nothing that could stand in the names of units."""

    code = "no-project-name"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The folder's name {folder.name!r} has no letter or digit of a-z and 0-9 to name the project after.",
            remedy="Choose a folder with such a name: `doit init my-app`.",
        )
