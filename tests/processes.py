"""Processes of this machine, and which of them started which."""

from pathlib import Path


def family(pid: int) -> set[int]:
    """A process with all that it has started, and they."""
    children: dict[int, set[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), set()).add(int(folder.name))
    found, pending = {pid}, [pid]
    while pending:
        new = children.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
