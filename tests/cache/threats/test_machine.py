"""One machine for jobs of pull requests and of main: what its own cache keeps apart, and what only accounts can."""

import stat

from tests.cache.threats.jobs import Company, taken_over


def test_a_pull_requests_job_leaves_nothing_for_mains_on_the_same_machine(company: Company) -> None:
    clean = company.clean()
    evil = company.pull_request("pr", machine="runner")
    evil.compromise()
    evil.plan()
    assert evil.marked(), "the attack itself works"
    main = company.main("main", machine="runner")
    said = main.plan()
    assert main.bundled() == clean.keys() - {"shop-router"}, "all of it was compiled here"
    assert main.promised() == clean
    assert main.marked() == []
    assert "warning" not in said.err


def test_two_pull_requests_on_one_machine_have_nothing_of_each_other(company: Company) -> None:
    clean = company.clean()
    evil = company.pull_request("pr-1", machine="runner", number=1)
    evil.compromise()
    evil.plan()
    again = company.pull_request("pr-1-again", machine="runner", number=1)
    again.plan()
    assert again.marked() == evil.marked() != []
    other = company.pull_request("pr-2", machine="runner", number=2)
    other.plan()
    assert other.promised() == clean
    assert other.marked() == []


def test_a_pull_request_uses_what_main_has_built_on_the_machine(company: Company) -> None:
    company.main("main", machine="runner").plan()
    job = company.pull_request("pr", machine="runner")
    job.environ["UNITGRAPH_CACHE_URL"] = "off"
    said = job.plan()
    assert "from the cache" in said.err
    assert not job.log.exists(), "nothing was compiled"


def test_a_cache_folder_that_others_can_write_to_is_shipped_nothing_from(company: Company) -> None:
    """The accounts differ and the folder is open to both: whatever is in it is taken for anybody's."""
    evil = company.desk("evil", machine="runner")
    evil.environ["UNITGRAPH_CACHE_URL"] = "off"
    evil.compromise()
    evil.run("plan", "--provider", "standalone")
    assert evil.marked("standalone")
    folder = evil.cache / "unitgraph"
    folder.chmod(folder.stat().st_mode | stat.S_IWOTH)
    victim = company.desk("victim", machine="runner")
    victim.environ["UNITGRAPH_CACHE_URL"] = "off"
    said = victim.run("apply", "--provider", "standalone")
    assert "Others than you can write to the cache" in said.err
    assert victim.marked("standalone") == []


def test_what_was_taken_from_the_place_is_verified_again_from_the_disk(company: Company) -> None:
    """Bytes of the machine's own cache that are changed afterwards are no longer what their name says."""
    company.main("main").run("plan", "--provider", "standalone")
    first = company.desk("first", machine="one")
    assert taken_over(first.run("apply", "--provider", "standalone"))
    clean = first.released()
    for path in (first.cache / "unitgraph" / "cas").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    second = company.desk("second", machine="one")
    said = second.run("apply", "--provider", "standalone")
    assert "bytes that aren't what their name says" in said.err
    assert second.released() == clean
