"""Doubtful results that would become good by what is made of them: a whole build, what a build has learnt, a checkout."""

from collections.abc import Callable

import pytest

from tests.cache.threats.jobs import (
    KEYS,
    NEXT_PAIR,
    Company,
    Job,
    entries,
    poison,
    shop,
    taken_over,
    unsigned,
)

Edit = Callable[[Job], None]


def edit(job: Job, word: str) -> None:
    job.edit("src/lib/smtp.ts", "smtp:", f"{word}:")


def shipped(job: Job) -> dict[str, str]:
    """What an apply would send: it says so before it finds that this provider's upload isn't there yet."""
    job.run("apply", status=1)
    return job.promised()


def test_a_build_that_holds_unsigned_results_is_no_better_than_they_are(company: Company) -> None:
    """One unit is built here, the others are the attacker's; together they are one build, which another checkout takes."""
    files = shop(company.place, keys={})
    company.desk("first", files).plan()
    poison(company.place, unsigned)
    mixed = company.desk("mixed", files, machine="one")
    edit(mixed, "post")
    mixed.plan()
    clean = company.job("clean", files, UNITGRAPH_CACHE_URL="off")
    edit(clean, "post")
    clean.plan()
    assert mixed.bundled() == {"shop-cancel-order"}
    assert mixed.promised() != clean.promised(), "the attack itself works"
    victim = company.desk("victim", files, machine="one")
    edit(victim, "post")
    assert shipped(victim) == clean.promised()


def test_what_was_learnt_of_such_a_build_is_no_better_either(company: Company) -> None:
    files = shop(company.place, keys={})
    company.desk("first", files).plan()
    poison(company.place, unsigned)
    clean = company.job("clean", files, UNITGRAPH_CACHE_URL="off")
    edit(clean, "again")
    clean.plan()
    for name, word in (("one", "post"), ("two", "again")):
        job = company.desk(name, files, machine="one")
        edit(job, word)
        job.plan()
    victim = company.desk("victim", files, machine="one")
    edit(victim, "again")
    assert shipped(victim) == clean.promised()


def test_without_the_whole_builds_entry_nothing_is_different(company: Company) -> None:
    files = shop(company.place, keys={})
    company.desk("first", files).run("plan", "--provider", "standalone")
    poison(company.place, unsigned)
    for path, entry in list(entries(company.place)):
        if not entry.action.startswith("bundle:"):
            path.unlink()
    looked = company.desk("looked", files, machine="one")
    looked.run("plan", "--provider", "standalone")
    assert looked.bundled() == frozenset(), "the attack itself works"
    victim = company.desk("victim", files, machine="one")
    victim.run("apply", "--provider", "standalone")
    assert victim.marked("standalone") == []


def revoke(job: Job) -> None:
    job.edit("pikku.config.json", '"keys"', '"revoked": ["ci-1"],\n      "keys"')


def test_a_checkout_that_has_used_a_key_forgets_it_with_the_key(company: Company) -> None:
    """Its build database says that everything is up to date, and the bytes are in their place."""
    thief = company.main("thief")
    thief.compromise()
    thief.run("plan", "--provider", "standalone")
    robbed = company.desk("robbed")
    robbed.run("apply", "--provider", "standalone")
    assert robbed.marked("standalone"), "until then nobody can tell"
    revoke(robbed)
    robbed.run("apply", "--provider", "standalone")
    assert [path for path in robbed.marked("standalone") if not path.startswith("releases/")] == []
    current = (robbed.root / ".deploy/standalone/shop").resolve()
    assert b"MARK_OF" not in current.read_bytes()


@pytest.mark.parametrize("machine", ["one", "another"])
def test_what_was_built_on_a_keys_word_goes_with_the_key(company: Company, machine: str) -> None:
    """A desk builds one unit and takes three; what it makes of them together stands on the key as they do."""
    thief = company.main("thief")
    thief.compromise()
    thief.plan()
    desk = company.desk("desk", machine="one")
    edit(desk, "post")
    desk.plan()
    assert desk.bundled() == {"shop-cancel-order"}
    files = shop(company.place, revoked=["ci-1"])
    victim = company.desk("victim", files, machine=machine)
    edit(victim, "post")
    clean = company.job("clean", files, UNITGRAPH_CACHE_URL="off")
    edit(clean, "post")
    clean.plan()
    victim.plan()
    assert victim.promised() == clean.promised()
    second = company.desk("second", files, machine=machine)
    edit(second, "post")
    assert shipped(second) == clean.promised()


def test_one_key_does_not_vouch_for_what_another_has_signed(company: Company) -> None:
    """While both are believed, the second key's builds hold results of the first; then the first turns out stolen."""
    thief = company.main("thief")
    thief.compromise()
    thief.plan()
    both = {**KEYS, "ci-2": NEXT_PAIR.public}
    used = company.job("used", shop(company.place, keys=both), CI="true", UNITGRAPH_CACHE_KEY=NEXT_PAIR.private)
    edit(used, "post")
    used.plan()
    assert used.bundled() == {"shop-cancel-order"}, "until then nobody can tell"
    files = shop(company.place, keys=both, revoked=["ci-1"])
    clean = company.job("clean", files, UNITGRAPH_CACHE_URL="off")
    edit(clean, "post")
    clean.plan()
    victim = company.desk("victim", files)
    edit(victim, "post")
    said = victim.plan()
    assert victim.promised() == clean.promised()
    assert "deploy.cache.revoked names" in said.err


def test_a_key_vouches_for_its_own_results_again(company: Company) -> None:
    """Main's next build takes what main's last one has signed, and what it makes of that is taken whole."""
    company.main("first").plan()
    second = company.main("second")
    edit(second, "post")
    second.plan()
    assert second.bundled() == {"shop-cancel-order"}
    third = company.desk("third")
    edit(third, "post")
    assert taken_over(third.plan())
    assert not third.log.exists(), "nothing was compiled"
    assert third.promised() == second.promised()


def test_a_workspace_that_a_pull_request_has_used_is_mains_afterwards(company: Company) -> None:
    """A runner keeps its working folder, ignored files and all; the compiler of the pull request's job was its own."""
    files = shop(company.place)
    job = company.pull_request("work", files, machine="runner")
    job.compromise()
    job.plan()
    assert job.marked()
    clean = company.clean()
    job.environ = {"CI": "true"}
    job.plan()
    assert job.promised() == clean
    assert job.marked() == []
