"""Which pieces of the runtime a Worker's entry has: those that its functions and wirings may use, and no others."""

import re
from pathlib import Path

import pytest

from tests.rules.test_builtins import generator
from tests.units.small import write
from unitgraph.providers import cloudflare
from unitgraph.rules import pieces
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo
from unitgraph.rules.tools import RUNTIME
from unitgraph.rules.workspace import analyse, database_path
from unitgraph.units.project import load_project

IMPORTS = "import { addHTTPMiddleware, addMiddleware, authBearer, pikkuFunc, pikkuServices, pikkuWireServices, wireHTTP, "
IMPORTS += "wireQueueWorker } from '#pikku'\nimport * as z from 'zod'\nimport { helper, options } from './helper'\n"
ROUTE = "\nwireHTTP({ method: 'get', route: '/a', func: f })"

AROUND = {"around", "exchange", "noRpc", "preflight", "promised", "secrets"}
"""What stands around a function gets its services and its wire whole."""

WITH_OPTIONS = {*AROUND, "checkedFields", "checks"}
"""Options that aren't constants may be middleware, and schemas of headers."""

CASES = {
    "nothing": ("export const f = pikkuFunc(async () => 1)", set()),
    "data": ("export const f = pikkuFunc(async (_s, { id }: { id: string }) => id)", {"checks"}),
    "a schema": ("export const f = pikkuFunc({ input: z.object({}), func: async () => 1 })", {"checks"}),
    "a schema of what it returns": ("export const f = pikkuFunc({ output: z.number(), func: async () => 1 })", {"outputs"}),
    "its own permissions": ("export const f = pikkuFunc({ permissions: { a: helper }, func: async () => 1 })", AROUND),
    "its own middleware": ("export const f = pikkuFunc({ middleware: [helper], func: async () => 1 })", AROUND),
    "options from elsewhere": ("export const f = pikkuFunc(options)", AROUND),
    "a function from elsewhere": ("const g = async ({ logger }) => logger\nexport const f = pikkuFunc(g)", set()),
    "middleware by path": ("export const f = pikkuFunc(async () => 1)\naddHTTPMiddleware('/a', [authBearer()])", {*AROUND, "byPath"}),
    "middleware by another path": ("export const f = pikkuFunc(async () => 1)\naddHTTPMiddleware('/b', [authBearer()])", set()),
    "middleware by tag": ("export const f = pikkuFunc({ tags: ['x'], func: async () => 1 })\naddMiddleware('x', [helper])", AROUND),
    "the request": ("export const f = pikkuFunc(async (_s, _d, { http }) => http)", {"exchange"}),
    "the request, by the wire's name": ("export const f = pikkuFunc(async (_s, _d, wire) => wire.http)", {"exchange"}),
    "the wire as a whole": ("export const f = pikkuFunc(async (_s, _d, wire) => helper(wire))", {"exchange", "noRpc"}),
    "the wire as one of a rest": ("export const f = pikkuFunc(async (_s, ...rest) => helper(rest))", {"exchange", "noRpc"}),
    "the wire without a name": ("export const f = pikkuFunc(async function () { return arguments })", {"exchange", "noRpc"}),
    "what has nothing to do with the request": ("export const f = pikkuFunc(async (_s, _d, { session }) => session)", set()),
    "secrets": ("export const f = pikkuFunc(async ({ secrets }) => secrets.getSecret('A'))", {"secrets"}),
    "a service that there may not be": ("export const f = pikkuFunc(async ({ eventHub }) => eventHub)", {"promised", "secrets"}),
    "another service": ("export const f = pikkuFunc(async ({ logger }) => logger.info('a'))", set()),
    "services as a whole": ("export const f = pikkuFunc(async (services) => helper(services))", {"promised", "secrets"}),
    "a service made of secrets": (
        ("export const f = pikkuFunc(async ({ mail }) => mail)\n"
        "export const s = pikkuServices(async (_c, { secrets }) => ({ mail: helper(secrets), other: 1 }))"), {"secrets"},
    ),
    "a service made of all that there is": (
        ("export const f = pikkuFunc(async ({ mail }) => mail)\n"
        "export const s = pikkuServices(async (_c, existing) => ({ mail: helper(existing) }))"), {"promised", "secrets"},
    ),
    "services of one call": (
        ("export const f = pikkuFunc(async ({ cart }) => cart)\n"
        "export const s = pikkuWireServices(async () => ({ cart: 1 }))"),
        {"exchange", "noRpc", "owned", "promised", "secrets"},
    ),
}  # fmt: skip

ROUTES = {
    "a body": ("wireHTTP({ method: 'post', route: '/a', func: f })", {"body"}),
    "two fixed routes": ("wireHTTP({ method: 'get', route: '/a', func: f })\nwireHTTP({ method: 'get', route: '/', func: f })", set()),
    "a parameter": ("wireHTTP({ method: 'get', route: '/a/:id', func: f })", {"merge", "patterns"}),
    "all below": ("wireHTTP({ method: 'get', route: '/a/*', func: f })", {"merge", "patterns"}),
    "constant options": ("wireHTTP({ method: 'get', route: '/a', func: f, auth: false, tags: ['x'] })", set()),
    "options that may be anything": ("wireHTTP({ method: 'get', route: '/a', func: f, middleware: [helper] })", WITH_OPTIONS),
    "events": ("wireHTTP({ method: 'get', route: '/a', func: f, sse: true })", {"exchange"}),
    "no route, and a queue": ("wireQueueWorker({ name: 'q', func: f })", set()),
}  # fmt: skip


def found(root: Path, code: str) -> set[str]:
    project = load_project(write(root, {"src/app.ts": IMPORTS + code, "src/helper.ts": "export const helper = (x) => x\nexport const options = helper({})"}))
    database = Database(database_path(root))
    workspace = analyse(project, database, Memo(root, database, lambda data: str(hash(data))))
    text = generator(root, workspace, cloudflare).unit(workspace.manifest.units[0]).files["units/app-f.ts"].decode()
    database.close()
    imported = re.search(r"import \{ (.*) \} from 'unitgraph/pieces'\n", text)
    given = re.search(r"  pieces: \{ (.*) \},\n", text)
    assert (imported and imported[1]) == (given and given[1])
    return set(given[1].split(", ")) if given else set()


@pytest.mark.parametrize(("code", "wanted"), CASES.values(), ids=CASES)
def test_of_a_function(tmp_path: Path, code: str, wanted: set[str]) -> None:
    assert found(tmp_path, code + ROUTE) == wanted


@pytest.mark.parametrize(("routes", "wanted"), ROUTES.values(), ids=ROUTES)
def test_of_wirings(tmp_path: Path, routes: str, wanted: set[str]) -> None:
    assert found(tmp_path, f"export const f = pikkuFunc(async () => 1)\n{routes}") == wanted


def test_the_runtime_has_just_these() -> None:
    exports = re.findall(r"export \{ (.*) \}", (RUNTIME / "pieces.ts").read_text())
    assert sorted(name for names in exports for name in names.split(", ")) == sorted(pieces.PIECES)
    promised = re.search(r"const PROMISED = \[(.*)\]", (RUNTIME / "core/promised.ts").read_text())
    assert promised is not None
    assert set(re.findall(r"'(\w+)'", promised[1])) == pieces.PROMISED
