"""CI with a shared cache, as examples/ci/ci.sh has it: jobs of several users on one real server, nothing else shared."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from stat import S_IMODE

import pytest

from tests.cache.remote import servers
from tests.cache.remote.servers import Server
from tests.harness import REPOSITORY, Tools
from tests.system.machines import STRIPPED, Machine, Machines, Repository, machines
from tests.system.projects import SHOP, SHOP_UNITS

TOKEN_VARIABLE = "UNITGRAPH_CACHE_TOKEN"
SCRIPT = ("sh", "ci.sh")
EVIL = "globalThis.evil=1;"
EDIT = {"src/lib/smtp.ts": SHOP["src/lib/smtp.ts"].replace("smtp:", "post:")}


class Company:
    """A project with a signing key, its cache server, and the jobs of its CI system."""

    def __init__(self, place: Machines, server: Server, folder: Path, provider: str) -> None:
        self.place = place
        self.server = server
        self.url = server.url(server.address)
        self.repository = Repository(folder / "repository", {
            **SHOP, ".gitignore": ".deploy\n.pikku\n", "ci.sh": (REPOSITORY / "examples/ci/ci.sh").read_text(),
        })  # fmt: skip
        maintainer = place.machine("maintainer")
        maintainer.check_out(self.repository)
        made = maintainer.run("unitgraph", "cache", "keygen", "../signing.key", "--json").json
        assert S_IMODE((maintainer.home / "signing.key").stat().st_mode) == 0o600
        self.key = (maintainer.home / "signing.key").read_text()
        self.repository.commit({"pikku.config.json": self.config({"ci": made["public"]}, provider)}, "a shared cache")

    def config(self, keys: Mapping[str, str], provider: str) -> str:
        found = json.loads(SHOP["pikku.config.json"])
        found["deploy"] |= {"defaultProvider": provider, "cache": {"keys": keys, "tokenEnv": TOKEN_VARIABLE}}
        return json.dumps(found, indent=2)

    def fresh(self, name: str, *, branch: str = "main", folder: str = "work") -> Machine:
        """A machine that has just checked out."""
        machine = self.place.machine(name, folder=folder)
        machine.check_out(self.repository, branch)
        return machine

    @property
    def reading(self) -> dict[str, str]:
        """What a job that signs nothing is given."""
        return {"UNITGRAPH_CACHE_URL": self.url, TOKEN_VARIABLE: self.server.token or ""}

    @property
    def signing(self) -> dict[str, str]:
        return {**self.reading, "UNITGRAPH_CACHE_KEY": self.key}

    def publish(self) -> Machine:
        """What the job of the branch main leaves."""
        builder = self.fresh("builder")
        builder.run(*SCRIPT, "main", env=self.signing)
        assert builder.bundled()
        return builder


@pytest.fixture
def company(tools: Tools, tmp_path: Path) -> Iterator[Callable[[str], Company]]:
    server_folder = tmp_path / "server"
    server_folder.mkdir()
    with machines(tools) as place, servers.nginx(server_folder) as server:
        yield lambda provider: Company(place, server, tmp_path, provider)


def test_what_main_has_built_is_shipped_elsewhere_and_no_bundler_starts(company: Callable[[str], Company]) -> None:
    shop = company("standalone")
    builder = shop.publish()
    approved = builder.root / ".deploy/standalone/plan.json"

    runner = shop.fresh("runner", folder="another place")
    runner.take(approved, ".deploy/approved.json")
    said = runner.run(*SCRIPT, "deploy", ".deploy/approved.json", env=shop.reading)
    assert not runner.bundled()
    assert "from the cache (remote)" in said.err
    assert "warning" not in said.err

    builder.run(*SCRIPT, "deploy", env=shop.reading)
    assert not builder.bundled()
    assert runner.made("standalone") == builder.made("standalone")
    assert runner.user != builder.user
    assert {path.lstat().st_uid for path in (runner.root / ".deploy").rglob("*")} == {runner.user}
    version = runner.run(".deploy/standalone/shop", "--version").out
    assert version == builder.run(".deploy/standalone/shop", "--version").out
    assert version.strip()


def test_a_plan_brings_no_bytes_and_a_task_those_that_it_needs(company: Callable[[str], Company]) -> None:
    shop = company("cloudflare")
    builder = shop.publish()
    reader = shop.fresh("reader")
    planned = reader.run("unitgraph", "plan", "--json", env=shop.reading).json
    assert {change["name"] for change in planned["changes"] if change["kind"] == "unit"} >= SHOP_UNITS
    assert not reader.bundled()
    assert not list((reader.root / ".deploy/cloudflare/units").rglob("index.js"))
    reader.run("doit", "bundle:shop-get-book", env=shop.reading)
    assert not reader.bundled() & SHOP_UNITS
    path = "units/shop-get-book/index.js"
    assert reader.made("cloudflare") == {path: builder.made("cloudflare")[path]}


def test_a_change_builds_what_is_new_for_itself_alone(company: Callable[[str], Company]) -> None:
    shop = company("cloudflare")
    shop.publish()
    shop.repository.branch("change", EDIT)
    only = frozenset({"shop-cancel-order"})

    def job(name: str, number: int) -> frozenset[str]:
        machine = shop.fresh(name, branch="change")
        said = machine.run(*SCRIPT, "pull-request", str(number), env=shop.reading)
        assert "shop-cancel-order" in said.out
        assert "warning" not in said.err
        return machine.bundled() & SHOP_UNITS

    assert job("first", 17) == only
    assert job("again", 17) == frozenset(), "the change's own results are there for its next job"
    assert job("other", 18) == only, "another change doesn't see them"

    shop.repository.merge("change")
    merged = shop.fresh("merged")
    merged.run(*SCRIPT, "main", env=shop.signing)
    assert merged.bundled() & SHOP_UNITS == only, "neither does main"
    later = shop.fresh("later")
    later.run("unitgraph", "plan", env=shop.reading)
    assert not later.bundled()


@pytest.mark.parametrize("claims", [False, True], ids=["untrusted", "with a key of its own"])
def test_bytes_of_a_change_are_never_shipped(company: Callable[[str], Company], claims: bool) -> None:
    """A change whose bundler adds something to each script, in its own tier or signed by a key that it brought along."""
    shop = company("standalone")
    shop.publish()
    shop.repository.branch("change", EDIT)

    villain = shop.fresh("villain", branch="change")
    villain.poison(EVIL)
    if claims:
        own = villain.run("unitgraph", "cache", "keygen", "--json").json
        trusted = json.loads(shop.repository.read("pikku.config.json"))["deploy"]["cache"]["keys"]
        villain.write("pikku.config.json", shop.config({**trusted, "own": own["public"]}, "standalone"))
        villain.run("unitgraph", "plan", env={**shop.reading, "UNITGRAPH_CACHE_KEY": own["private"]})
    else:
        villain.run(*SCRIPT, "pull-request", "17", env=shop.reading)
        victim = shop.fresh("victim", branch="change")
        victim.run(*SCRIPT, "pull-request", "17", env=shop.reading)
        assert victim.bundled() <= {STRIPPED}, "what it published is there to be taken"
    assert villain.bundled()

    shop.repository.merge("change")
    runner = shop.fresh("runner")
    said = runner.run(*SCRIPT, "deploy", env=shop.reading)
    assert runner.bundled(), "it was built again"
    assert ("deploy.cache.keys doesn't have" in said.err) is claims
    alone = shop.fresh("alone")
    alone.run("unitgraph", "apply", env={"UNITGRAPH_CACHE_URL": "off"})
    assert runner.made("standalone") == alone.made("standalone")
    assert not any(EVIL in path.read_text() for path in (runner.root / ".deploy").rglob("*.js"))


def test_jobs_go_on_without_the_server_and_say_so(company: Callable[[str], Company]) -> None:
    shop = company("standalone")
    shop.publish()
    without = shop.fresh("without")
    denied = without.run(*SCRIPT, "deploy", env={**shop.reading, TOKEN_VARIABLE: ""})
    assert without.bundled()
    assert denied.err.count("warning:") == 1
    shop.server.kill()
    cut = shop.fresh("cut")
    gone = cut.run(*SCRIPT, "deploy", env=shop.reading)
    assert cut.bundled()
    assert gone.err.count("warning:") == 1
    assert cut.made("standalone") == without.made("standalone")


@pytest.mark.parametrize(("words", "env", "said"), [
    (("main",), {}, "UNITGRAPH_CACHE_KEY"),
    (("pull-request",), {}, "number"),
    (("pull-request", "../17"), {}, "cache-tier-invalid"),
    ((), {}, "usage"),
    (("ship",), {}, "usage"),
])  # fmt: skip
def test_a_job_that_is_called_wrongly_does_nothing(
    company: Callable[[str], Company], words: tuple[str, ...], env: Mapping[str, str], said: str
) -> None:
    shop = company("standalone")
    machine = shop.fresh("machine")
    done = machine.run(*SCRIPT, *words, env={**shop.reading, **env}, status=None)
    assert done.status not in (0, 3)
    assert said in done.err
    assert not machine.bundled()
