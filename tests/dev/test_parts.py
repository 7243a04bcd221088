"""The parts of `dev` by themselves: what is watched, what units are told, how problems and lines are shown."""

import json
import stat
from pathlib import Path

import pytest

from unitgraph.errors import Place, Problems
from unitgraph.errors.build import BundleFailed
from unitgraph.errors.dev import DevElsewhere, DevNotStarted
from unitgraph.rules.dev import log, places, shown, values
from unitgraph.rules.dev.watch import folders_of

SOURCE = "const a = 1\nconst b = (\n\tconst c = '<i>\x1b[31m'\nconst d = 4\nconst e = 5\n"


@pytest.mark.parametrize(
    ("read", "sources", "found"),
    [
        ([], ["src"], {"src"}),
        (["src/a.ts", "package.json", "lib/deep/b.ts"], ["src"], {"src", "lib"}),
        (["node_modules/zod/index.js", ".deploy/x/gen/a.ts", ".pikku/a.ts", "/opt/x.ts"], ["./src/"], {"src"}),
        (["../shared/src/a.ts", "../shared/src/deep/b.ts"], ["src"], {"src", "../shared/src"}),
        (["../bun.lock", "src/a.ts"], ["src"], {"src", ".."}),
        (["lib/a.ts", "../other/a.ts"], ["."], {".", "../other"}),
        (["src/deep/a.ts"], ["src/deep", "src"], {"src"}),
    ],
)
def test_folders_that_are_watched(read: list[str], sources: list[str], found: set[str]) -> None:
    assert folders_of(read, sources) == found


def test_secrets_are_made_up_once_and_nobody_else_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secrets.json"
    first = values.made_up(path)
    assert set(first) == {"UNITGRAPH_RPC_SECRET", "JWT_SECRET", "SESSION_SECRET", "UNITGRAPH_DASHBOARD_TOKEN"}
    assert all(len(value) >= 32 for value in first.values())
    assert len(set(first.values())) == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert values.made_up(path) == first
    path.write_text(json.dumps({"JWT_SECRET": "kept", "SESSION_SECRET": 5}))
    again = values.made_up(path)
    assert again["JWT_SECRET"] == "kept"
    assert again["SESSION_SECRET"] != first["SESSION_SECRET"]
    path.write_text("[")
    assert values.made_up(path)["JWT_SECRET"] != "kept"


def test_the_environment_comes_before_the_file_and_workers_get_what_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A='one $HOME'\nB=two\nexport C=three # said\nEMPTY=\nNOTHING\n")
    written = values.read_file(tmp_path)
    assert written == {"A": "one $HOME", "B": "two", "C": "three", "EMPTY": ""}
    environ = {"B": "mine", "PATH": "/bin", "D": "named"}
    layers = ({"A": "configured", "LOG_LEVEL": "debug"}, written, environ)
    assert values.of_process(*layers)["PATH"] == "/bin"
    assert values.of_workers({"D", "MISSING"}, written, *layers) == {
        "A": "one $HOME", "B": "mine", "C": "three", "D": "named", "EMPTY": "", "LOG_LEVEL": "debug",
    }  # fmt: skip
    assert values.read_file(tmp_path / "nowhere") == {}


def problem() -> BundleFailed:
    return BundleFailed("shop-a", 'Expected ")" but found <script>', Place("src/a.ts", 3, 2))


def test_a_problem_in_a_terminal() -> None:
    assert shown.text([Problems([problem()])], {"src/a.ts": SOURCE}.get).splitlines() == [
        'src/a.ts:3:2: Unit shop-a can\'t be bundled: Expected ")" but found <script> [bundle-failed]',
        "  Mend the source at that place.",
        "  1 | const a = 1",
        "  2 | const b = (",
        "> 3 |     const c = '<i>?[31m'",
        "  4 | const d = 4",
        "  5 | const e = 5",
    ]


def test_a_problem_on_a_page_is_escaped_and_runs_nothing() -> None:
    page = shown.page([problem(), DevNotStarted("it ended", ["<b>its last words"])], {"src/a.ts": SOURCE}.get)
    assert "<title>2 problems</title>" in page
    assert page.count("<script>") == 1, "its own"
    assert "found &lt;script&gt;" in page
    assert "&lt;b&gt;its last words" in page
    assert "<mark>&gt; 3 |" in page
    assert page.index("{{edition}}") < page.index("Expected")
    assert "default-src &#x27;none&#x27;" in page


def test_a_problem_without_a_file_has_no_lines() -> None:
    assert len(shown.text([problem()], lambda _path: None).splitlines()) == 2


def test_last_words_stand_between_what_happened_and_what_to_do() -> None:
    first, *said, remedy = str(DevNotStarted("it ended", ["one", "two"])).splitlines()
    assert first == "What was built doesn't start: it ended. [dev-not-started]"
    assert said == ["    one", "    two"]
    assert remedy.startswith("  Mend it")


@pytest.mark.parametrize(
    ("line", "readable"),
    [
        ("plain \x1b[2Jtext", "plain ?[2Jtext"),
        ('{"a": 1}', '{"a": 1}'),
        (
            '{"time":"2026-11-28T20:05:01.923Z","level":"info","msg":"request","status":200,"path":"/a\\u001b"}',
            "20:05:01.923 INFO  request status=200 path=/a?",
        ),
        (
            '{"time":"2026-11-28T20:05:01.923Z","level":"error","msg":"no","error":{"stack":"Error: no\\n    at f (a.ts:1:2)"}}',
            "20:05:01.923 ERROR no\n    at f (a.ts:1:2)",
        ),
    ],
)
def test_lines_of_units(line: str, readable: str) -> None:
    assert log.readable(line) == readable


def test_a_provider_that_runs_elsewhere() -> None:
    with pytest.raises(DevElsewhere, match="aws"):
        places.local("aws")
