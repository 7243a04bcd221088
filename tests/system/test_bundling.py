"""Bundling at scale, with the real esbuild: a unit that fails fails alone, and memory that runs out costs a retry."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent

import pytest

from tests.harness import Checkout
from tests.system.projects import SHELL, texts

Make = Callable[..., Checkout]
UNITS = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """What is put into a unit's helper, and what esbuild says of it at which place ("" is the helper itself)."""

    helper: str
    said: str
    line: int
    path: str = ""


FAULTS = {
    3: Fault("export const value = 3\nexport const value = 4", 'Multiple exports with the same name "value"', 2),
    11: Fault("const fixed = 1\n\nfixed = 2\nexport const value = fixed", 'Cannot assign to "fixed" because it is a constant', 3),
    19: Fault("import { missing } from 'dep'\nexport const value = missing", 'No matching export in "node_modules/dep/index.js" for import "missing"', 1),
    20: Fault("import { other } from 'dep/nowhere.js'\nexport const value = other", 'Could not resolve "dep/nowhere.js"', 1),
    37: Fault("import picture from './picture.weird'\nexport const value = picture", 'No loader is configured for ".weird" files: src/lib/picture.weird', 1),
    41: Fault("outer: for (;;) { continue inner }\nexport const value = 1", 'There is no containing label named "inner"', 1),
    52: Fault("import { broken } from 'dep/broken.js'\nexport const value = broken", "Unexpected \"export\"", 3, "node_modules/dep/deep.js"),
    59: Fault("class Twice { #a = 1; #a = 2 }\nexport const value = Twice", 'The symbol "#a" has already been declared', 1),
}  # fmt: skip


def project(faults: dict[int, Fault], units: int = UNITS) -> dict[str, str]:
    """Units alike, each with a helper of its own; all of them import the package, too."""
    files = texts(SHELL) | {
        "package.json": '{ "name": "many", "private": true, "type": "module", "dependencies": { "dep": "1.0.0" } }\n',
        "src/services.ts": dedent("""\
            import { pikkuConfig, pikkuServices } from '#pikku'
            export const createConfig = pikkuConfig(async () => ({}))
            export const createSingletonServices = pikkuServices(async () => ({}))
            """),
        "src/lib/picture.weird": "no picture",
        "node_modules/dep/package.json": '{ "name": "dep", "version": "1.0.0", "type": "module", "main": "index.js" }\n',
        "node_modules/dep/index.js": "export const dep = 'dep'\n",
        "node_modules/dep/broken.js": "export * from './deep.js'\n",
        "node_modules/dep/deep.js": "export const fine = 1\n\nconst bad = export const broken = 1\n",
    }
    for number in range(units):
        fault = faults.get(number)
        files[f"src/lib/h{number}.ts"] = f"{fault.helper if fault else f'export const value = {number}'}\n"
        files[f"src/f{number}.functions.ts"] = dedent(f"""\
            import {{ pikkuSessionlessFunc }} from '#pikku'
            import {{ dep }} from 'dep'
            import {{ value }} from './lib/h{number}.js'

            export const get{number} = pikkuSessionlessFunc<void, {{ value: string }}>({{
              expose: true,
              func: async () => ({{ value: `${{dep}} {number} ${{value}}` }}),
            }})
            """)
    return files


def calls(checkout: Checkout) -> list[list[str]]:
    """What esbuild was asked to bundle since the last call."""
    text = checkout.log.read_text() if checkout.log.exists() else ""
    checkout.log.unlink(missing_ok=True)
    return [words for line in text.splitlines() if "--bundle" in (words := line.split())]


def runs(checkout: Checkout, status: int = 1, jobs: int = 2) -> int:
    """How many runs of esbuild a build takes."""
    checkout.run("plan", "-j", str(jobs), status=status)
    return len(calls(checkout))


def built(checkout: Checkout) -> dict[str, bytes]:
    """The units that have a bundle; a unit that failed has its wrangler.toml only."""
    folder = checkout.root / ".deploy" / "cloudflare" / "units"
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/index.js"))}


