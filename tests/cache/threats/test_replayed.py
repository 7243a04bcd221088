"""Good entries where they don't belong: under another key, in another tier, after they were given up."""

import shutil

from tests.cache.threats.jobs import Company, copied, entries, shop, taken_over
from unitgraph.cache.digest import sha256


def address(key: str, tier: str, generation: int = 0) -> str:
    return sha256(f"unitgraph\0{generation}\0{tier}\0{key}".encode())


def test_an_entry_under_another_key_is_refused(company: Company) -> None:
    """Each unit's entry, truly signed, stands in the place of another's: one function would answer for another."""
    clean = company.clean()
    company.main("first").plan()
    bundles = [path for path, entry in entries(company.place) if entry.action.startswith("bundle:")]
    texts = [path.read_bytes() for path in bundles]
    for path, text in zip(bundles, texts[1:] + texts[:1], strict=True):
        path.chmod(0o644)
        path.write_bytes(text)
    for path, entry in entries(company.place):
        if not entry.action.startswith("bundle:"):
            path.unlink()
    victim = company.desk("desk")
    said = victim.plan()
    assert victim.promised() == clean
    assert f"{len(bundles)} results" in said.err
    assert "they were made for another action" in said.err


def test_what_an_older_project_was_is_not_served_for_a_newer_one(company: Company) -> None:
    """Main moves on; the attacker puts everything of last week back, at last week's keys and at this week's."""
    company.main("last-week").plan()
    old = copied(company.place, company.root / "kept")
    files = shop(company.place)
    files["src/lib/smtp.ts"] = files["src/lib/smtp.ts"].replace("smtp:", "mended:")
    clean = company.clean(files)
    company.main("this-week", files).plan()
    before = {entry.key: path.read_bytes() for path, entry in entries(old)}
    for path, entry in entries(company.place):
        path.chmod(0o644)
        now = next((text for key, text in before.items() if key != entry.key), b"")
        path.write_bytes(before.get(entry.key, now))
    victim = company.desk("desk", files)
    said = victim.plan()
    assert victim.promised() == clean
    assert "they were made for another action" in said.err


def test_a_trusted_entry_is_none_of_a_namespace_and_the_other_way_round(company: Company) -> None:
    clean = company.clean()
    company.main("main").plan()
    for path, entry in list(entries(company.place)):
        name = address(entry.key, "untrusted:pr-1")
        target = company.place / "ac" / name[:2] / name
        target.parent.mkdir(exist_ok=True)
        shutil.move(path, target)
    victim = company.pull_request("pr")
    said = victim.plan()
    assert "they belong to another tier" in said.err
    assert not taken_over(said)
    assert victim.promised() == clean


def test_another_generation_takes_nothing_of_the_one_before(company: Company) -> None:
    """The cache is given up as a whole; its old entries are still there, and are put at the new addresses, too."""
    company.main("first").plan()
    files = shop(company.place, generation=1)
    clean = company.clean(files)
    for path, entry in list(entries(company.place)):
        name = address(entry.key, "trusted", generation=1)
        target = company.place / "ac" / name[:2] / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    victim = company.desk("desk", files)
    said = victim.plan()
    assert "they are of another generation" in said.err
    assert not taken_over(said)
    assert victim.promised() == clean


def test_another_generation_takes_nothing_of_this_machine_either(company: Company) -> None:
    evil = company.main("first", machine="one")
    evil.compromise()
    evil.plan()
    assert evil.marked()
    victim = company.main("second", shop(company.place, generation=1), machine="one")
    victim.plan()
    assert victim.bundled() == victim.promised().keys() - {"shop-router"}, "all of them were compiled anew"
    assert victim.marked() == []


def test_the_entry_of_a_build_is_at_the_address_that_these_tests_calculate(company: Company) -> None:
    company.main("first").plan()
    found = list(entries(company.place))
    assert found
    assert all(path.name == address(entry.key, "trusted") for path, entry in found)
