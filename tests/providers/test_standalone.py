"""Standalone for real: an executable is made, started and asked; killed and damaged releases are mended."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.providers.samples import PROCESS, PROCESS_MANIFEST, target, write_build
from unitgraph.errors.provider import (
    ApplyLocked,
    BuildMismatch,
    CheckFailed,
    CompileFailed,
    OutputUnwritable,
    PlanStale,
    ReleaseUnknown,
)
from unitgraph.providers import standalone
from unitgraph.providers.base import Build, Outcome, Provider, Target, quiet
from unitgraph.providers.diff import diff
from unitgraph.providers.plan import Plan, basis_of
from unitgraph.providers.standalone import place as placing
from unitgraph.providers.standalone.lock import held
from unitgraph.providers.standalone.shipment import KEPT, rollback
from unitgraph.units.config import DeployConfig, StandaloneConfig
from unitgraph.units.model import Queue

PROVIDER: Provider = standalone
OTHER = {**PROCESS, "units/shop-b/index.js": "export default () => 'other b'\n"}


def plan(build: Build, to: Target) -> Plan:
    there = standalone.deployed(to)
    changes = diff(standalone.desired(PROCESS_MANIFEST, build, to), there)
    return Plan(
        "standalone", "production", "shop", "c0ffee", False, None, basis_of(there), changes, "2026-07-30T12:00:00Z"
    )


def ship(texts: Mapping[str, str], to: Target) -> Outcome:
    build = write_build(to.out, texts)
    return standalone.apply(plan(build, to), PROCESS_MANIFEST, build, to, say=quiet)


def changed(texts: Mapping[str, str], to: Target) -> list[tuple[str, str]]:
    build = write_build(to.out, texts)
    return [(change.action, change.name) for change in plan(build, to).changes if change.action != "unchanged"]


@contextmanager
def running(executable: Path) -> Iterator[HTTPConnection]:
    process = subprocess.Popen([executable], stdout=subprocess.PIPE, text=True, env={}, cwd="/")
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on "), line
        with closing(HTTPConnection("127.0.0.1", int(line.split()[-1]), timeout=10)) as connection:
            yield connection
    finally:
        process.terminate()
        status = process.wait(10)
        process.stdout.close()
    assert status == 0


def ask(connection: HTTPConnection, path: str) -> str:
    connection.request("GET", path)
    return connection.getresponse().read().decode()


@pytest.fixture
def to(tmp_path: Path) -> Target:
    return target(tmp_path, "standalone")


def test_nothing_is_deployed_at_first(to: Target) -> None:
    assert standalone.deployed(to).resources == {}
    assert standalone.deployed(to).note == placing.NONE
    assert changed(PROCESS, to) == [("create", "shop-a"), ("create", "shop-b"), ("create", "shop")]
    assert not (to.out / "releases").exists(), "looking makes nothing"


def test_an_applied_release_answers_and_there_is_nothing_more_to_do(to: Target) -> None:
    outcome = ship(PROCESS, to)
    assert outcome.notes == ("Start it with ./.deploy/standalone/shop",)
    with running(to.out / "shop") as connection:
        assert [ask(connection, path) for path in ("/a", "/b", "/release")] == ["a0", "b", outcome.release]
    assert changed(PROCESS, to) == []
    state = standalone.deployed(to)
    assert (state.serial, state.drifted) == (1, {})
    before = (to.out / "shop").stat()
    assert ship(PROCESS, to).done == ()
    assert (to.out / "shop").stat() == before


def test_one_changed_unit_is_the_only_changed_unit(to: Target) -> None:
    ship(PROCESS, to)
    assert changed(OTHER, to) == [("update", "shop-b"), ("update", "shop")]
    ship(OTHER, to)
    with running(to.out / "shop") as connection:
        assert ask(connection, "/b") == "other b"


def test_a_release_says_what_it_holds(to: Target) -> None:
    release = ship(PROCESS, to).release
    record = json.loads((to.out / "releases" / release / "release.json").read_text())
    assert (record["id"], record["commit"], record["dirty"]) == (release, "c0ffee", False)
    assert [one["name"] for one in record["resources"]] == ["shop-a", "shop-b", "shop"]
    executable = to.out / "releases" / release / "shop"
    assert record["executable"]["sizeBytes"] == executable.stat().st_size
    said = subprocess.run([to.out / "shop", "--version"], capture_output=True, text=True, check=True, env={})
    assert said.stdout == f"{release}\n"


def test_the_same_units_give_the_same_bytes_in_every_folder(tmp_path: Path) -> None:
    made = []
    for name in ("a", "some/where/else"):
        to = target(tmp_path / name, "standalone")
        ship(PROCESS, to)
        made.append((to.out / "shop").read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


@pytest.mark.parametrize(
    "option",
    [
        pytest.param(StandaloneConfig(port=8080), id="port"),
        pytest.param(StandaloneConfig(port=0, host="::1"), id="host"),
        pytest.param(StandaloneConfig(port=0, shutdown_timeout_s=1), id="shutdown"),
    ],
)
def test_an_option_makes_another_executable_and_no_other_unit(to: Target, option: StandaloneConfig) -> None:
    ship(PROCESS, to)
    other = replace(to, config=DeployConfig(standalone=option))
    assert changed(PROCESS, other) == [("update", "shop")]
    (reason,) = plan(write_build(to.out, PROCESS), other).changes[-1].reasons
    assert (reason.kind, reason.path) == ("option-changed", "defaults")


def test_defaults_give_way_to_the_environment(to: Target) -> None:
    ship(
        {**PROCESS, "main.js": "console.log(process.env.CURRENCY, process.env.HOST)\n"},
        replace(to, variables={"CURRENCY": "EUR"}),
    )

    def run(environment: Mapping[str, str]) -> str:
        done = subprocess.run([to.out / "shop"], capture_output=True, text=True, check=True, env=environment)
        return done.stdout

    assert run({}) == "EUR 127.0.0.1\n"
    assert run({"CURRENCY": "CHF", "HOST": "::1"}) == "CHF ::1\n"


def damage_bytes(executable: Path) -> None:
    data = bytearray(executable.read_bytes())
    data[len(data) // 2] ^= 1
    executable.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damage_bytes, id="bytes"),
        pytest.param(lambda path: path.write_bytes(b"short"), id="size"),
        pytest.param(lambda path: path.unlink(), id="gone"),
        pytest.param(lambda path: path.chmod(0o644), id="mode"),
        pytest.param(lambda path: (path.parents[2] / "shop").unlink(), id="link"),
    ],
)
def test_a_damaged_executable_is_a_drift_that_the_next_apply_mends(to: Target, damage: object) -> None:
    release = ship(PROCESS, to).release
    assert callable(damage)
    damage(to.out / "releases" / release / "shop")
    (change,) = [one for one in plan(write_build(to.out, PROCESS), to).changes if one.action != "unchanged"]
    assert (change.kind, change.action, change.reasons[0].kind) == ("executable", "update", "drift")
    ship(PROCESS, to)
    assert changed(PROCESS, to) == []
    with running(to.out / "shop") as connection:
        assert ask(connection, "/a") == "a0"


def test_a_release_whose_record_is_damaged_counts_as_none(to: Target) -> None:
    release = ship(PROCESS, to).release
    (to.out / "releases" / release / "release.json").write_text("{")
    assert standalone.deployed(to).resources == {}
    ship(PROCESS, to)
    assert changed(PROCESS, to) == []


def test_going_back_to_older_sources_uses_the_release_that_is_there(to: Target) -> None:
    first = ship(PROCESS, to).release
    inode = (to.out / "shop").stat().st_ino
    ship(OTHER, to)
    assert ship(PROCESS, to).release == first
    assert (to.out / "shop").stat().st_ino == inode


def test_rollback(to: Target) -> None:
    first = ship(PROCESS, to).release
    ship(OTHER, to)
    rollback(to, first, say=quiet)
    assert changed(PROCESS, to) == []
    assert standalone.deployed(to).serial == 3
    with pytest.raises(ReleaseUnknown):
        rollback(to, "0" * 12, say=quiet)


def test_only_the_newest_releases_are_kept(to: Target) -> None:
    shipped = [
        ship({**PROCESS, "units/shop-b/index.js": f"export default () => 'b{n}'\n"}, to).release
        for n in range(KEPT + 2)
    ]
    assert [release.id for release in placing.releases(placing.of(to))] == shipped[:1:-1]


def test_a_plan_made_against_another_release_is_refused(to: Target) -> None:
    build = write_build(to.out, PROCESS)
    stale = plan(build, to)
    ship(OTHER, to)
    build = write_build(to.out, PROCESS)
    with pytest.raises(PlanStale):
        standalone.apply(stale, PROCESS_MANIFEST, build, to, say=quiet)


def test_a_plan_about_another_build_is_refused(to: Target) -> None:
    planned = plan(write_build(to.out, PROCESS), to)
    other = write_build(to.out, OTHER)
    with pytest.raises(BuildMismatch):
        standalone.apply(planned, PROCESS_MANIFEST, other, to, say=quiet)


def test_output_that_changed_after_the_plan_is_refused(to: Target) -> None:
    build = write_build(to.out, PROCESS)
    planned = plan(build, to)
    (to.out / "main.js").write_text("console.log('something else')\n")
    with pytest.raises(BuildMismatch):
        standalone.apply(planned, PROCESS_MANIFEST, build, to, say=quiet)
    assert standalone.deployed(to).resources == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("export default = nothing\n", CompileFailed, id="doesn't compile"),
        pytest.param("throw new Error('at load')\n", CheckFailed, id="throws when loaded"),
        pytest.param("process.exit(0)\n", CheckFailed, id="ends when loaded"),
    ],
)
def test_a_release_that_does_not_work_never_replaces_one_that_does(
    to: Target, text: str, error: type[Exception]
) -> None:
    first = ship(PROCESS, to).release
    with pytest.raises(error):
        ship({**PROCESS, "units/shop-b/index.js": text}, to)
    assert placing.current_id(placing.of(to)) == first
    assert sorted(path.name for path in (to.out / "releases").iterdir() if path.is_dir()) == [first]
    with running(to.out / "shop") as connection:
        assert ask(connection, "/b") == "b"


def test_the_projects_own_package_and_tsconfig_do_not_count(to: Target) -> None:
    (to.root / "package.json").write_text('{"sideEffects": false, "type": "commonjs"}')
    (to.root / "tsconfig.json").write_text('{"compilerOptions": {"paths": {"*": ["./nowhere/*"]}}}')
    texts = {
        **PROCESS,
        "chunks/c-effect.js": "globalThis.effect = 'seen'\n",
        "units/shop-b/index.js": "import '../../chunks/c-effect.js'\nexport default () => globalThis.effect\n",
    }
    ship(texts, to)
    with running(to.out / "shop") as connection:
        assert ask(connection, "/b") == "seen"


def test_nothing_of_the_working_folder_is_loaded_at_the_start(to: Target, tmp_path: Path) -> None:
    ship(PROCESS, to)
    (tmp_path / ".env").write_text("UNITGRAPH_RELEASE=other\nPORT=nonsense\n")
    (tmp_path / "bunfig.toml").write_text('preload = ["./preload.ts"]\n')
    (tmp_path / "preload.ts").write_text("throw new Error('preloaded')\n")
    run = subprocess.run([to.out / "shop", "--check"], cwd=tmp_path, capture_output=True, text=True, check=True, env={})
    assert json.loads(run.stdout)["units"] == 2


@pytest.mark.parametrize("data", [None, "/srv/shop"])
def test_the_folder_of_what_is_kept_is_listed_where_something_is(tmp_path: Path, data: str | None) -> None:
    to = target(tmp_path, "standalone", config=DeployConfig(standalone=StandaloneConfig(data=data)))
    queue = Queue("orders", "shop-a", "a")
    infra = json.loads(standalone.files(replace(PROCESS_MANIFEST, queues=(queue,)), to)["infra.json"])
    assert infra["data"] == {"variable": "UNITGRAPH_DATA", "default": data}
    assert infra["defaults"].get("UNITGRAPH_DATA") == data
    assert json.loads(standalone.files(PROCESS_MANIFEST, to)["infra.json"])["data"] is None


def test_one_apply_at_a_time(to: Target) -> None:
    place = placing.of(to)
    place.releases.mkdir(parents=True)
    build = write_build(to.out, PROCESS)
    said: list[str] = []
    with held(place.releases / ".lock", wait_s=0, say=quiet):
        with pytest.raises(ApplyLocked, match=f"process {os.getpid()} on "):
            standalone.apply(plan(build, to), PROCESS_MANIFEST, build, to, say=quiet)
        patient = threading.Thread(
            target=standalone.apply,
            args=(plan(build, to), PROCESS_MANIFEST, build, replace(to, wait_lock_s=60)),
            kwargs={"say": said.append},
        )
        patient.start()
        while not said:
            patient.join(0.01)
            assert patient.is_alive()
    patient.join(60)
    assert said[0].startswith("Waiting for another apply")
    assert changed(PROCESS, to) == []


def test_a_folder_that_cannot_be_written(to: Target) -> None:
    to.out.parent.mkdir(parents=True)
    (to.root / "taken").write_text("")
    elsewhere = replace(to, config=DeployConfig(standalone=StandaloneConfig(port=0, directory="taken")))
    with pytest.raises(OutputUnwritable):
        ship(PROCESS, elsewhere)


def test_another_folder_and_a_project_named_like_a_part_of_the_output(tmp_path: Path) -> None:
    to = replace(target(tmp_path, "standalone"), project="units")
    to = replace(to, config=DeployConfig(standalone=StandaloneConfig(port=0, directory="dist/out")))
    build = write_build(to.out, PROCESS)
    outcome = standalone.apply(plan(build, to), PROCESS_MANIFEST, build, to, say=quiet)
    assert outcome.notes == ("Start it with ./dist/out/units-server",)
    with running(tmp_path / "dist/out/units-server") as connection:
        assert ask(connection, "/a") == "a0"


def kill_at(step: int, to: Target) -> bool:
    """Ship OTHER in a process of its own and kill it with SIGKILL at its n-th step on the file system; False when it
    ended before that."""
    script = f"""
