"""A project's cache as its settings ask for it: every mistake named at its place, every doubt said, nothing secret shown."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cache.machine import key_of, made_of
from unitgraph.cache import signature
from unitgraph.cache.entry import Sealed, decode
from unitgraph.cache.local import LocalCache
from unitgraph.cache.shared import Shared
from unitgraph.cache.store import BUILT
from unitgraph.cache.trust import Trust
from unitgraph.cache.uploads import CI, DESK
from unitgraph.errors import Problems, UnitgraphError
from unitgraph.rules.cache_layers import cautions, open_cache, read_trust, shared_url
from unitgraph.rules.settings import CacheSettings, Run, Settings, cache_settings
from unitgraph.units.config import CacheConfig, ConfigText, parse_config
from unitgraph.units.project import load_project

FIRST, SECOND = signature.generate(), signature.generate()
KEYS = {"ci-2025": FIRST.public, "ci-2026": SECOND.public}


def parsed(cache: Mapping[str, object]) -> tuple[CacheConfig, ConfigText]:
    config, text, problems = parse_config(json.dumps({"deploy": {"cache": cache}}, indent=2))
    assert problems == ()
    return config.deploy.cache, text


def trusted(cache: Mapping[str, object], **environ: str) -> Trust:
    config, text = parsed(cache)
    return read_trust(config, text, cache_settings(environ))[0]


def wrong(cache: Mapping[str, object], **environ: str) -> list[tuple[str, str]]:
    """Code and place of everything that is wrong."""
    try:
        trusted(cache, **environ)
    except Problems as error:
        return [(each.code, str(each.place)) for each in error.problems]
    except UnitgraphError as error:
        return [(error.code, str(error.place))]
    return []


def test_keys_and_revoked_ones_and_the_generation_are_read() -> None:
    trust = trusted({"keys": KEYS, "revoked": ["ci-2025"], "generation": 7}, UNITGRAPH_CACHE_KEY=SECOND.private)
    assert trust.believed == (signature.fingerprint(signature.read_public(SECOND.public)),)
    assert len(trust.keys) == 2
    assert (trust.generation, trust.writes, trust.tier) == (7, "trusted", "")
    assert SECOND.private not in repr(trust)


def test_a_key_that_is_listed_twice_is_revoked_under_any_name() -> None:
    trust = trusted({"keys": {**KEYS, "again": FIRST.public}, "revoked": ["again"]})
    assert trust.believed == (signature.fingerprint(signature.read_public(SECOND.public)),)


@pytest.mark.parametrize(
    ("config", "environ", "tier"),
    [
        ({}, {}, ""),
        ({"keys": KEYS}, {}, ""),
        ({"keys": KEYS, "tier": "trusted"}, {}, "trusted"),
        ({"tier": "untrusted:nightly"}, {}, "untrusted:nightly"),
        ({"keys": KEYS, "tier": "trusted"}, {"UNITGRAPH_CACHE_TIER": "untrusted:pr-7"}, "untrusted:pr-7"),
        ({"tier": "untrusted:mine"}, {"UNITGRAPH_CACHE_TIER": " untrusted:pr-7\n"}, "untrusted:pr-7"),
    ],
    ids=["nothing", "keys", "trusted", "namespace", "the environment goes first", "trimmed"],
)
def test_the_tier_is_the_environments_before_the_checkouts(config: dict[str, Any], environ: dict[str, str], tier: str) -> None:
    assert trusted(config, **environ).tier == tier


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        pytest.param({"keys": {"ci": "ed25519:AAAA"}}, {}, [("cache-key-invalid", "pikku.config.json:5:9")], id="short key"),
        pytest.param({"keys": {"ci": "A" * 43 + "="}}, {}, [("cache-key-invalid", "pikku.config.json:5:9")], id="placeholder"),
        pytest.param({"keys": {"the ci": FIRST.public}}, {}, [("cache-key-invalid", "pikku.config.json:5:9")], id="name of a key"),
        pytest.param({"keys": KEYS, "revoked": ["ci-2024"]}, {}, [("cache-revoked-unknown", "pikku.config.json:9:9")], id="revoked and unknown"),
        pytest.param({"tier": "production"}, {}, [("cache-tier-invalid", "pikku.config.json:4:7")], id="tier"),
        pytest.param({"tier": "untrusted:"}, {}, [("cache-tier-invalid", "pikku.config.json:4:7")], id="tier without a name"),
        pytest.param({"tier": "trusted"}, {}, [("cache-trusts-nobody", "pikku.config.json:4:7")], id="trusted without keys"),
        pytest.param({}, {"UNITGRAPH_CACHE_TIER": "trusted"}, [("cache-trusts-nobody", "None")], id="trusted without keys by environment"),
        pytest.param({}, {"UNITGRAPH_CACHE_TIER": "untrusted:Feature/X"}, [("cache-tier-invalid", "None")], id="a branch as a name"),
        pytest.param({"generation": -1}, {}, [("config-bad-value", "pikku.config.json:4:7")], id="generation"),
        pytest.param({"tokenEnv": "GITHUB_TOKEN"}, {}, [("cache-token-variable", "pikku.config.json:4:7")], id="another secret"),
        pytest.param({"tokenEnv": "UNITGRAPH_CACHE_KEY"}, {}, [("cache-token-variable", "pikku.config.json:4:7")], id="the private key as a token"),
        pytest.param({}, {"UNITGRAPH_CACHE_KEY": "secret-value"}, [("cache-signing-key-unreadable", "None")], id="private key"),
        pytest.param(
            {"keys": {"a": "x"}, "revoked": ["b"], "tier": "c"}, {"UNITGRAPH_CACHE_KEY": "secret-value"},
            [("cache-signing-key-unreadable", "None"), ("cache-key-invalid", "pikku.config.json:5:9"),
             ("cache-revoked-unknown", "pikku.config.json:8:9"), ("cache-tier-invalid", "pikku.config.json:10:7")],
            id="all at once",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(config: dict[str, Any], environ: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert wrong(config, **environ) == expected


def test_the_value_of_the_private_key_is_in_no_error(tmp_path: Path) -> None:
    (tmp_path / "unreadable").mkdir()
    for value in ("secret-value", "secret-value" * 100, "-----BEGIN secret-value", str(tmp_path / "secret-value")):
        with pytest.raises(UnitgraphError) as caught:
            trusted({}, UNITGRAPH_CACHE_KEY=value)
        assert "secret-value" not in str(caught.value)


def test_settings_show_no_key() -> None:
    assert "secret-value" not in repr(cache_settings({"UNITGRAPH_CACHE_KEY": "secret-value"}))
    assert "secret-value" not in repr(Settings(Path("/"), shared=cache_settings({"UNITGRAPH_CACHE_KEY": "secret-value"})))


@pytest.mark.parametrize(
    ("config", "environ", "url"),
    [
        ({}, {}, ""),
        ({"url": "https://cache"}, {}, "https://cache"),
        ({"url": "https://cache"}, {"UNITGRAPH_CACHE_URL": "/mnt/cache"}, "/mnt/cache"),
        ({"url": "https://cache"}, {"UNITGRAPH_CACHE_URL": "off"}, ""),
        ({"url": "https://cache"}, {"UNITGRAPH_CACHE_URL": ""}, "https://cache"),
    ],
)
def test_where_the_shared_cache_is(config: dict[str, Any], environ: dict[str, str], url: str) -> None:
    assert shared_url(parsed(config)[0], cache_settings(environ)) == url


def said(config: Mapping[str, object], **environ: str) -> list[str]:
    found, text = parsed(config)
    given = cache_settings(environ)
    return list(cautions(found, given, read_trust(found, text, given)[0]))


TOKEN = {"tokenEnv": "SHOP_CACHE_TOKEN"}


@pytest.mark.parametrize(
    ("config", "environ", "says"),
    [
        pytest.param({"url": "http://cache.example", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "unencrypted", id="token over http"),
        pytest.param({"url": "grpc://10.0.0.1:9092", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "unencrypted", id="token over grpc"),
        pytest.param({}, {"UNITGRAPH_CACHE_URL": "redis://:secret-value@cache.example"}, "unencrypted", id="password over redis"),
        pytest.param({"url": "http://cache.example", **TOKEN}, {}, "", id="no token"),
        pytest.param({"url": "https://cache.example", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "", id="token over https"),
        pytest.param({"url": "http://127.0.0.1:8080", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "", id="loopback"),
        pytest.param({"url": "http://[::1]:8080", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "", id="loopback of IPv6"),
        pytest.param({"url": "http://localhost:8080", **TOKEN}, {"SHOP_CACHE_TOKEN": "t"}, "", id="localhost"),
        pytest.param({"url": "https://u:secret-value@cache.example"}, {}, "holds a password", id="password in the project"),
        pytest.param({}, {"UNITGRAPH_CACHE_URL": "https://u:secret-value@cache.example"}, "", id="password in the environment"),
        pytest.param({"url": "/c", "keys": KEYS}, {"UNITGRAPH_CACHE_KEY": FIRST.private}, "", id="the private key"),
        pytest.param({"url": "/c", "keys": KEYS}, {}, "", id="no private key"),
        pytest.param({"url": "/c", "keys": KEYS, "revoked": ["ci-2025"]}, {"UNITGRAPH_CACHE_KEY": FIRST.private}, "is revoked", id="a revoked key"),
        pytest.param({"url": "/c", "keys": KEYS}, {"UNITGRAPH_CACHE_KEY": signature.generate().private}, "isn't among", id="an unknown key"),
        pytest.param({"url": "/c"}, {"UNITGRAPH_CACHE_KEY": FIRST.private}, "names no key", id="a key and no keys"),
        pytest.param({"url": "/c", "keys": KEYS}, {"UNITGRAPH_CACHE_KEY": FIRST.private, "UNITGRAPH_CACHE_TIER": "untrusted:pr-1"}, "can sign as you", id="the key in a pull request"),
    ],
)
def test_what_works_and_is_not_meant_is_said(config: dict[str, Any], environ: dict[str, str], says: str) -> None:
    lines = said(config, **environ)
    assert len(lines) == bool(says)
    assert says in "".join(lines)
    assert "secret-value" not in "".join(lines)


@pytest.mark.parametrize(
    ("environ", "run"),
    [
        ({}, Run()),
        ({"CI": "true"}, Run(is_ci=True)),
        ({"CI": "false"}, Run()),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "our/shop", "GITHUB_RUN_ID": "17", "GITHUB_REF": "refs/heads/main", "CI": "true"}, Run(is_ci=True, label="github our/shop 17", ref="refs/heads/main")),
        ({"GITLAB_CI": "true", "CI_PROJECT_PATH": "our/shop", "CI_JOB_ID": "5", "CI_COMMIT_REF_NAME": "main"}, Run(is_ci=True, label="gitlab our/shop 5", ref="main")),
        ({"GITHUB_ACTIONS": "true"}, Run(is_ci=True, label="github")),
    ],
    ids=["desk", "some CI", "CI says no", "GitHub", "GitLab", "GitHub without names"],
)
def test_who_runs_this(environ: dict[str, str], run: Run) -> None:
    assert cache_settings(environ).run == run


def project_at(root: Path, cache: Mapping[str, object]) -> Path:
    (root / "src").mkdir(parents=True)
    (root / "package.json").write_text('{ "name": "shop", "private": true }')
    (root / "pikku.config.json").write_text(json.dumps({"deploy": {"cache": cache}}))
    return root


def opened(root: Path, cache: Mapping[str, object], **environ: str) -> Any:
    project = load_project(project_at(root / "project", cache))
    return open_cache(project, Settings(root / "own", shared=cache_settings(environ)))


def test_without_an_address_the_cache_is_this_machines(tmp_path: Path) -> None:
    assert isinstance(opened(tmp_path, {}), LocalCache)


@pytest.mark.parametrize("off", [{"UNITGRAPH_CACHE_URL": "off"}, {}], ids=["off", "neither read nor written"])
def test_a_shared_cache_can_be_switched_off(tmp_path: Path, off: dict[str, str]) -> None:
    switches = {} if off else {"read": False, "write": False}
    assert isinstance(opened(tmp_path, {"url": str(tmp_path / "shared"), **switches}, **off), LocalCache)


@pytest.mark.parametrize(("environ", "patience"), [({}, DESK), ({"CI": "1"}, CI)], ids=["desk", "CI"])
def test_ci_is_more_patient_than_a_desk(tmp_path: Path, environ: dict[str, str], patience: object) -> None:
    cache = opened(tmp_path, {"url": str(tmp_path / "shared")}, **environ)
    assert isinstance(cache, Shared)
    assert cache._manners.patience is patience


def test_an_entry_says_who_made_it(tmp_path: Path) -> None:
    cache = opened(
        tmp_path, {"url": str(tmp_path / "shared"), "keys": KEYS}, UNITGRAPH_CACHE_KEY=FIRST.private,
        GITHUB_ACTIONS="true", GITHUB_REPOSITORY="our/shop\x1b[2J", GITHUB_RUN_ID="17", GITHUB_REF="refs/heads/main",
    )  # fmt: skip
    root = tmp_path / "project"
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True).stdout.strip()
    (root / "src" / "new.ts").write_text("")
    cache.keep(key_of("a"), "bundle:a", *made_of(b"text"))
    cache.close()
    assert cache.traffic.warnings == []
    (path,) = (path for path in (tmp_path / "shared" / "ac").rglob("*") if path.is_file())
    sealed = decode(path.read_bytes())
    assert isinstance(sealed, Sealed)
    producer = sealed.entry.producer
    assert (producer.label, producer.commit, producer.ref) == ("github our/shop[2J 17", f"{commit}+changes", "refs/heads/main")


def test_outside_git_an_entry_names_no_commit(tmp_path: Path) -> None:
    cache = opened(tmp_path, {"url": str(tmp_path / "shared")})
    cache.keep(key_of("a"), "bundle:a", *made_of(b"text"))
    cache.close()
    (path,) = (path for path in (tmp_path / "shared" / "ac").rglob("*") if path.is_file())
    sealed = decode(path.read_bytes())
    assert isinstance(sealed, Sealed)
    assert (sealed.entry.producer.commit, sealed.entry.tier) == ("", "untrusted:shared")


@pytest.mark.parametrize(
    ("url", "code"), [("ftp://cache", "cache-scheme-unknown"), ("./cache", "cache-address-invalid"), ("https://", "cache-address-invalid")]
)
def test_an_address_that_is_none_is_an_error(tmp_path: Path, url: str, code: str) -> None:
    with pytest.raises(UnitgraphError) as caught:
        opened(tmp_path, {"url": url})
    assert caught.value.code == code


def test_a_place_that_is_not_there_is_a_warning_and_the_build_goes_on(tmp_path: Path) -> None:
    cache = opened(tmp_path, {"url": str(tmp_path / "not" / "mounted")})
    assert cache.look_up([key_of("a")]) == {}
    cache.keep(key_of("a"), "bundle:a", *made_of(b"text"))
    cache.close()
    assert cache.traffic.warnings
    again = opened(tmp_path / "again", {"url": "off"})
    assert isinstance(again, LocalCache)


def test_a_namespace_of_a_cache_that_is_off_is_still_its_own(tmp_path: Path) -> None:
    cache = opened(tmp_path, {"keys": KEYS}, UNITGRAPH_CACHE_TIER="untrusted:pr-1")
    cache.keep(key_of("a"), "bundle:a", *made_of(b"text"))
    assert cache.look_up([key_of("a")])[key_of("a")].origin == "untrusted:pr-1"
    cache.close()
    main = LocalCache(tmp_path / "own")
    assert main.look_up([key_of("a")]) == {}
    main.keep(key_of("a"), "bundle:a", *made_of(b"other"))
    assert main.look_up([key_of("a")])[key_of("a")].origin == BUILT


def test_defaults_hold_nothing_of_the_environment() -> None:
    assert CacheSettings() == cache_settings({})
