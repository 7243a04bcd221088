"""Plan and apply: a build compared with what is deployed, and made so. Knows the engine and what a provider is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from unitgraph.cache import digest
from unitgraph.errors import Problems
from unitgraph.errors.build import PlanOutdated
from unitgraph.providers.base import Outcome
from unitgraph.providers.diff import diff, explain
from unitgraph.providers.plan import Plan, basis_of, refuse_stale, render
from unitgraph.rules import git
from unitgraph.rules.engine import Built, Engine
from unitgraph.rules.misses import missed_lines
from unitgraph.rules.nearest import Nearest, publish
from unitgraph.rules.openapi_rule import with_documents
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.reasons import reasons_for
from unitgraph.rules.runner import Demand, Listener

LOOKING: Final = Demand(bytes=False)
"""A plan needs digests and sizes."""
SHIPPING: Final = Demand(trusted_only=True)
"""What is shipped was built here, or by somebody that the project trusts."""


@dataclass(frozen=True)
class Planned:
    """A plan and the build that it is about."""

    plan: Plan
    built: Built


def plan(
    engine: Engine, *, listener: Listener = lambda _: None, demand: Demand = LOOKING, writes: bool = True
) -> Planned:
    """Builds what changed and compares; ``writes`` plan.json. Raises Problems where a unit can't be built."""
    built = engine.build(listener=listener, demand=demand)
    if built.failures:
        raise Problems(built.failures)
    with engine.timeline.span("deployed"):
        deployed = engine.provider.deployed(engine.target)
    with engine.timeline.span("plan"):
        desired = engine.provider.desired(engine.runnable, built.build, with_documents(engine))
        nearest = Nearest(engine)
        why = reasons_for(nearest.node, nearest.made, deployed)
        changes = explain(diff(desired, deployed), why)
        engine.journal.notes += missed_lines(engine, nearest, built.results)
    found = git.checkout(engine.project.root, generated=(".deploy", engine.project.sources.out_dir))
    if not found.dirty:
        with engine.timeline.span("keep the whole"):
            engine.keep(built)
            publish(engine, built, found.commit)
    made = Plan(
        provider=engine.provider.name,
        environment=engine.settings.environment,
        project=engine.project.name,
        commit=found.commit,
        dirty=found.dirty,
        migrations_digest=_migrations(engine),
        basis=basis_of(deployed),
        changes=changes,
        created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        notes=tuple(_notes(engine, built, deployed.note)),
    )
    if writes:
        Outputs(engine.project.root, engine.folder, engine.memo).place({"plan.json": render(made)})
    return Planned(made, built)


def ship(engine: Engine, *, from_plan: str | None = None, listener: Listener = lambda _: None,
         say: Callable[[str], None] = lambda _: None) -> tuple[Plan, Outcome]:  # fmt: skip
    """Applies a fresh plan, or one that was saved where nothing has moved since."""
    saved = None
    if from_plan is not None:
        from unitgraph.providers.plan_document import read_plan  # noqa: PLC0415 - pydantic: 0.1 s

        saved = read_plan(engine.project.root / from_plan)
    # What was looked at stays what plan.json says, also when it is refused and somebody tries again.
    planned = plan(engine, listener=listener, demand=SHIPPING, writes=saved is None)
    chosen = saved or planned.plan
    if saved is not None:
        refuse_stale(chosen, engine.provider.deployed(engine.target))
        refuse_other_bytes(chosen, planned.plan)
    for part in engine.provider.needs:
        engine.tools.part(part)
    with engine.timeline.span("apply"):
        outcome = engine.provider.apply(chosen, engine.runnable, planned.built.build, engine.target, say=say)
    return chosen, outcome


def refuse_other_bytes(saved: Plan, now: Plan) -> None:
    """Raises PlanOutdated where the sources no longer give what the saved plan promised."""
    promised = {(change.kind, change.name): change.new_key for change in saved.changes if change.new_key}
    found = {(change.kind, change.name): change.new_key for change in now.changes if change.new_key}
    moved = sorted(
        f"{kind} {name}"
        for kind, name in promised.keys() | found.keys()
        if promised.get((kind, name)) != found.get((kind, name))
    )
    if moved:
        raise PlanOutdated(moved)


def _migrations(engine: Engine) -> str | None:
    """The digest of all migrations by name and content; None where there are none."""
    found = engine.manifest.migrations
    return f"sha256:{digest.of([(each.name, each.digest) for each in found])}" if found else None


def _notes(engine: Engine, built: Built, note: str) -> list[str]:
    notes = [note] if note else []
    if engine.left_out:
        names = ", ".join(unit.name for unit in engine.left_out)
        notes.append(f"Listed, and not run by this version: {names}.")
    said = getattr(engine.provider, "notes", None)       # which providers from elsewhere needn't have
    notes += said(engine.runnable, engine.target) if said is not None else ()
    return [*notes, *built.notices]
