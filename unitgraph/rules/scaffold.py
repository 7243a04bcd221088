"""The small project that ``doit init`` writes; knows nothing of building it."""

import re
from pathlib import Path

from unitgraph.errors.scaffold import FilesInTheWay, NoProjectName

FILES = Path(__file__).with_name("scaffold_files")

# Where a file lies in a new project, if it can't lie there in ours: a .gitignore would work on our own repository.
_RENAMED = {"gitignore": ".gitignore"}

# The project's name in package.json and in its lockfile, as the files here have it.
_NAME = b'"name": "my-app"'


def scaffold(folder: Path) -> tuple[Path, ...]:
    """Write a project of three functions to ``folder``, named after it, and return the files' paths.

    Raises FilesInTheWay, before anything is written, where a file is there already, and NoProjectName.
    """
    folder = folder.resolve()
    name = project_name(folder)
    files = {folder / place: content for place, content in project_files(name).items()}
    taken = [str(path.relative_to(folder)) for path in files if path.exists() or path.is_symlink()]
    if taken:
        raise FilesInTheWay(folder, taken)
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:  # "x": what appeared meanwhile isn't replaced either
            out.write(content)
    return tuple(files)


def project_files(name: str) -> dict[str, bytes]:
    """The new project's files by relative POSIX path."""
    found: dict[str, bytes] = {}
    for path in sorted(FILES.rglob("*")):
        if path.is_file():
            place = path.relative_to(FILES).as_posix()
            content = path.read_bytes().replace(_NAME, b'"name": "' + name.encode() + b'"')
            found[_RENAMED.get(place, place)] = content
    return found


def project_name(folder: Path) -> str:
    """The folder's name in the letters that a project's name may have."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    if not name:
        raise NoProjectName(folder)
    return name