def names(numbers: range | list[int]) -> set[str]:
    return {f"many-get{number}" for number in numbers}


def test_each_broken_unit_fails_with_esbuild_s_own_words_and_the_rest_is_built(checkout: Make) -> None:
    many = checkout(project(FAULTS), name="many")
    done = many.run("plan", status=1)
    lines = [line for line in done.err.splitlines() if "[bundle-failed]" in line]
    assert len(lines) == len(FAULTS), done.err
    for number, fault in FAULTS.items():
        (line,) = [line for line in lines if f"Unit many-get{number} " in line]
        place = f"{fault.path or f'src/lib/h{number}.ts'}:{fault.line}:"
        assert line.startswith(place), f"not at {place}"
        assert f"can't be bundled: {fault.said}" in line
    assert set(built(many)) == names([number for number in range(UNITS) if number not in FAULTS])
    assert b"dep" in built(many)["many-get0"]


def test_what_was_built_beside_a_failure_is_what_a_sound_project_gives(checkout: Make) -> None:
    many = checkout(project(FAULTS), name="many")
    many.run("plan", status=1)
    beside = built(many)
    many.bundled()
    many.write({path: text for path, text in project({}).items() if path.startswith("src/lib/h")})
    many.plan()
    assert many.bundled() == names(list(FAULTS)), "what had been built was built again"
    sound = checkout(project({}), name="sound")
    sound.plan()
    assert {name: built(sound)[name] for name in beside} == beside
    assert built(many) == built(sound)


def test_the_number_of_runs_does_not_grow_with_that_of_broken_units(checkout: Make) -> None:
    """esbuild reads, then links: two rounds of failures a batch, each told once at the sources, and once without."""
    batches = runs(checkout(project({}), name="none"), status=0)
    few = runs(checkout(project({number: FAULTS[number] for number in (3, 19)}), name="few"))
    faults = FAULTS | dict.fromkeys(range(22, 36), FAULTS[3])
    many = runs(checkout(project(faults), name="many"))
    assert few <= 5 * batches
    assert many <= 6 * batches          # one more for the file in the package: who reaches it?
    assert many < len(faults)


def test_a_file_of_a_package_that_all_units_reach_fails_all_of_them_in_few_runs(checkout: Make) -> None:
    files = project({}) | {"node_modules/dep/index.js": "export const dep = = 1\n"}
    many = checkout(files, name="many")
    done = many.run("plan", "-j", "2", status=1)
    assert done.err.count("[bundle-failed]") == UNITS
    assert done.err.count("node_modules/dep/index.js:1:20: Unit many-get") == UNITS
    assert len(calls(many)) < UNITS / 2


@pytest.mark.parametrize("sourcemap", [False, True])
def test_the_place_is_that_of_the_source_whether_or_not_there_are_maps(checkout: Make, *, sourcemap: bool) -> None:
    many = checkout(project({1: FAULTS[11]}, units=3), name="many")
    done = many.run("plan", *(["--sourcemap"] if sourcemap else []), status=1)
    assert "src/lib/h1.ts:3:1: Unit many-get1 can't be bundled: Cannot assign" in done.err
    assert set(built(many)) == names([0, 2])


def test_a_fault_in_one_process_is_told_at_its_place(checkout: Make) -> None:
    many = checkout(project({1: FAULTS[11]}, units=3), name="many")
    done = many.run("plan", "--provider", "standalone", status=1)
    assert "src/lib/h1.ts:3:1: " in done.err
    assert "Cannot assign" in done.err


# Memory that runs out.

LIMITED = """\
#!/bin/sh
case " $* " in
*' --bundle '*)
    echo run >>'{log}'
    ulimit -d {kib};;
esac
exec '{real}' "$@"
"""


def limited(checkout: Checkout, kib: int) -> None:
    """The real esbuild, which the system refuses more than so much memory."""
    text = LIMITED.format(log=checkout.root.parent / "runs", kib=kib, real=checkout.tools.esbuild)
    checkout.esbuild.write_text(text)


