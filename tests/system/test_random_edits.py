"""The law of incremental builds: after any sequence of edits, what is there is what a clean build gives."""

import random
import shutil
from collections.abc import Callable

import pytest

from tests.harness import Checkout
from tests.system.edits import Model, start, step

STEPS = 10


@pytest.mark.parametrize("seed", range(4))
def test_incremental_is_clean_byte_for_byte(checkout: Callable[..., Checkout], seed: int) -> None:
    rng = random.Random(seed)
    model = start(rng)
    work = checkout(model.files(), name="work")
    work.plan()
    history = ["start"]
    for _ in range(STEPS):
        history += [step(model, rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        save(work, model)
        done = work.run("plan", status=None)
        if model.broken:
            assert done.status == 1, done.text
            assert "[syntax-error]" in done.text
            continue
        assert done.status == 0, f"after {history}:\n{done.text}"
        fresh = work.clone(work.root.parent / "clean")
        fresh.plan()
        incremental, clean = work.tree(), fresh.tree()
        differing = sorted(path for path in incremental.keys() | clean.keys() if incremental.get(path) != clean.get(path))
        assert not differing, f"after {history}"
        shutil.rmtree(fresh.root)
        shutil.rmtree(fresh.cache)


def save(work: Checkout, model: Model) -> None:
    """Write what differs, remove what is gone: as an editor and git do."""
    files = model.files()
    for path in sorted((work.root / "src").rglob("*.ts")):
        if path.relative_to(work.root).as_posix() not in files:
            path.unlink()
    work.write({path: text for path, text in files.items() if not same(work, path, text)})


def same(work: Checkout, path: str, text: str) -> bool:
    return (work.root / path).exists() and work.read(path) == text
