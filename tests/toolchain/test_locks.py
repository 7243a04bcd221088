"""The lockfiles that ship with the package: pinned, hashed, and the ones that folders are named after."""

import json
import re

import pytest

from unitgraph.rules.toolchain import PARTS
from unitgraph.rules.toolchain.install import LOCKS, NEEDED_BYTES, lock_digest, refuse_unhashed
from unitgraph.rules.toolchain.locate import ESBUILD_PACKAGES, ESBUILD_VERSION

PINS = {
    "build": {f"@esbuild/{platform}": ESBUILD_VERSION for platform in set(ESBUILD_PACKAGES.values())},
    "runtime": {"hono": "4.13.19", "jose": "6.2.17", "valibot": "1.5.0"},
    "agents": {
        "@ai-sdk/anthropic": "4.0.105",
        "@ai-sdk/openai-compatible": "3.0.92",
        "ai": "7.0.173",
        "zod": "4.6.7",
    },
    "database": {"kysely": "0.29.9"},
    "mcp": {"@modelcontextprotocol/server": "2.4.0", "zod": "4.6.7"},
    "dev": {
        "@modelcontextprotocol/client": "2.4.0",
        "@modelcontextprotocol/server": "2.4.0",
        "@standard-schema/spec": "1.1.0",
        "hono": "4.13.19",
        "jose": "6.2.17",
        "playwright-core": "1.65.1",
        "typescript": "7.0.2",
        "valibot": "1.5.0",
        "zod": "4.6.7",
    },
    "workers": {"miniflare": "4.20260730.0"},
}


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_is_named_after_its_lock(part: str) -> None:
    assert PARTS[part] == lock_digest(LOCKS / part), "set locate.PARTS to the digest of the changed lock"
    assert part in NEEDED_BYTES


@pytest.mark.parametrize("part", sorted(PARTS))
def test_versions_are_exact_and_the_lock_has_them(part: str) -> None:
    package = json.loads((LOCKS / part / "package.json").read_text())
    assert package.get("dependencies", {}) | package.get("optionalDependencies", {}) == PINS[part]
    lock = (LOCKS / part / "bun.lock").read_text()
    for name, version in PINS[part].items():
        assert f'"{name}": ["{name}@{version}", ""' in lock


@pytest.mark.parametrize("part", sorted(PARTS))
def test_every_package_has_a_hash_and_comes_from_the_registry_that_is_configured(part: str) -> None:
    lock = (LOCKS / part / "bun.lock").read_text()
    refuse_unhashed(part, lock)
    assert not re.search(r"https?://", lock)
