"""The runner: order, early cutoff, batches, failures that stay where they are, inputs that move."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.cache.local import LocalCache
from unitgraph.errors import UnitgraphError
from unitgraph.errors.build import BundleFailed
from unitgraph.rules.action import Action, Finished, How, Pool, Result
from unitgraph.rules.database import Database, Record
from unitgraph.rules.memo import Memo
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.runner import Stores, run


@dataclass
class Upper:
    """A rule that writes each subject's source in capitals."""

    root: Path
    outputs: Outputs
    memo: Memo
    kind: str = "upper"
    pool: Pool = Pool.CPU
    batch: int = 2
    is_shared: bool = True
    ran: list[Sequence[str]] = field(default_factory=list)

    def key(self, subject: str) -> Key:
        return make(self.kind, [Component("source", subject, self.memo.digest(f"{subject}.txt"))])

    def intact(self, subject: str, record: Record) -> bool:
        return self.outputs.intact(record, prefix=f"{subject}/")

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:
        self.outputs.place(outputs, prefix=f"{subject}/")

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:
        self.outputs.withdraw(outputs, prefix=f"{subject}/")

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Nothing has to be there."""

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        self.ran.append(tuple(subjects))
        return {subject: self.one(subject) for subject in subjects}

    def one(self, subject: str) -> Finished | UnitgraphError:
        text = (self.root / f"{subject}.txt").read_bytes()
        if text == b"bad":
            return BundleFailed(subject, "it is bad", None)
        return Finished({"out.txt": text.upper()}, inputs=[f"{subject}.txt"])


class Bench:
    """A folder with sources, and runs in it, each with stores of its own as a new process would have."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.root / f"{name}.txt").write_text(text)

    def run(self, *names: str, needs: Mapping[str, Sequence[str]] | None = None, rule: type[Upper] = Upper) -> "Ran":
        database = Database(self.root / ".deploy" / "build.db")
        memo = Memo(self.root, database, digest.local)
        stores = Stores(database, memo, LocalCache(self.root / "cache"))
        upper = rule(self.root, Outputs(self.root, "out", memo), memo)
        heard: list[Result] = []
        actions = [Action(upper, name, tuple(f"upper:{need}" for need in (needs or {}).get(name, ()))) for name in names]
        results = run(actions, stores, jobs=2, listener=heard.append)
        database.close()
        assert sorted(result.name for result in heard) == sorted(results)
        return Ran({name.partition(":")[2]: result for name, result in results.items()}, upper.ran, heard)


