"""What doit's tasks ask of an engine: which there are, whether one has work to do, to do it. Knows no doit."""

from collections.abc import Iterator

from unitgraph.cache.key import Key
from unitgraph.errors import Problems
from unitgraph.rules.action import How, Result
from unitgraph.rules.bundle import PROCESS
from unitgraph.rules.engine import Engine
from unitgraph.rules.ship import ship


def names(engine: Engine, kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The tasks of one kind, each with the tasks that it needs."""
    if kind == "upload":
        yield f"upload:{engine.provider.name}", tuple(f"bundle:{unit}" for unit in engine.units)
        return
    for unit in engine.units:
        yield f"{kind}:{unit}", ((f"codegen:{unit}",) if kind == "bundle" else ())


def perform(engine: Engine, name: str) -> None:
    """Does one task and all that it needs; raises Problems with what failed."""
    kind, _, subject = name.partition(":")
    if kind == "upload":
        ship(engine)
        return
    built = engine.build([subject])
    if built.failures:
        raise Problems(built.failures)
    if kind == "codegen":
        engine.codegen.make_ready([PROCESS if engine.is_process else subject])


def is_fresh(engine: Engine, name: str) -> bool:
    """Whether a task has nothing to do: its key is that of its last run, and its outputs are there."""
    kind, _, task = name.partition(":")
    subject = PROCESS if engine.is_process else task
    record = engine.database.record(f"{kind}:{subject}")
    if kind == "upload" or record is None:
        return False
    key = current_key(engine, kind, subject)
    rule = engine.codegen if kind == "codegen" else engine.rule_of(subject)
    return key is not None and key.digest == record.key and rule.intact(subject, record)


def current_key(engine: Engine, kind: str, subject: str) -> Key | None:
    """The key that an action has now; None for a bundle whose generated files have to be written first."""
    if kind == "codegen":
        key = engine.codegen.key(subject)
        engine.database.save_nodes(engine.codegen.closure_nodes.items())
        return key
    generated = engine.database.record(f"codegen:{subject}")
    if generated is None or engine.codegen.key(subject).digest != generated.key:
        return None
    placed = generated.facts.get("placed") is not False
    if placed and not engine.codegen.intact(subject, generated):
        return None
    result = Result(
        f"codegen:{subject}", How.FRESH, outputs=generated.outputs, facts=generated.facts, placed=placed
    )
    engine.codegen.accept({subject: result})
    rule = engine.rule_of(subject)
    rule.prepare([subject])
    key = rule.key(subject)
    engine.database.save_nodes(rule.closure_nodes.items())
    return key
