"""A project that trusts no key shares results all the same. They are good for a look, and never shipped."""

from tests.cache.threats.jobs import Company, poison, shop, taken_over, unsigned


def test_what_nobody_has_signed_is_planned_with_and_never_shipped(company: Company) -> None:
    files = shop(company.place, keys={})
    company.desk("first", files).run("plan", "--provider", "standalone")
    clean = company.desk("alone", shop("off", keys={}))
    clean.environ["UNITGRAPH_CACHE_URL"] = "off"
    clean.run("plan", "--provider", "standalone")
    poison(company.place, unsigned)
    victim = company.desk("second", files)
    said = victim.run("plan", "--provider", "standalone")
    assert taken_over(said)
    assert victim.promised("standalone") != clean.promised("standalone"), "the attack itself works"
    victim.run("apply", "--provider", "standalone")
    assert victim.promised("standalone") == clean.promised("standalone")
    assert victim.marked("standalone") == []


def test_a_fresh_checkout_ships_only_what_it_builds(company: Company) -> None:
    files = shop(company.place, keys={})
    company.desk("first", files).run("plan", "--provider", "standalone")
    poison(company.place, unsigned)
    victim = company.desk("second", files)
    victim.run("apply", "--provider", "standalone")
    assert victim.bundled(), "it was compiled here"
    assert victim.marked("standalone") == []


def test_a_namespace_is_never_shipped_either(company: Company) -> None:
    """A preview of a pull request: what its own namespace holds was made by whoever could write to that."""
    evil = company.pull_request("pr")
    evil.compromise()
    evil.run("plan", "--provider", "standalone")
    assert evil.marked("standalone")
    preview = company.pull_request("preview")
    said = preview.run("plan", "--provider", "standalone")
    assert taken_over(said)
    preview.run("apply", "--provider", "standalone")
    assert preview.marked("standalone") == []
