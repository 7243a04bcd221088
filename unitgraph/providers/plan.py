"""A plan as data and as ``plan.json``: what would change, and what it was made against.

Made and written without pydantic, which costs more to import than an unchanged plan takes; `plan_document` reads it.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from unitgraph.cache.document import render as render_document
from unitgraph.errors.provider import PlanStale
from unitgraph.providers.base import Action, Change, State

PLAN_VERSION = 1
ACTIONS: tuple[Action, ...] = ("create", "update", "delete", "unchanged")


@dataclass(frozen=True, slots=True)
class Basis:
    """The deployed state that a plan was made against."""

    serial: int
    digest: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes of one target. ``created_at`` is UTC, "2026-07-30T12:00:00Z": the one part of it that is a time."""

    provider: str
    environment: str
    project: str
    commit: str | None
    dirty: bool
    migrations_digest: str | None
    basis: Basis
    changes: tuple[Change, ...]
    created_at: str
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> dict[Action, int]:
        counted = Counter(change.action for change in self.changes)
        return {action: counted[action] for action in ACTIONS}

    @property
    def has_changes(self) -> bool:
        return any(change.action != "unchanged" for change in self.changes)


def basis_of(deployed: State) -> Basis:
    return Basis(deployed.serial, deployed.digest)


def refuse_stale(plan: Plan, deployed: State) -> None:
    """Raise PlanStale where something was deployed, or changed, since the plan was made."""
    if plan.basis != basis_of(deployed):
        raise PlanStale(plan.created_at, planned=plan.basis.serial, found=deployed.serial)


def document(plan: Plan) -> dict[str, Any]:
    """The plan as ``plan.json`` has it."""
    return {
        "planVersion": PLAN_VERSION,
        "provider": plan.provider,
        "environment": plan.environment,
        "project": plan.project,
        "commit": plan.commit,
        "dirty": plan.dirty,
        "migrationsDigest": plan.migrations_digest,
        "basis": {"serial": plan.basis.serial, "digest": plan.basis.digest},
        "changes": [_change(change) for change in plan.changes],
        "summary": plan.summary,
        "notes": list(plan.notes),
        "createdAt": plan.created_at,
    }


def render(plan: Plan) -> bytes:
    return render_document(document(plan)).encode()


def only(plan: Plan, actions: Iterable[Action]) -> tuple[Change, ...]:
    wanted = set(actions)
    return tuple(change for change in plan.changes if change.action in wanted)


def _change(change: Change) -> dict[str, Any]:
    return {
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "key": {"old": change.old_key, "new": change.new_key},
        "bundle": change.bundle,
        "sizeBytes": change.size_bytes,
        "reasons": [{"kind": why.kind, "path": why.path, "detail": why.detail} for why in change.reasons],
    }