@dataclass
class Ran:
    results: Mapping[str, Result]
    batches: list[Sequence[str]]
    heard: list[Result]

    @property
    def how(self) -> dict[str, How]:
        return {name: result.how for name, result in self.results.items()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_has_not_changed_is_fresh(bench: Bench) -> None:
    bench.write(a="a", b="b")
    assert bench.run("a", "b").how == {"a": How.RAN, "b": How.RAN}
    again = bench.run("a", "b")
    assert again.how == {"a": How.FRESH, "b": How.FRESH}
    assert again.batches == []


@dataclass
class Alone(Upper):
    """What it makes isn't worth a place in the cache."""

    is_shared: bool = False


def test_what_is_not_shared_is_fresh_all_the_same_and_made_anew_where_it_is_gone(bench: Bench) -> None:
    bench.write(a="a")
    assert bench.run("a", rule=Alone).how == {"a": How.RAN}
    assert bench.run("a", rule=Alone).how == {"a": How.FRESH}
    (bench.root / "out/a/out.txt").unlink()
    assert bench.run("a", rule=Alone).how == {"a": How.RAN}
    assert not (bench.root / "cache").exists()


def test_an_output_that_was_edited_or_deleted_is_put_back_from_the_cache(bench: Bench) -> None:
    bench.write(a="a", b="b")
    bench.run("a", "b")
    (bench.root / "out/a/out.txt").write_text("edited")
    (bench.root / "out/b/out.txt").unlink()
    again = bench.run("a", "b")
    assert again.how == {"a": How.CACHED, "b": How.CACHED}
    assert (bench.root / "out/a/out.txt").read_text() == "A"
    assert (bench.root / "out/b/out.txt").read_text() == "B"


def test_a_source_that_goes_back_is_taken_from_the_cache(bench: Bench) -> None:
    for text in ("one", "two"):
        bench.write(a=text)
        assert bench.run("a").how == {"a": How.RAN}
    bench.write(a="one")
    assert bench.run("a").how == {"a": How.CACHED}
    assert (bench.root / "out/a/out.txt").read_text() == "ONE"


def test_an_action_runs_after_what_it_needs(bench: Bench) -> None:
    bench.write(a="a", b="b", c="c")
    ran = bench.run("a", "b", "c", needs={"a": ["b"], "b": ["c"]})
    assert [result.name for result in ran.heard] == ["upper:c", "upper:b", "upper:a"]


def test_ready_actions_share_batches(bench: Bench) -> None:
    names = [f"n{number}" for number in range(7)]
    bench.write(**{name: name for name in names})
    ran = bench.run(*names)
    assert sorted(name for batch in ran.batches for name in batch) == names
    assert max(len(batch) for batch in ran.batches) == 2


def test_two_rules_of_one_kind_never_share_a_batch(bench: Bench) -> None:
    """A provider's units and the server that holds the rest are bundles alike, with options of their own."""
    names = [f"n{number}" for number in range(8)]
    bench.write(**{name: name for name in names})
    database = Database(bench.root / ".deploy" / "build.db")
    memo = Memo(bench.root, database, digest.local)
    stores = Stores(database, memo, LocalCache(bench.root / "cache"))
    rules = [Upper(bench.root, Outputs(bench.root, "out", memo), memo, batch=8) for _ in range(2)]
    run([Action(rules[number % 2], name) for number, name in enumerate(names)], stores, jobs=2)
    database.close()
    for parity, rule in enumerate(rules):
        assert sorted(name for batch in rule.ran for name in batch) == names[parity::2]


def test_a_failure_stays_with_what_needs_it(bench: Bench) -> None:
    bench.write(a="a", b="bad", c="c")
    ran = bench.run("a", "b", "c", needs={"a": ["b"]})
    assert ran.how == {"a": How.FAILED, "b": How.FAILED, "c": How.RAN}
    codes = {name: result.error.code for name, result in ran.results.items() if result.error}
    assert codes == {"a": "dependency-failed", "b": "bundle-failed"}
    bench.write(b="good")
    assert bench.run("a", "b", "c", needs={"a": ["b"]}).how == {"a": How.RAN, "b": How.RAN, "c": How.FRESH}


class Edited(Upper):
    """While an action runs, somebody edits its input to a text of the same length, twice as fast as the clock ticks."""

    def one(self, subject: str) -> Finished | UnitgraphError:
        made = super().one(subject)
        (self.root / f"{subject}.txt").write_text("X")
        return made


def test_an_input_edited_while_its_action_runs_is_noticed(bench: Bench) -> None:
    bench.write(a="a")
    ran = bench.run("a", rule=Edited)
    assert ran.how == {"a": How.FAILED}
    assert ran.results["a"].error is not None
    assert ran.results["a"].error.code == "input-changed"
    assert not (bench.root / "out/a/out.txt").exists()
    assert bench.run("a").how == {"a": How.RAN}
    assert (bench.root / "out/a/out.txt").read_text() == "X"


def test_an_edit_within_one_tick_of_the_clock_is_noticed(bench: Bench) -> None:
    for text in ("aa", "bb", "cc", "dd"):
        bench.write(a=text)
        bench.run("a")
        assert (bench.root / "out/a/out.txt").read_text() == text.upper()
