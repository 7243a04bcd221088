"""Why an action was built or will be, as data and as text. Knows the engine, the cache's answer and the reasons.

An action is held against its last run in this checkout, or, where there was none, against the nearest build that the
cache knows of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from unitgraph.cache.key import Key
from unitgraph.errors import Problems
from unitgraph.errors.build import UnknownTask
from unitgraph.providers.base import Reason
from unitgraph.rules import ingredients
from unitgraph.rules.action import Action
from unitgraph.rules.bundle import PROCESS
from unitgraph.rules.engine import Engine
from unitgraph.rules.nearest import Nearest, since
from unitgraph.rules.reasons import compare, mark

SCHEMA: Final = 1
Status = Literal["never-built", "will-be-built", "up-to-date"]
_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class Against:
    """The build that an action is held against: the last one here, the one before that, or that of a commit, which is
    "" for one outside git."""

    build: Literal["last", "previous", "commit"]
    commit: str = ""
    ref: str = ""
    name: str = ""      # for people


@dataclass(frozen=True, slots=True)
class Explanation:
    """``reasons`` are those of the next build, or of the last one where the action is up to date.

    ``is_cached`` says whether a cache holds what would be built; None where nobody asked.
    """

    action: str
    status: Status
    key: str
    is_cached: bool | None
    against: Against | None
    reasons: tuple[Reason, ...]

    def document(self) -> Mapping[str, Any]:
        """What ``--json`` prints."""
        against = self.against
        return {
            "whyVersion": SCHEMA,
            "action": self.action,
            "status": self.status,
            "key": self.key,
            "cached": self.is_cached,
            "against": against and {"build": against.build, "commit": against.commit, "ref": against.ref},
            "reasons": [{"kind": why.kind, "path": why.path, "detail": why.detail} for why in self.reasons],
        }

    def text(self) -> str:
        lines = [f"  {why.path}: {why.detail}" if why.path else f"  {why.detail}" for why in self.reasons[:_SHOWN]]
        if len(self.reasons) > _SHOWN:
            lines.append(f"  and {len(self.reasons) - _SHOWN} more: see --json")
        return "\n".join([self._head(), *lines]) + "\n"

    def _head(self) -> str:
        cached = {True: "; the cache holds its result", False: ", and the cache holds no result of it", None: ""}
        if self.status == "up-to-date":
            return f"{self.action} is up to date." + (" It was last built because" if self.reasons else "")
        if self.status == "never-built":
            return f"{self.action} was never built here{cached[self.is_cached]}.{self._since()}"
        if self.is_cached:
            return f"{self.action} will be taken from the cache, since"
        return f"{self.action} will be built again, since" if self.reasons else f"{self.action} will be built again."

    def _since(self) -> str:
        if self.against is None:
            return ""
        if self.reasons:
            return f" Since {self.against.name}:"
        return f" Nothing of it moved since {self.against.name}."


def explain(engine: Engine, name: str) -> Explanation:
    """Compares the action's key now with another one of its; generates files, and bundles nothing. Raises UnknownTask,
    and Problems where what it is bundled from can't be generated."""
    action = _action_name(engine, name)
    kind, _, subject = action.partition(":")
    with engine.locked():
        record, known = engine.database.record(action), engine.database.components(action)
        before = engine.database.previous(action)
        codegen, bundle = _keys(engine, subject)
        key = codegen if kind == "codegen" else bundle
        status: Status = "never-built" if record is None else "will-be-built"
        if record is not None and record.key == key.digest:
            status = "up-to-date"
        ingredients.save_known(engine)
        engine.database.replace_nodes(ingredients.entries(codegen, bundle, is_new=status != "up-to-date"))
    nearest = Nearest(engine)
    last = known[0] if known else ()
    if status == "up-to-date":
        reasons = compare(nearest.node, before, last) if before and last else ()
        return Explanation(action, status, key.digest, None, Against("previous") if reasons else None, reasons)
    is_cached = None if kind == "codegen" else key.digest in engine.cache.look_up([key.digest])
    if last:
        reasons = compare(nearest.node, last, key.components)
        return Explanation(action, status, key.digest, is_cached, Against("last"), reasons)
    return _against_nearest(nearest, action, status, key, is_cached=is_cached)


def _against_nearest(
    nearest: Nearest, action: str, status: Status, key: Key, *, is_cached: bool | None
) -> Explanation:
    build = None if is_cached else nearest.build()
    known = build.actions.get(action) if build else None
    if build is None or known is None:
        return Explanation(action, status, key.digest, is_cached, None, ())
    against = Against("commit", build.commit, build.ref, since(build))
    reasons = () if known[0] == mark(key.digest) else compare(nearest.node, known[1], key.components)
    return Explanation(action, status, key.digest, is_cached, against, reasons)


def _keys(engine: Engine, subject: str) -> tuple[Key, Key]:
    """The keys of a subject's codegen and bundle as they are now."""
    action = Action(engine.codegen, subject)
    result = engine.generate([action], lambda _: None, engine.database.records())[action.name]
    if result.error is not None:
        raise Problems([result.error])
    rule = engine.rule_of(subject)
    rule.prepare([subject])
    assert result.key is not None, "only what failed has no key"
    return result.key, rule.key(subject)


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
