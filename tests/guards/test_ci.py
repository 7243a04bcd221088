"""The examples for CI systems: they can be read, what they call exists, and no job has more than it should."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.guards.commands import options
from unitgraph.cache.tier import is_tier, is_untrusted
from unitgraph.units.config import CacheConfig

REPOSITORY = Path(__file__).resolve().parent.parent.parent
EXAMPLES = REPOSITORY / "examples" / "ci"
GITHUB, GITLAB, SHELL = EXAMPLES / "github-actions.yml", EXAMPLES / "gitlab-ci.yml", EXAMPLES / "ci.sh"
PAGE = REPOSITORY / "docs" / "ci.md"
KEY, TIER = "UNITGRAPH_CACHE_KEY", "UNITGRAPH_CACHE_TIER"
JOBS = {"main", "deploy", "audit"}
SIGNS = "main"
_VARIABLE = re.compile(r"\bUNITGRAPH_[A-Z_]+\b")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}|\$\{?\w+\}?")


def read(path: Path) -> dict[str, Any]:
    """As CI systems do: ``on`` is a word, no truth value."""
    found = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(found, dict)
    return found


def github_jobs() -> dict[str, Any]:
    jobs = read(GITHUB)["jobs"]
    assert isinstance(jobs, dict)
    return jobs


def gitlab_jobs() -> dict[str, Any]:
    return {name: job for name, job in read(GITLAB).items() if isinstance(job, dict) and "script" in job}


def texts(document: Any) -> Iterator[str]:
    """Every text in it, the names of settings among them."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for each in document:
            yield from texts(each)
    elif isinstance(document, Mapping):
        for name, value in document.items():
            yield name
            yield from texts(value)


def commands(job: Mapping[str, Any]) -> list[str]:
    """What a job runs, a line each."""
    runs = [step["run"] for step in job.get("steps", []) if "run" in step] + list(job.get("script", []))
    return [line for run in runs for line in run.splitlines()]


CALLS = {
    GITHUB.name: [line for job in github_jobs().values() for line in commands(job)],
    GITLAB.name: [line for job in gitlab_jobs().values() for line in commands(job)],
    SHELL.name: SHELL.read_text(encoding="utf-8").splitlines(),
}


@pytest.mark.parametrize("file", CALLS)
def test_every_command_and_option_exists(file: str) -> None:
    known = options()
    calls = [shlex.split(_EXPRESSION.sub("x", line), comments=True) for line in CALLS[file] if "unitgraph " in line]
    calls = [words for words in calls if words and words[0] == "unitgraph"]
    assert {words[1] for words in calls} == {"info", "plan", "apply", "cache"}
    for words in calls:
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= known[words[1]], words


@pytest.mark.parametrize("file", [GITHUB, GITLAB, SHELL, PAGE], ids=lambda file: file.name)
def test_every_variable_is_one_that_is_read(file: Path) -> None:
    sources = (path.read_text(encoding="utf-8") for path in (REPOSITORY / "unitgraph").rglob("*.py"))
    read_ones = {name for text in sources for name in _VARIABLE.findall(text)}
    token = page_config().token_env
    assert token
    text = re.sub(r"secrets\.\w+|secret UNITGRAPH_CACHE_PR_TOKEN", "", file.read_text(encoding="utf-8"))
    assert set(_VARIABLE.findall(text)) <= {*read_ones, token}


