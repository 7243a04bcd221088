"""Which built-in services an entry has: those that are taken, and that the project doesn't make itself."""

import re
from pathlib import Path

import pytest

from tests.units.small import write
from unitgraph.providers import cloudflare, standalone
from unitgraph.providers.cloudflare.bindings import binding_name
from unitgraph.rules.database import Database
from unitgraph.rules.generate import Generator
from unitgraph.rules.memo import Memo
from unitgraph.rules.wirings import Wirings
from unitgraph.rules.workspace import Workspace, analyse, database_path
from unitgraph.units.project import load_project
from unitgraph.units.slice_plan import Slicer

FUNCTION = """
    import {{ pikkuFunc, wireHTTP }} from '#pikku'
    import {{ createSingletonServices }} from './services'
    export const keep = pikkuFunc(async ({taken}) => 1)
    wireHTTP({{ method: 'get', route: '/', func: keep }})
"""
FACTORY = "import {{ pikkuServices, pikkuWireServices }} from '#pikku'\n{factory}\n"

CASES = {
    "taken, and made by nobody": (
        "{ kv, storage, jwt }",
        "export const x = 1",
        ["jwt", 'kv("KV")', 'storage("STORAGE")'],
    ),
    "not taken": ("{ logger }", "export const x = 1", []),
    "made by the project": (
        "{ kv, storage }",
        "export const create = pikkuServices(async () => ({ kv: new Map() }))",
        ['storage("STORAGE")'],
    ),
    "one of the project's is made of it": (
        "{ cart }",
        "export const create = pikkuServices(async (config, { kv, storage }) => ({ cart: [kv], other: [storage] }))",
        ['kv("KV")'],
    ),
    "read from what there is": (
        "{ cart }",
        "export const create = pikkuServices(async (config, existing) => ({ cart: [existing.kv] }))",
        ['kv("KV")'],
    ),
    "the project's of that name is made of it": (
        "{ kv }",
        "export const create = pikkuServices(async (config, existing) => ({ kv: [existing.kv] }))",
        ['kv("KV")'],
    ),
    "a wire's of that name is made of it": (
        "{ kv }",
        "export const create = pikkuWireServices(async ({ kv }) => ({ kv: [kv] }))",
        ['kv("KV")'],
    ),
    "what there is, passed on": (
        "{ kv }",
        "export const create = pikkuServices(async (config, existing) => ({ ...existing, a: 1 }))",
        ['kv("KV")'],
    ),
    "something else, passed on: it may hold one": (
        "{ kv, jwt }",
        "const own = { kv: 1 }\nexport const create = pikkuServices(async () => ({ ...own }))",
        ["jwt"],
    ),
    "a factory that can't be read may make one": (
        "{ kv, jwt }",
        "const make = () => ({})\nexport const create = pikkuServices(async () => make())",
        ["jwt"],
    ),
}


def generator(root: Path, workspace: Workspace, provider: object) -> Generator:
    slicer = Slicer(workspace.analysis, workspace.facts, workspace.resolver, workspace.project.sources.read)
    wirings = Wirings(workspace.analysis.application, workspace.manifest)
    return Generator(workspace, provider, slicer, wirings, binding_name)  # type: ignore[arg-type]  # modules both


def builtins(text: bytes) -> list[str]:
    """What an entry says of each, in its order."""
    block = re.search(r"  builtins: \{\n(.*?)\n  \},", text.decode(), re.DOTALL)
    return [line.partition(": ")[2].rstrip(",") for line in block[1].splitlines()] if block else []


@pytest.mark.parametrize(("taken", "factory", "wanted"), CASES.values(), ids=CASES)
def test_of_a_worker(tmp_path: Path, taken: str, factory: str, wanted: list[str]) -> None:
    files = {"src/app.ts": FUNCTION.format(taken=taken), "src/services.ts": FACTORY.format(factory=factory)}
    project = load_project(write(tmp_path, files))
    database = Database(database_path(tmp_path))
    workspace = analyse(project, database, Memo(tmp_path, database, lambda data: str(hash(data))))
    made = generator(tmp_path, workspace, cloudflare).unit(workspace.manifest.units[0])
    text = made.files["units/app-keep.ts"]
    assert builtins(text) == wanted
    for name in (each.partition("(")[0] for each in wanted):
        assert f"unitgraph/services/{name}".encode() in text
    database.close()


def test_of_a_process(tmp_path: Path) -> None:
    """Stores are files there, and the one for all units; elsewhere than its Workers, a server has none of its own."""
    files = {"src/app.ts": FUNCTION.format(taken="{ kv, storage }"), "src/services.ts": "export const x = 1"}
    project = load_project(write(tmp_path, files))
    database = Database(database_path(tmp_path))
    workspace = analyse(project, database, Memo(tmp_path, database, lambda data: str(hash(data))))
    made = generator(tmp_path, workspace, standalone).process(workspace.manifest.units)
    assert builtins(made.files["main.ts"]) == ["kv", "storage()"]
    database.close()


BESIDE = "\nexport const beside = pikkuFunc(async ({ kv, storage }) => [kv, storage])\n"


@pytest.mark.parametrize(
    ("more", "found", "told"), [("", ["kv", "storage()"], 0), (BESIDE, ['storage({"isAlone": false})'], 1)],
    ids=["which take nothing of it", "which take the same"],
)
def test_of_a_server_beside_workers(more: str, found: list[str], told: int, tmp_path: Path) -> None:
    """What Workers take is theirs."""
    files = {"src/app.ts": FUNCTION.format(taken="{ kv, storage }") + more, "src/services.ts": "export const x = 1"}
    project = load_project(write(tmp_path, files, {"serverlessIncompatible": ["keep"]}))
    database = Database(database_path(tmp_path))
    workspace = analyse(project, database, Memo(tmp_path, database, lambda data: str(hash(data))))
    server = next(unit for unit in workspace.manifest.units if unit.target == "server")
    made = generator(tmp_path, workspace, cloudflare).unit(server)
    assert builtins(made.files[f"servers/{server.name}.ts"]) == found
    assert len([notice for notice in made.notices if "takes kv, which Workers have" in notice]) == told
    database.close()
