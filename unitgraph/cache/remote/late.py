"""A library's client, made when it is first used: most commands need nothing but this machine. Knows no library."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Client = TypeVar("Client")


class Late(Generic[Client]):
    """Calling it gives the client; whichever thread comes first makes it, once."""

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: list[Client] = []

    def __call__(self) -> Client:
        if not self._made:
            with self._making:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def end(self, close: Callable[[Client], None]) -> None:
        """Closes the client if there is one."""
        with self._making:
            for client in self._made:
                close(client)
