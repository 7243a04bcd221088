"""Reading ``plan.json``: a document from outside, parsed strictly into a plan."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unitgraph.errors.provider import PlanUnreadable
from unitgraph.providers.base import Action, Change, Kind, Reason, ReasonKind
from unitgraph.providers.plan import Basis, Plan


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Basis(_Document):
    serial: int
    digest: str


class _Keys(_Document):
    old: str | None
    new: str | None


class _Reason(_Document):
    kind: ReasonKind
    path: str
    detail: str


class _Change(_Document):
    action: Action
    kind: Kind
    name: str
    key: _Keys
    bundle: str | None
    size_bytes: int | None = Field(alias="sizeBytes")
    reasons: list[_Reason]


class _Plan(_Document):
    plan_version: Literal[1] = Field(alias="planVersion")
    provider: str
    environment: str
    project: str
    commit: str | None
    dirty: bool
    migrations_digest: str | None = Field(alias="migrationsDigest")
    basis: _Basis
    changes: list[_Change]
    summary: dict[Action, int]
    notes: list[str]
    created_at: str = Field(alias="createdAt")


def read_plan(path: Path) -> Plan:
    """Parse a plan that `plan.render` wrote; raises PlanUnreadable."""
    try:
        found = _Plan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PlanUnreadable(path, detail=error.strerror or str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise PlanUnreadable(path, detail=f"{where}: {first['msg']}") from error
    plan = Plan(
        provider=found.provider,
        environment=found.environment,
        project=found.project,
        commit=found.commit,
        dirty=found.dirty,
        migrations_digest=found.migrations_digest,
        basis=Basis(found.basis.serial, found.basis.digest),
        changes=tuple(_parsed(change) for change in found.changes),
        created_at=found.created_at,
        notes=tuple(found.notes),
    )
    if plan.summary != found.summary:
        raise PlanUnreadable(path, detail="its summary doesn't count its changes")
    return plan


def _parsed(change: _Change) -> Change:
    return Change(
        action=change.action,
        kind=change.kind,
        name=change.name,
        old_key=change.key.old,
        new_key=change.key.new,
        bundle=change.bundle,
        size_bytes=change.size_bytes,
        reasons=tuple(Reason(why.kind, why.path, why.detail) for why in change.reasons),
    )