def heavy(kib: int) -> str:
    """A module that takes esbuild about sixty times its size."""
    line = "export const entry{0} = (a: number[]): string => a.map((x) => x * {0}).join('{0}')\n"
    return "".join(line.format(number) for number in range(kib * 1024 // len(line)))


def test_a_batch_that_is_too_great_for_the_memory_is_made_smaller(checkout: Make) -> None:
    large = {f"src/lib/h{number}.ts": f"{heavy(400)}export const value = entry{number}\n" for number in range(9)}
    many = checkout(project({}, units=9) | large, name="many")
    limited(many, kib=160_000)
    many.plan("-j", "1")
    tried = (many.root.parent / "runs").read_text().count("run")
    assert set(built(many)) == names(range(9))
    free = checkout(project({}, units=9) | large, name="free")
    assert runs(free, status=0, jobs=1) < tried, "nothing had to be tried again, so nothing was tested"
    assert built(many) == built(free)


def test_a_unit_too_great_for_the_memory_fails_alone_and_says_what_to_do(checkout: Make) -> None:
    files = project({}, units=8) | {"src/lib/h5.ts": heavy(3000) + "export const value = entry7\n"}
    many = checkout(files, name="many")
    limited(many, kib=140_000)
    done = many.run("plan", status=1)
    assert done.err.count("[bundle-out-of-memory]") == 1, done.err
    assert "esbuild ran out of memory on unit many-get5 alone, whose sources in the project are 3." in done.err
    assert "[esbuild-failed]" not in done.err
    assert set(built(many)) == names([0, 1, 2, 3, 4, 6, 7])


def test_a_run_that_is_killed_is_tried_again_in_halves(checkout: Make) -> None:
    """As the kernel does it: no word, signal 9. Here it kills whatever bundles more than four entries."""
    many = checkout(project({}, units=20), name="many")
    many.esbuild.write_text(dedent(f"""\
        #!/bin/sh
        case " $* " in
        *' --bundle '*)
            count=0
            for word in "$@"; do case "$word" in many-*) count=$((count + 1));; esac; done
            echo "$count" >>'{many.root.parent}/runs'
            [ "$count" -le 4 ] || kill -9 $$;;
        esac
        exec '{many.tools.esbuild}' "$@"
        """))
    many.plan()
    counts = [int(line) for line in (many.root.parent / "runs").read_text().split()]
    assert set(built(many)) == names(range(20))
    assert max(counts) > 4
    assert sum(count for count in counts if count <= 4) == 20, "a unit was bundled twice"


def test_a_crash_of_esbuild_is_laid_at_the_door_of_one_unit(checkout: Make) -> None:
    many = checkout(project({}, units=12), name="many")
    many.esbuild.write_text(dedent(f"""\
        #!/bin/sh
        case " $* " in
        *' many-get7/index='*' --bundle '*) echo 'panic: index out of range' >&2; exit 2;;
        esac
        exec '{many.tools.esbuild}' "$@"
        """))
    done = many.run("plan", status=1)
    assert done.err.count("[esbuild-failed]") == 1
    assert "panic: index out of range" in done.err
    assert set(built(many)) == names([number for number in range(12) if number != 7])


def test_an_esbuild_that_can_t_run_at_all_is_said_once(checkout: Make) -> None:
    many = checkout(project({}, units=30), name="many")
    many.plan()
    many.clean()
    many.esbuild.write_text("#!/bin/sh\necho run >>'{}'\necho 'no such option' >&2\nexit 3\n".format(many.root.parent / "runs"))
    many.write({f"src/lib/h{number}.ts": f"export const value = {number} + 1\n" for number in range(30)})
    done = many.run("plan", "-j", "2", status=1)
    assert "esbuild ended with status 3. It said: no such option [esbuild-failed]" in done.err
    assert done.err.count("[esbuild-failed]") == 1
    assert (many.root.parent / "runs").read_text().count("run") < 15
