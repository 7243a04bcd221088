"""``apply --from-plan`` ships what was planned and looked at, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Checkout
from tests.system.projects import SHOP

Make = Callable[..., Checkout]
ARGUMENTS = ("--provider", "standalone")
LAST = Path(".deploy/standalone/plan.json")


@pytest.mark.parametrize("named", [(), (LAST.as_posix(),), (".deploy/approved.json",)], ids=["last", "by path", "kept"])
def test_other_sources_than_those_of_the_plan_are_refused(checkout: Make, named: tuple[str, ...]) -> None:
    work = checkout(SHOP)
    work.run("plan", *ARGUMENTS, "--result-file", ".deploy/approved.json")
    work.edit("src/lib/smtp.ts", "smtp:", "post:")
    for _ in range(2):      # trying again makes it no better
        said = work.run("apply", *ARGUMENTS, "--from-plan", *named, status=1)
        assert "[plan-outdated]" in said.err
        assert "executable shop" in said.err
    assert not (work.root / ".deploy/standalone/current").exists()


def test_what_was_planned_is_shipped(checkout: Make) -> None:
    work = checkout(SHOP)
    planned = work.run("plan", *ARGUMENTS, "--json").json
    shipped = work.run("apply", *ARGUMENTS, "--from-plan", "--json").json
    assert shipped["changes"] == planned["changes"]
    assert (work.root / ".deploy/standalone/current/shop").exists()


def test_a_plan_that_is_not_there_builds_nothing(checkout: Make) -> None:
    work = checkout(SHOP)
    work.run("apply", *ARGUMENTS, "--from-plan", "nowhere.json", status=1)
    assert not work.bundled()
