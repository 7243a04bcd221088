"""What is said of a queue's worker and of a scheduled task besides its function: read and checked, from constants."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from unitgraph.errors.source import WrongKind
from unitgraph.errors.wiring import BadOption, OwnDeadLetters, ReservedQueue
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope, describe
from unitgraph.units.facts import Span
from unitgraph.units.model import QueueSettings

WORKFLOW_QUEUES: Final = ("pikku-workflow-orchestrator", "pikku-workflow-worker")

_STATIC: Final = frozenset(
    ("func", "name", "queue", "queueName", "config", "schedule", "missed", "overlap", "title", "summary", "description")
)
"""Options that nobody needs at run time: they are in the manifest."""

_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)")
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class _Setting:
    """``field`` of QueueSettings; ``read`` gives the value, or None for what it can't be."""

    field: str
    expected: str
    read: Callable[[Any], Any]


def _whole(value: Any, low: int, high: int) -> int | None:
    return value if type(value) is int and low <= value <= high else None


def _duration(value: Any, most_ms: int, per: int = 1) -> int | None:
    """A number of milliseconds or a duration, in ``per`` milliseconds, rounded up."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    ms = float(found[1]) * _UNITS_MS[found[2]] if found else value if type(value) in (int, float) else -1
    return -int(-ms // per) if 0 <= ms <= most_ms else None


def _one_of(value: Any, *known: str) -> str | None:
    return value if value in known else None


_SETTINGS: Final[Mapping[str, _Setting]] = {
    "batchSize": _Setting("batch_size", "a whole number from 1 to 100", partial(_whole, low=1, high=100)),
    "batchTimeout": _Setting(
        "batch_timeout_s", "a duration up to 60s", partial(_duration, most_ms=60_000, per=1000)
    ),
    "concurrency": _Setting("concurrency", "a whole number from 1 to 1000", partial(_whole, low=1, high=1000)),
    "maxRetries": _Setting("max_retries", "a whole number from 0 to 100", partial(_whole, low=0, high=100)),
    "retryDelay": _Setting("retry_delay_ms", "a duration up to 12h", partial(_duration, most_ms=12 * _HOUR_MS)),
    "backoff": _Setting(
        "backoff", "'fixed' or 'exponential'", lambda value: _one_of(value, "fixed", "exponential")
    ),
    "timeout": _Setting("timeout_ms", "a duration up to 15m", partial(_duration, most_ms=_HOUR_MS // 4)),
    "visibilityTimeout": _Setting(
        "visibility_timeout_s", "a number of seconds from 1 to 3600", partial(_whole, low=1, high=3600)
    ),
}  # fmt: skip


def queue_settings(draft: Draft, entries: Entries, queue: str | None) -> QueueSettings:
    """The worker's configuration with what isn't given as it is by default; of what is wrong there are problems."""
    given: dict[str, Any] = {}
    config = draft.entries(entries["config"].value, "'config' of wireQueueWorker") if "config" in entries else None
    for key, entry in (config or {}).items():
        if key == "deadLetterQueue":
            name = draft.name(entry.value, "a queue")
            if name in WORKFLOW_QUEUES:
                draft.report(ReservedQueue(draft.at(entry.value), name))
            elif name is not None and name == queue:
                draft.report(OwnDeadLetters(draft.at(entry.value), name))
            elif name is not None:
                given["dead_letter_queue"] = name
        elif key in _SETTINGS:
            setting = _SETTINGS[key]
            value = _constant(draft, entry.value, f"'{key}' of a queue's 'config'")
            read = setting.read(value)
            if value is not None and read is None:
                draft.report(BadOption(draft.at(entry.value), key, setting.expected, value))
            elif read is not None:
                given[setting.field] = read
        else:
            draft.notices.append(f"{draft.at(entry.value)}: {key!r} has no effect on the queue {queue}.")
    return QueueSettings(**given)


def choice(draft: Draft, entries: Entries, key: str, known: tuple[str, ...]) -> str | None:
    """An option that is one of a few words; None where it isn't given, or isn't one, which is a problem."""
    if key not in entries:
        return None
    value = _constant(draft, entries[key].value, f"'{key}' of wireScheduler")
    if value is not None and value not in known:
        expected = " or ".join(repr(word) for word in known)
        draft.report(BadOption(draft.at(entries[key].value), key, expected, value))
        return None
    return value if isinstance(value, str) else None


def needed(entries: Entries) -> tuple[bool, list[Span]]:
    """Whether anything of the options is needed at run time, and the spans of what isn't."""
    spans = [Span(entry.start, entry.end) for key, entry in entries.items() if entry.own and key in _STATIC]
    return any(key not in _STATIC for key in entries), spans


def missed_and_overlap(
    draft: Draft, entries: Entries
) -> tuple[Literal["run", "skip"], Literal["allow", "skip"]]:
    missed = choice(draft, entries, "missed", ("run", "skip"))
    overlap = choice(draft, entries, "overlap", ("allow", "skip"))
    return "run" if missed == "run" else "skip", "skip" if overlap == "skip" else "allow"


def _constant(draft: Draft, scope: Scope, what: str) -> Any:
    settled = draft.settled(scope, what)
    if settled is not None and settled.expr[0] != "c":
        draft.report(WrongKind(draft.at(scope), what, expected="a constant", found=describe(settled)))
    return settled.expr[3] if settled is not None and settled.expr[0] == "c" else None
