"""A fresh checkout of what some checkout has built takes that build over, and never one of anything else."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import Checkout
from tests.system.edits import start, step
from tests.system.projects import SHOP

Make = Callable[..., Checkout]


@pytest.fixture
def pair(checkout: Make, tmp_path: Path) -> Callable[..., tuple[Checkout, Checkout]]:
    """Two checkouts of one project that share the cache; the first has been built."""

    def make(files: dict[str, str], *arguments: str) -> tuple[Checkout, Checkout]:
        cache = tmp_path / "shared.cache"
        first = checkout(files, name="first", cache=cache)
        first.plan(*arguments)
        return first, checkout(files, name="second", cache=cache)

    return make


Pair = Callable[..., tuple[Checkout, Checkout]]


@pytest.mark.parametrize("provider", ["cloudflare", "standalone"])
def test_a_fresh_checkout_starts_no_esbuild_and_has_the_same_files(pair: Pair, provider: str) -> None:
    first, second = pair(SHOP, "--provider", provider)
    said = second.plan("--provider", provider)
    assert not second.log.exists(), "esbuild was started"
    assert second.tree(provider) == first.shipped(provider)
    types = {path.relative_to(first.root): path.read_bytes() for path in (first.root / ".pikku").rglob("*.ts")}
    assert types
    assert all((second.root / path).read_bytes() == text for path, text in types.items())
    assert "from the cache" in said.err


def test_after_an_edit_it_builds_what_moved_alone(pair: Pair) -> None:
    _, second = pair(SHOP)
    second.plan()
    second.edit("src/lib/smtp.ts", "smtp:", "post:")
    second.plan()
    built = second.bundled()
    alone = second.clone(second.root.parent / "alone")
    alone.plan()
    assert second.units() == alone.units()
    assert built < frozenset(alone.units())
    assert built


CHANGES: dict[str, Callable[[Checkout], None]] = {
    "a function": lambda work: work.edit("src/lib/smtp.ts", "smtp:", "post:"),
    "a new source": lambda work: work.write({"src/lib/new.ts": "export const one = 1\n"}),
    "a source that is gone": lambda work: (work.root / "src/lib/unused.ts").unlink(),
    "a setting": lambda work: work.edit("pikku.config.json", '"outDir": ".pikku"', '"outDir": ".types"'),
    "the tsconfig": lambda work: work.edit("tsconfig.json", '"strict": true', '"strict": true, "useDefineForClassFields": false'),
    "what the tsconfig extends": lambda work: work.edit("base.json", "es2022", "es2021"),
    "the package": lambda work: work.edit("package.json", '"private": true', '"private": true, "sideEffects": false'),
    "a text that is imported": lambda work: work.edit("src/lib/words.txt", "hello", "goodbye"),
    "a file that shadows another": lambda work: work.write({"src/lib/both.js": "export const both = 2\n"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_other_project_is_built_for_itself(pair: Pair, change: Callable[[Checkout], None]) -> None:
    files = {
        **SHOP,
        "tsconfig.json": SHOP["tsconfig.json"].replace("{\n", '{\n  "extends": "./base.json",\n', 1),
        "base.json": '{ "compilerOptions": { "target": "es2022" } }\n',
        "src/lib/unused.ts": "export const unused = 1\n",
        "src/lib/words.txt": "hello\n",
        "src/lib/both/index.ts": "export const both = 1\n",
    }
    services = files["src/services.ts"].replace("'shop@example.com'", "words + both")
    files["src/services.ts"] = f"import words from './lib/words.txt'\nimport {{ both }} from './lib/both'\n{services}"
    _, second = pair(files)
    change(second)
    second.plan()
    alone = second.clone(second.root.parent / "alone")
    alone.plan()
    assert second.shipped() == alone.shipped()


def test_a_build_with_edits_that_are_not_committed_is_told_to_nobody(checkout: Make, tmp_path: Path) -> None:
    work = checkout(SHOP, name="dirty", cache=tmp_path / "git.cache")
    work.write({".gitignore": ".deploy\n.pikku\n"})
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=work.root, check=True)
    work.edit("src/lib/smtp.ts", "smtp:", "post:")
    work.plan()
    twin = checkout({path: work.read(path) for path in SHOP}, name="twin", cache=tmp_path / "git.cache")
    twin.plan()
    assert (twin.root / ".deploy/cloudflare/gen").exists(), "an uncommitted build was taken over"


@pytest.mark.parametrize("seed", range(3))
def test_random_projects_are_never_mixed_up(checkout: Make, tmp_path: Path, seed: int) -> None:
    """States of one project, each in a fresh checkout over one cache, now and then one that was there before."""
    rng = random.Random(seed)
    model = start(rng)
    states: list[dict[str, str]] = []
    for number in range(8):
        if states and rng.random() < 0.4:
            files = rng.choice(states)
        else:
            while not step(model, rng) or model.broken:
                pass
            files = model.files()
            states.append(files)
        shared = checkout(files, name=f"shared-{number}", cache=tmp_path / "one.cache")
        shared.plan()
        alone = checkout(files, name=f"alone-{number}")
        alone.plan()
        assert shared.shipped() == alone.shipped()


def test_a_fresh_checkout_with_a_change_looks_at_the_change_alone(pair: Pair, tmp_path: Path) -> None:
    first, second = pair(SHOP)
    second.edit("src/lib/rounding.ts", "value * 100", "value * 1000")
    second.plan()
    read = [word.partition("=")[2] for call in second.log.read_text().splitlines() for word in call.split() if "=./" in word]
    assert read[0] == "./src/lib/rounding.ts", "its digest is looked at first"
    assert not [path for path in read if "get-book" in path or path.endswith(("text.ts", "shelf.ts"))], read
    touched = {"shop-create-order", "shop-cancel-order"}
    assert second.bundled() == touched
    alone = second.clone(tmp_path / "alone")
    alone.plan()
    assert second.shipped() == alone.shipped()
    generated = {path for path in second.tree() if path.startswith("gen/units/")}
    assert generated == {f"gen/units/{unit}.ts" for unit in touched}
    first.write({path: second.read(path) for path in SHOP})
    first.plan()
    assert first.tree() == alone.tree()


def test_what_only_this_machine_had_and_has_no_more_is_built_again(pair: Pair) -> None:
    first, second = pair(SHOP)
    second.edit("src/lib/rounding.ts", "value * 100", "value * 1000")
    held = second.cache / "unitgraph"
    seeded = {path for path in (held / "cas").rglob("*") if path.is_file() and path.stat().st_size > 20_000}
    for path in seeded - {max(seeded, key=lambda each: each.stat().st_size)}:
        path.unlink()       # bundles, and not the seed
    second.plan()
    assert second.units().keys() == first.units().keys()
