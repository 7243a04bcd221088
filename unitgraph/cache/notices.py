"""What people are told about a shared cache: one line a kind, however often it happens. Safe for several threads."""

import threading


class Notices:
    """Lines in a list that others append to, too. A later line of a kind takes the place of the one before."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._places: dict[str, int] = {}
        self._lock = threading.Lock()

    def say(self, kind: str, line: str) -> None:
        with self._lock:
            place = self._places.setdefault(kind, len(self._lines))
            self._lines[place : place + 1] = [line]
