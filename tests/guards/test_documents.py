"""What the documents say exists, and what exists is in the documents."""

import re
import shlex
from pathlib import Path

import pytest

from tests.guards.commands import OWN, options

REPOSITORY = Path(__file__).resolve().parent.parent.parent
COMMANDS = REPOSITORY / "docs" / "commands.md"
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")])
DOIT = {"list", "info", "run", "help", "clean", "forget"}
CONTRACT = {
    "plan": {"--provider", "--env", "--result-file", "--json", "--detailed-exitcode", "--refresh"},
    "apply": {"--provider", "--env", "--result-file", "--json", "--detailed-exitcode", "--from-plan"},
    "info": {"--json"},
    "why": {"--json"},
    "init": set[str](),
    "dev": {"--provider", "--port"},
    "workflow": {"--json", "--store"},
    "runs": {"--json", "--store", "--name", "--status", "--since", "--search"},
    "cache": {"--json", "--max-size", "--max-age", "--dry-run", "--rebuild", "--seed"},
}


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.split()[0].strip("`"): part for part in parts}


def test_every_command_of_the_contract_is_there_with_its_options() -> None:
    found = options()
    assert set(found) == set(OWN) | {"run", "list"}, "doit's own two are there for projects without a dodo.py"
    missing = {name: wanted - found[name] for name, wanted in CONTRACT.items() if wanted - found[name]}
    assert missing == {}


@pytest.mark.parametrize("command", OWN)
def test_a_command_and_its_options_are_in_the_documents(command: str) -> None:
    section = sections(COMMANDS.read_text(encoding="utf-8"))[command]
    undocumented = {option for option in options()[command] if f"`{option}" not in section}
    assert undocumented == set()


@pytest.mark.parametrize("command", OWN)
def test_the_documents_know_no_option_that_is_not_there(command: str) -> None:
    section = sections(COMMANDS.read_text(encoding="utf-8"))[command]
    named = set(re.findall(r"^\| `(--[a-z-]+)", section, flags=re.MULTILINE))
    assert named <= options()[command]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documents_exist(page: Path) -> None:
    known = options()
    for line in shell_lines(page.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)
        while words and "=" in words[0]:
            words.pop(0)
        if not words or Path(words[0]).name not in ("doit", "unitgraph"):
            continue
        words = without_global(words[1:])
        if not words or ":" in words[0]:
            continue
        assert words[0] in known or words[0] in DOIT, line
        for option in (word.partition("=")[0] for word in words[1:] if word.startswith("--")):
            assert option in known.get(words[0], {option}), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), target


def shell_lines(text: str) -> list[str]:
    """The commands of every ``sh`` and ``console`` block; in a console they follow a dollar."""
    found = []
    for kind, body in re.findall(r"^```(sh|console)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in body.splitlines():
            if kind == "sh" and line.strip():
                found.append(line)
            elif line.startswith("$ "):
                found.append(line[2:])
    return found


def without_global(words: list[str]) -> list[str]:
    """Drop ``-d DIR``, which may stand before the command."""
    while words and words[0] == "-d":
        words = words[2:]
    return words


def test_the_test_command_is_the_one_that_runs() -> None:
    assert ".ci/run" in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert (REPOSITORY / ".ci" / "run").stat().st_mode & 0o111