import os, signal, sys
from pathlib import Path
from tests.providers.test_standalone import OTHER, ship
from tests.providers.samples import target

count = 0
def watch(event, _arguments):
    global count
    if event in ("open", "os.rename", "os.symlink", "os.remove", "os.mkdir", "subprocess.Popen", "shutil.rmtree"):
        path = str(_arguments[0]) + str(_arguments[1] if len(_arguments) > 1 else "")
        if "releases" in path or "standalone" in path:
            count += 1
            if count == {step}:
                os.kill(os.getpid(), signal.SIGKILL)

to = target(Path({str(to.root)!r}), "standalone")
sys.addaudithook(watch)
ship(OTHER, to)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def test_killed_at_any_step_the_old_release_runs_or_the_new_one_and_the_next_apply_settles(to: Target) -> None:
    first = ship(PROCESS, to).release
    second = ""
    step = 1
    while kill_at(step, to):
        current = placing.current_id(placing.of(to))
        said = subprocess.run([to.out / "shop", "--version"], capture_output=True, text=True, check=True, env={})
        assert said.stdout.strip() == current
        second = ship(OTHER, to).release
        assert current in {first, second}
        assert changed(OTHER, to) == []
        left = sorted(path.name for path in (to.out / "releases").iterdir())
        assert left == sorted([".lock", "state.json", first, second])
        rollback(to, first, say=quiet)
        subprocess.run(["rm", "-rf", to.out / "releases" / second], check=True)
        step += 4
    assert step > 20, "the steps were seen"
