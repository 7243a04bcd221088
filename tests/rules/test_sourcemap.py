"""Source maps name the project's own files, wherever the project stands."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from unitgraph.rules.sourcemap import rename, settle

FOLDERS = {Path("/opt/tool/runtime"): "unitgraph:///runtime/"}
ORIGINS = {".deploy/gen/slices/src/a~1.ts": "src/ä b.ts", ".deploy/gen/units/u.ts": ""}


@pytest.mark.parametrize("root", ["/srv/project", "/srv/with space/änd%25re #1?", "/opt/tool"])
def test_the_names_do_not_depend_on_where_the_project_stands(root: str) -> None:
    inside = [".deploy/gen/slices/src/a~1.ts", ".deploy/gen/units/u.ts", "src/café.ts", "node_modules/@a/b c/index.js"]
    sources = [quote(f"../../..{root}/{path}") for path in inside]      # as a bundler writes them
    sources.append("../../../opt/tool/runtime/x.ts")
    text = json.dumps({"version": 3, "sources": sources, "mappings": "AAAA"}).encode()
    settled = settle(text, Path("/tmp/out/units"), Path(root))
    named = json.loads(rename(settled, Path(root), ORIGINS, FOLDERS))
    assert named["sources"] == [
        "src/%C3%A4%20b.ts", "unitgraph:///u.ts", "src/caf%C3%A9.ts", "node_modules/@a/b%20c/index.js", "unitgraph:///runtime/x.ts",
    ]  # fmt: skip
    assert named["mappings"] == "AAAA"
