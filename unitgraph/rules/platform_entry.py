"""What a worker is told of the queues and the clock that its platform calls it by. Knows wirings and names."""

from collections.abc import Mapping

from unitgraph.providers.cloudflare.bindings import at_once, cron, queue_binding, queue_name
from unitgraph.rules.entry import Platform
from unitgraph.rules.wirings import Wirings
from unitgraph.units.model import Unit


def platform_of(unit: Unit, wirings: Wirings, provider: str, told: list[str]) -> Platform:
    """``told`` gets what people should know of it, as sentences."""
    consumed: dict[str, Mapping[str, str | int]] = {}
    for queue in wirings.queues(unit):
        settings = queue.settings
        taken: dict[str, str | int] = {"queue": queue.queue, "concurrency": at_once(settings)}
        if settings.dead_letter_queue:
            taken["deadLetters"] = queue_binding(settings.dead_letter_queue)
        consumed[queue_name(queue.queue)] = taken
    triggers: dict[str, tuple[str, ...]] = {}
    tasks = wirings.tasks(unit)
    told += [
        f"The task {task.name} is to run times that were missed (missed: 'run'), and {provider} doesn't "
        f"say which: what its clock leaves out isn't made up for."
        for task in tasks
        if task.missed == "run"
    ]
    for task in tasks:
        triggers[cron(task.schedule)] = (*triggers.get(cron(task.schedule), ()), task.name)
    return Platform(consumed, triggers, tuple(task.name for task in tasks if task.overlap == "skip"))
