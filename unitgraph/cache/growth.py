"""How much the cache's folder holds, without looking: the size at the last count, and what each build has added since.

One line a build, appended. A file that is missing, damaged or old asks for a count.
"""

import os
from typing import Final

from unitgraph.cache.files import write_atomic
from unitgraph.cache.layout import FOLDER_MODE, Layout

_MARGIN: Final = 1.1
"""A collection begins at a tenth above the bound, so that not every build at the bound begins one."""

_OLD_NS: Final = 30 * 86_400 * 1_000_000_000


def note(layout: Layout, added_bytes: int) -> None:
    """Adds what one build has written. May raise OSError."""
    if added_bytes:
        handle = os.open(layout.size, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, b"%d\n" % added_bytes)
        finally:
            os.close(handle)


def counted(layout: Layout, size_bytes: int, now_ns: int) -> None:
    """Begins anew with what a count has found. May raise OSError."""
    write_atomic(layout.size, b"counted %d %d\n" % (size_bytes, now_ns), mode=0o600, folder_mode=FOLDER_MODE)


def has_outgrown(layout: Layout, bound_bytes: int, now_ns: int) -> bool:
    """Whether it is time to count, and to collect where there is more than the bound. May raise OSError."""
    first, *added = layout.size.read_bytes().split(b"\n")
    try:
        word, size_bytes, at_ns = first.split()
        total = int(size_bytes) + sum(int(line) for line in added if line)
        return word != b"counted" or abs(now_ns - int(at_ns)) > _OLD_NS or total > bound_bytes * _MARGIN
    except ValueError:
        return True