def page_config() -> CacheConfig:
    """The configuration that the page shows."""
    (text,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    cache = json.loads(text)["deploy"]["cache"]
    return CacheConfig(url=cache["url"], token_env=cache["tokenEnv"], keys=cache["keys"])


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_only_main_signs_and_changes_are_untrusted(system: str) -> None:
    jobs, change = (github_jobs(), "pull-request") if system == "github" else (gitlab_jobs(), "merge-request")
    assert set(jobs) == JOBS | {change}
    for name, job in jobs.items():
        (tier,) = tiers(job)
        number = _EXPRESSION.sub("17", tier)
        assert is_tier(number), tier
        assert is_untrusted(number) is (name == change)
        assert number != tier or name != change, "each change has a namespace of its own"
        environment = job.get("environment", "")
        scope = environment if isinstance(environment, str) else environment["name"]
        if system == "github":
            assert any(KEY in text for text in texts(job)) is (name == SIGNS)
            assert (scope in ("signing", "production")) is (name != change), "secrets come with an environment for main"
            assert any("secrets.UNITGRAPH_CACHE_TOKEN" in text for text in texts(job)) is (name != change)
        else:
            assert (scope == "signing") is (name == SIGNS), "the scope of the key"
    assert not any("pull_request_target" in text for text in texts(read(GITHUB)))


def tiers(job: Mapping[str, Any]) -> list[str]:
    places = [job.get("env", {}), job.get("variables", {}), *(step.get("env", {}) for step in job.get("steps", []))]
    return [place[TIER] for place in places if TIER in place]


def test_the_signing_job_hands_its_key_to_one_step() -> None:
    job = github_jobs()[SIGNS]
    assert KEY not in job.get("env", {})
    (step,) = [step for step in job["steps"] if KEY in step.get("env", {})]
    assert step["run"].startswith("unitgraph plan")


@pytest.mark.parametrize("name", ["main", "deploy", "audit"])
def test_jobs_that_sign_or_ship_take_nothing_from_the_cache_of_the_ci_system(name: str) -> None:
    uses = [step["uses"] for step in github_jobs()[name]["steps"] if "uses" in step]
    assert uses
    assert not any(use.startswith("actions/cache") for use in uses)
    assert "cache" not in gitlab_jobs()[name]
    assert not any("cache" in step.get("with", {}) for step in github_jobs()[name]["steps"])


def test_a_job_that_compares_with_a_commit_has_it() -> None:
    for job in github_jobs().values():
        if any("--affected-by" in line for line in commands(job)):
            (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
            assert checkout["with"]["fetch-depth"] == "0"
    for job in gitlab_jobs().values():
        if any("--affected-by" in line for line in commands(job)):
            assert job["variables"]["GIT_DEPTH"] == "0"


def test_hidden_files_are_uploaded() -> None:
    uploads = [
        step["with"]
        for job in github_jobs().values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert uploads
    assert all(upload["include-hidden-files"] == "true" for upload in uploads)
    written = [word for line in CALLS[GITHUB.name] for word in line.split() if word.startswith(".deploy/")]
    kept = {path for upload in uploads for path in upload["path"].split()}
    assert set(written) <= kept


def test_what_one_job_leaves_another_finds() -> None:
    for jobs in (github_jobs(), gitlab_jobs()):
        (planned,) = re.findall(r"--result-file (\S+)", "\n".join(commands(jobs["main"])))
        (shipped,) = re.findall(r"--from-plan (\S+)", "\n".join(commands(jobs["deploy"])))
        assert planned == shipped
    (download,) = [step for step in github_jobs()["deploy"]["steps"] if step.get("uses", "").startswith("actions/download")]
    (upload,) = [step for step in github_jobs()["main"]["steps"] if step.get("with", {}).get("path", "") == planned]
    assert download["with"] == {"name": upload["with"]["name"], "path": str(Path(planned).parent)}


def test_the_script_is_one_for_any_shell() -> None:
    assert SHELL.stat().st_mode & 0o111
    assert SHELL.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(SHELL)], check=True)


def test_the_page_names_every_file_and_every_job() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"(../examples/ci/{path.name})" in text for path in EXAMPLES.iterdir())
    assert all(f"`{name}`" in text for name in JOBS)
    assert set(_VARIABLE.findall(text)) >= {KEY, TIER, "UNITGRAPH_CACHE_URL", "UNITGRAPH_CACHE_TOKEN"}
