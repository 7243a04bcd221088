"""Why an action was built or will be, as data and as text. Knows the engine and the reasons."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from unitgraph.errors.build import UnknownTask
from unitgraph.providers.base import Reason
from unitgraph.rules.bundle import PROCESS
from unitgraph.rules.engine import Engine
from unitgraph.rules.reasons import compare
from unitgraph.rules.tasks import current_key


@dataclass(frozen=True, slots=True)
class Explanation:
    """``status``: never-built, will-be-built or up-to-date. ``reasons`` are those of the next build, or of the last."""

    action: str
    status: str
    reasons: tuple[Reason, ...]

    def document(self) -> Mapping[str, object]:
        reasons = [{"kind": why.kind, "path": why.path, "detail": why.detail} for why in self.reasons]
        return {"action": self.action, "status": self.status, "reasons": reasons}

    def text(self) -> str:
        heads = {
            "never-built": f"{self.action} was never built here.",
            "will-be-built": f"{self.action} will be built again, since",
            "up-to-date": f"{self.action} is up to date." + (" It was last built because" if self.reasons else ""),
        }
        lines = [f"  {why.path}: {why.detail}" if why.path else f"  {why.detail}" for why in self.reasons]
        return "\n".join([heads[self.status], *lines]) + "\n"


def explain(engine: Engine, name: str) -> Explanation:
    """Compares the action's key now with that of its last run; builds nothing. Raises UnknownTask."""
    action = _action_name(engine, name)
    kind, _, subject = action.partition(":")
    known = engine.database.components(action)
    if known is None:
        return Explanation(action, "never-built", ())
    last, before = known
    current = current_key(engine, kind, subject)
    if current is None:
        waits = Reason("source-changed", "", "what is generated for it changes first: see 'why codegen:…'")
        return Explanation(action, "will-be-built", (waits,))
    if current.components != last:
        return Explanation(action, "will-be-built", compare(engine.database, last, current.components))
    return Explanation(action, "up-to-date", compare(engine.database, before, last) if before else ())


def _action_name(engine: Engine, name: str) -> str:
    """The action that a task, a unit or a function means."""
    kind, _, subject = name.rpartition(":")
    kind = kind or "bundle"
    owners = {function: unit.name for unit in engine.units.values() for function in unit.function_ids}
    subject = owners.get(subject, subject)
    if kind not in ("bundle", "codegen") or subject not in engine.units:
        known = [*engine.units, *owners]
        raise UnknownTask(name, get_close_matches(subject, known, n=3))
    return f"{kind}:{PROCESS if engine.is_process else subject}"
