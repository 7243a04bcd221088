"""pikku.config.json: what is read, and every mistake with its place."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from unitgraph.units.config import Config, config_schema, parse_config

SCHEMA = Path(__file__).parents[2] / "unitgraph" / "units" / "pikku.config.schema.json"


def errors(text: str) -> list[tuple[str, str]]:
    _, _, problems = parse_config(dedent(text))
    return [(problem.code, str(problem.place)) for problem in problems]


def test_the_documented_example_is_read() -> None:
    config, _, problems = parse_config("""
        { "srcDirectories": ["src"], "tsconfig": "./tsconfig.json", "outDir": ".pikku",
          "deploy": { "providers": { "cloudflare": "@pikku/deploy-cloudflare" }, "defaultProvider": "cloudflare",
                      "serverlessIncompatible": ["video-transcode"], "defaultTarget": "serverless" } }
    """)
    assert not problems
    assert config.deploy.provider == "cloudflare"
    assert config.deploy.adapter("cloudflare") == "cloudflare"
    assert config.deploy.serverless_incompatible == ("video-transcode",)


def test_an_empty_configuration_has_defaults() -> None:
    config, _, problems = parse_config("{}")
    assert (config, problems) == (Config(), ())
    assert config.deploy.provider == "standalone"


@pytest.mark.parametrize(
    ("value", "adapter"),
    [
        ("@pikku/deploy-cloudflare", "cloudflare"),
        ("@pikku/deploy-serverless", "aws"),
        ("@pikku/deploy-azure", "azure"),
        ("@pikku/deploy-standalone", "standalone"),
        ("my-entry-point", "my-entry-point"),
    ],
)
def test_npm_names_mean_built_in_providers(value: str, adapter: str) -> None:
    config, _, _ = parse_config(json.dumps({"deploy": {"providers": {"live": value}}}))
    assert config.deploy.provider == "live"
    assert config.deploy.adapter("live") == adapter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{ // no\n}", [("bad-json", "pikku.config.json:1:3")], id="comment"),
        pytest.param("", [("bad-json", "pikku.config.json:1:1")], id="empty"),
        pytest.param("[]", [("config-bad-value", "pikku.config.json:1:1")], id="array"),
        pytest.param('{\n  "srcDirs": []\n}', [("config-unknown-key", "pikku.config.json:2:3")], id="unknown"),
        pytest.param(
            '{ "deploy": { "cache": { "uri": "x" } } }', [("config-unknown-key", "pikku.config.json:1:26")], id="inner"
        ),
        pytest.param(
            '{ "deploy": { "environments": { "a": { "cloudflare": { "x": 1 } } } } }',
            [("config-unknown-key", "pikku.config.json:1:56")],
            id="in-an-environment",
        ),
        pytest.param('{ "outDir": 3 }', [("config-bad-value", "pikku.config.json:1:3")], id="number-for-string"),
        pytest.param('{ "srcDirectories": "src" }', [("config-bad-value", "pikku.config.json:1:3")], id="not-an-array"),
        pytest.param(
            '{ "srcDirectories": ["a", 1] }', [("config-bad-value", "pikku.config.json:1:27")], id="element"
        ),
        pytest.param('{ "outDir": "a", "outDir": "b" }', [("config-duplicate-key", "pikku.config.json:1:18")], id="twice"),
        pytest.param(
            '{ "deploy": { "defaultTarget": "lambda" } }', [("config-bad-value", "pikku.config.json:1:15")], id="choice"
        ),
        pytest.param(
            '{ "deploy": { "defaultProvider": "heroku" } }',
            [("config-unknown-provider", "pikku.config.json:1:15")],
            id="provider",
        ),
        pytest.param('{ "deploy": { "standalone": { "port": true } } }', [("config-bad-value", "pikku.config.json:1:31")], id="bool-for-int"),
    ],
)
def test_mistakes_have_a_place(text: str, expected: list[tuple[str, str]]) -> None:
    assert errors(text) == expected


def test_a_trailing_comma_is_no_plain_json() -> None:
    assert [code for code, _ in errors('{ "srcDirectories": ["src"], }')] == ["bad-json"]


def test_all_mistakes_are_told_at_once() -> None:
    text = """
        {
          "srcDirectory": ["src"],
          "outDir": 1,
          "deploy": { "providers": { "x": 2 }, "defaultTarget": "no" }
        }
    """
    assert [code for code, _ in errors(text)] == [
        "config-unknown-key", "config-bad-value", "config-bad-value", "config-bad-value",
    ]  # fmt: skip


def test_an_unknown_key_names_the_nearest_one() -> None:
    _, _, problems = parse_config('{ "deploy": { "defaultprovider": "x" } }')
    assert problems[0].remedy == "Did you mean 'defaultProvider'?"


def test_a_byte_order_mark_and_a_schema_reference_are_fine() -> None:
    config, _, problems = parse_config('\ufeff{ "$schema": "x", "outDir": "gen" }')
    assert (config.out_dir, problems) == ("gen", ())


def test_the_checked_in_schema_is_current() -> None:
    """To update it: python -m unitgraph.units.config > unitgraph/units/pikku.config.schema.json."""
    assert json.loads(SCHEMA.read_text("utf-8")) == json.loads(json.dumps(config_schema()))
