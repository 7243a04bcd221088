"""A project's own files, cut short and altered: whatever they hold, what is wrong is an error with a place."""

import random
from pathlib import Path

import pytest

from tests.units.test_lockfile import LOCKFILES
from tests.units.tiny_project import write
from unitgraph.errors import Problems
from unitgraph.units.project import Project, load_project
from unitgraph.units.resolve import Resolver

TEXTS = {
    "pikku.config.json": '{ "srcDirectories": ["src"], "tsconfig": "./tsconfig.json", "deploy": { "providers": { "a": "b" }, '
    '"cache": { "url": "x", "read": true }, "environments": { "s": { "standalone": { "port": 1 } } } } }',
    "package.json": '{ "name": "my-app", "workspaces": { "packages": ["packages/*"] }, "imports": { "#a": { "default": ["./x"] } }, '
    '"exports": { ".": { "import": "./src/empty.ts" } }, "dependencies": { "zod": "4" } }',
    "tsconfig.json": '{ "extends": ["./base"], "compilerOptions": { "paths": { "@/*": ["./src/*"] }, "target": "es2022", }, /* x */ }',
    "base.json": '{ "compilerOptions": { "baseUrl": ".", "jsx": "react" } }',
    "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - [a]\n",
    "packages/tool/package.json": '{ "name": "tool", "exports": { "./*": "./*.ts" }, "main": "x" }',
}
VALUES = ["null", "1", "true", '"x"', "[]", "{}", "[[]]", '{"": null}', "", "\x00", "\ufeff", '"../.."', "-", ": ", "'", '"']
SPECIFIERS = ["./empty", "@/empty", "#a", "my-app", "tool/x", "tool", "zod", "..", "../..", "./../../../../x", "@/*", "*", "#", "@", "a//b", "%"]


def altered(text: str, chance: random.Random) -> str:
    """The text with a few pieces cut out, doubled or replaced."""
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 1, 1, 3, 10, len(text)]))
        text = text[:start] + chance.choice(["", *VALUES, text[start:end] * 2]) + text[end:]
    return text


@pytest.mark.parametrize("seed", range(25))
def test_nothing_ends_in_a_traceback(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lockfile, lock = chance.choice(list(LOCKFILES.values()))
    files = {**TEXTS, lockfile: lock}
    for attempt in range(8):
        broken = {name: altered(text, chance) if chance.random() < 0.4 else text for name, text in files.items()}
        root = write(tmp_path / str(attempt), broken)
        try:
            project = load_project(root)
        except Problems as refused:
            told = refused.problems
        else:
            told = ()
            look_around(project)
        assert [problem for problem in told if problem.place is None] == []


def look_around(project: Project) -> None:
    resolver = Resolver(project)
    for specifier in SPECIFIERS:
        resolver.resolve("src/empty.ts", specifier)
    if project.lock is not None:
        project.lock.closure_digest(["a", "b", "tool"], "src/empty.ts")
