"""Names of the runtime, the files that they are bundled to, and what a tsconfig says of where these are."""

import fnmatch

import pytest

from unitgraph.rules import apart
from unitgraph.rules.tools import places

NAMES = {
    "#pikku": "runtime/pikku",
    "#pikku/errors": "runtime/pikku/errors",
    "#pikku/pikku-types.gen.js": "runtime/pikku/pikku-types.gen.js",
    "@pikku/core": "runtime/compat",
    "@pikku/core/http": "runtime/compat/http",
    "unitgraph": "runtime/index",
    "unitgraph/unit": "runtime/unit",
    "unitgraph/entry/server": "runtime/entry/server",
}


@pytest.mark.parametrize(("name", "file"), NAMES.items(), ids=NAMES)
def test_a_name_leads_to_the_file_that_it_is_bundled_to(name: str, file: str) -> None:
    assert list(apart.entries([name], places(), "/runtime")) == [file]
    paths = apart.paths(places())
    pattern = name if name in paths else next(one for one in paths if "*" in one and fnmatch.fnmatch(name, one))
    assert paths[pattern] == [f"./{file}.js".replace(name[len(pattern) - 1 :], "*") if "*" in pattern else f"./{file}.js"]


def test_what_inputs_import_of_it() -> None:
    edges = [
        {"path": "unitgraph/unit", "external": True}, {"path": "#pikku", "external": True},
        {"path": "bun:sqlite", "external": True}, {"path": "unitgraphs", "external": True}, {"path": "src/unitgraph/a.ts"},
    ]  # fmt: skip
    assert apart.imported({"inputs": {"a.ts": {"imports": edges}}}, places()) == {"unitgraph/unit", "#pikku"}
