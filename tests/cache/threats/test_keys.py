"""Keys that got into wrong hands, and keys that are replaced in time."""

from tests.cache.threats.jobs import CI_PAIR, KEYS, NEXT_PAIR, Company, entries, shop, taken_over

BOTH = {**KEYS, "ci-2": NEXT_PAIR.public}


def test_what_a_stolen_key_has_signed_is_refused_once_it_is_revoked(company: Company) -> None:
    thief = company.main("thief")
    thief.compromise()
    thief.plan()
    assert thief.marked()
    robbed = company.desk("robbed")
    assert taken_over(robbed.plan()), "until then nobody can tell"
    files = shop(company.place, keys=BOTH, revoked=["ci-1"])
    clean = company.clean(files)
    for victim in (company.desk("desk", files), company.pull_request("pr", files)):
        said = victim.plan()
        assert victim.promised() == clean
        assert victim.marked() == []
        assert "deploy.cache.revoked names" in said.err
    main = company.job("main", files, UNITGRAPH_CACHE_KEY=NEXT_PAIR.private)
    main.plan()
    assert main.promised() == clean
    after = company.desk("after", files)
    said = after.plan()
    assert taken_over(said)
    assert "warning" not in said.err, "the next key's results have taken their place"


def test_a_revoked_key_is_gone_from_machines_that_had_its_results_already(company: Company) -> None:
    """A persistent machine: its own cache holds what the key has signed, bytes and all."""
    thief = company.main("thief")
    thief.compromise()
    thief.run("plan", "--provider", "standalone")
    robbed = company.desk("robbed", machine="one")
    robbed.run("apply", "--provider", "standalone")
    assert robbed.marked("standalone"), "until then nobody can tell"
    files = shop(company.place, keys=BOTH, revoked=["ci-1"])
    victim = company.desk("victim", files, machine="one")
    victim.environ["UNITGRAPH_CACHE_URL"] = "off"
    victim.run("apply", "--provider", "standalone")
    assert victim.marked("standalone") == []


def test_a_revoked_key_signs_nothing_more(company: Company) -> None:
    files = shop(company.place, keys=BOTH, revoked=["ci-1"])
    said = company.main("main", files).plan()
    assert "the key of UNITGRAPH_CACHE_KEY is revoked" in said.err
    assert list(entries(company.place)) == []


def test_keys_are_replaced_without_a_gap(company: Company) -> None:
    """The next key is announced, then used; the old one goes when nothing of it is needed any more."""
    company.main("first").plan()
    announced = shop(company.place, keys=BOTH)
    used = company.job("second", announced, CI="true", UNITGRAPH_CACHE_KEY=NEXT_PAIR.private)
    used.edit("src/lib/smtp.ts", "smtp:", "post:")
    used.plan()
    assert used.bundled() == {"shop-cancel-order"}, "what the old key has signed is good"
    assert len({entry.signer for _, entry in entries(company.place)}) == 2
    alone = shop(company.place, keys={"ci-2": NEXT_PAIR.public})
    last = company.desk("last", alone)
    last.edit("src/lib/smtp.ts", "smtp:", "post:")
    last.plan()
    assert last.promised() == used.promised()


def test_the_private_key_is_nowhere_but_where_it_was_put(company: Company) -> None:
    main = company.main("main")
    said = [main.plan(), main.run("plan", "--json"), main.run("apply", "--provider", "standalone", status=None)]
    secret = CI_PAIR.private.rstrip("=")
    assert not any(secret in each.text for each in said)
    for folder in (main.root, main.cache, company.place):
        for path in folder.rglob("*"):
            if path.is_file() and "toolchain" not in path.parts:
                assert secret.encode() not in path.read_bytes(), path
