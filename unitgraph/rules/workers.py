"""Who works on which queues of a process, as its main lists them. Knows wirings; generates no text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unitgraph.rules.wirings import Wirings
    from unitgraph.units.model import Unit


def workers(units: Iterable["Unit"], wirings: "Wirings", isolation: str) -> Iterator[Mapping[str, str | int]]:
    for unit in units:
        for wiring in wirings.queues(unit):
            settings = wiring.settings
            worker: dict[str, str | int] = {
                "queue": wiring.queue,
                "unit": unit.name,
                "batchSize": settings.batch_size,
                "concurrency": settings.concurrency or settings.batch_size,
            }
            if isolation == "process":
                worker["leaseMs"] = settings.visibility_timeout_s * 1000
            else:
                worker["timeoutMs"] = settings.timeout_ms
            if settings.dead_letter_queue:
                worker["deadLetters"] = settings.dead_letter_queue
            yield worker
