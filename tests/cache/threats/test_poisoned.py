"""Somebody puts bad results into the shared cache: by forgery, at the keys of good ones, from a job that isn't trusted."""

import pytest

from tests.cache.threats.jobs import (
    ATTACKER_PAIR,
    FORGERIES,
    KEYS,
    Company,
    Forge,
    entries,
    poison,
    shop,
    taken_over,
    unsigned,
)


def test_good_results_are_shared(company: Company) -> None:
    """What the tests below stand on: the cache works, so what is refused there would have been taken."""
    clean = company.clean()
    company.main("first").plan()
    for taker in (company.main("second"), company.pull_request("third"), company.desk("fourth")):
        said = taker.plan()
        assert taken_over(said)
        assert "warning" not in said.err
        assert not taker.log.exists(), "nothing was compiled"
        assert taker.promised() == clean


@pytest.mark.parametrize(("forge", "says"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_entry_is_never_used(company: Company, forge: Forge, says: str) -> None:
    clean = company.clean()
    company.main("first").plan()
    poison(company.place, forge)
    for victim in (company.desk("desk"), company.pull_request("pr", number=2), company.main("second")):
        said = victim.plan()
        assert victim.promised() == clean
        assert victim.marked() == []
        assert sum(says in line for line in said.err.splitlines()) == 1, f"it is said once: {said.err}"
    healed = company.desk("later")
    assert taken_over(healed.plan()), "whoever may write has made it good again"
    assert healed.promised() == clean


def test_the_same_entries_are_used_where_no_key_is_configured(company: Company) -> None:
    """The attack itself works, so it is the signatures that hold it off; what may come of it is in test_unsigned.py."""
    files = shop(company.place, keys={})
    company.desk("first", files).plan()
    clean = company.clean(files)
    poison(company.place, unsigned)
    victim = company.desk("second", files)
    victim.plan()
    assert victim.promised().keys() == clean.keys()
    assert victim.promised() != clean


def test_a_pull_requests_results_never_reach_another_job(company: Company) -> None:
    """The race for a key: a pull request's job builds main's own keys before main does, with a compiler of its own."""
    clean = company.clean()
    evil = company.pull_request("pr")
    evil.compromise()
    evil.plan()
    assert evil.marked(), "the attack itself works"
    again = company.pull_request("pr-again")
    assert taken_over(again.plan()), "jobs of one namespace share it"
    assert again.promised() == evil.promised() != clean
    for victim in (company.pull_request("other", number=2), company.desk("desk"), company.main("main")):
        said = victim.plan()
        assert victim.promised() == clean
        assert victim.marked() == []
        assert "warning" not in said.err, "nobody even looks there"


def test_a_pull_request_that_comes_later_changes_nothing(company: Company) -> None:
    clean = company.clean()
    company.main("main").plan()
    before = {path: path.read_bytes() for path, _ in entries(company.place)}
    evil = company.pull_request("pr")
    evil.compromise()
    evil.edit("src/lib/smtp.ts", "smtp:", "post:")
    evil.plan()
    assert evil.marked(), "what the cache didn't have, its own compiler made"
    after = {path: path.read_bytes() for path, _ in entries(company.place)}
    assert {path: after[path] for path in before} == before
    assert {entry.tier for path, entry in entries(company.place) if path not in before} == {"untrusted:pr-1"}
    main = company.main("after")
    assert taken_over(main.plan())
    assert main.promised() == clean


def test_a_pull_request_that_edits_the_configuration_convinces_itself_alone(company: Company) -> None:
    """It lists a key of its own and calls itself trusted, first where the CI system sets the tier, then where it forgot."""
    clean = company.clean()
    files = shop(company.place, keys={**KEYS, "mine": ATTACKER_PAIR.public}, tier="trusted")
    named = {"CI": "true", "UNITGRAPH_CACHE_KEY": ATTACKER_PAIR.private}
    evil = company.job("pr", files, **named, UNITGRAPH_CACHE_TIER="untrusted:pr-1")
    evil.compromise()
    said = evil.plan()
    assert evil.marked()
    assert "can sign as you" in said.err
    assert {(entry.tier, entry.signer) for _, entry in entries(company.place)} == {("untrusted:pr-1", "")}
    bolder = company.job("bolder", files, **named)
    bolder.compromise()
    bolder.plan()
    assert "trusted" in {entry.tier for _, entry in entries(company.place)}, "it may write, so it does"
    for victim in (company.desk("desk"), company.main("main")):
        said = victim.plan()
        assert victim.promised() == clean
        assert victim.marked() == []
        assert "a key that deploy.cache.keys doesn't have" in said.err
