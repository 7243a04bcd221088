"""The ways in which people write TypeScript, and what analysis makes of each."""

from pathlib import Path

import pytest

from tests.units.small import small
from unitgraph.units.application import McpShown, Ref
from unitgraph.units.gateways import errands

F = "import { pikkuFunc, wireHTTP } from '#pikku'\n"
GET = "import { pikkuFunc } from '#pikku'\nexport const getBook = pikkuFunc(async ({ db }) => db)\n"
ROUTE = "wireHTTP({ method: 'get', route: '/books', func: getBook })\n"

# id: files; each wires the function getBook to GET /books
WIRED: dict[str, dict[str, str]] = {
    "one-file": {"src/a.ts": F + GET.partition("\n")[2] + ROUTE},
    "import": {"src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\n" + ROUTE},
    "import-js": {"src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a.js'\n" + ROUTE},
    "import-ts": {"src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a.ts'\n" + ROUTE},
    "renamed": {"src/a.ts": GET, "src/b.ts": F + "import { getBook as g } from './a'\n" + ROUTE.replace("getBook", "g")},
    "namespace": {"src/a.ts": GET, "src/b.ts": F + "import * as a from './a'\n" + ROUTE.replace("getBook", "a.getBook")},
    "namespace-brackets": {
        "src/a.ts": GET, "src/b.ts": F + "import * as a from './a'\n" + ROUTE.replace("getBook", "a['getBook']"),
    },
    "default-named": {
        "src/a.ts": GET.replace("export ", "") + "export default getBook\n", "src/b.ts": F + "import g from './a'\n" + ROUTE.replace("getBook", "g"),
    },
    "default-anonymous": {
        "src/get-book.functions.ts": GET.replace("const getBook =", "default"),
        "src/b.ts": F + "import g from './get-book.functions'\n" + ROUTE.replace("getBook", "g"),
    },
    "default-and-name": {
        "src/a.ts": GET + "export default getBook\n", "src/b.ts": F + "import { default as g } from './a'\n" + ROUTE.replace("getBook", "g"),
    },
    "barrel": {
        "src/a.ts": GET, "src/index.ts": "export { getBook } from './a'\n", "src/b.ts": F + "import { getBook } from '.'\n" + ROUTE,
    },
    "barrel-renamed": {
        "src/a.ts": GET, "src/index.ts": "export { getBook as g } from './a'\n",
        "src/b.ts": F + "import { g } from './index'\n" + ROUTE.replace("getBook", "g"),
    },
    "star": {"src/a.ts": GET, "src/i.ts": "export * from './a'\n", "src/b.ts": F + "import { getBook } from './i'\n" + ROUTE},
    "star-as": {
        "src/a.ts": GET, "src/i.ts": "export * as books from './a'\n",
        "src/b.ts": F + "import { books } from './i'\n" + ROUTE.replace("getBook", "books.getBook"),
    },
    "star-cycle": {
        "src/a.ts": GET, "src/i.ts": "export * from './j'\nexport * from './a'\n", "src/j.ts": "export * from './i'\n",
        "src/b.ts": F + "import { getBook } from './j'\n" + ROUTE,
    },
    "import-then-export": {
        "src/a.ts": GET, "src/i.ts": "import { getBook } from './a'\nexport { getBook }\n", "src/b.ts": F + "import { getBook } from './i'\n" + ROUTE,
    },
    "export-list": {
        "src/a.ts": GET.replace("export ", "") + "export { getBook }\n", "src/b.ts": F + "import { getBook } from './a'\n" + ROUTE,
    },
    "export-list-renamed": {
        "src/a.ts": GET.replace("export ", "").replace("getBook", "impl") + "export { impl as getBook }\n",
        "src/b.ts": F + "import { getBook } from './a'\n" + ROUTE,
    },
    "not-exported": {"src/a.ts": F + "const getBook = pikkuFunc(async ({ db }) => db)\n" + ROUTE},
    "alias-const": {"src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst g = getBook\n" + ROUTE.replace("getBook", "g")},
    "in-object": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst all = { getBook }\n" + ROUTE.replace("getBook", "all.getBook"),
    },
    "authoring-renamed": {
        "src/a.ts": "import { pikkuFunc as f, wireHTTP as w } from '#pikku/function'\nexport const getBook = f(async ({ db }) => db)\nw"
        + ROUTE.removeprefix("wireHTTP"),
    },
    "authoring-namespace": {
        "src/a.ts": "import * as pikku from '#pikku'\nexport const getBook = pikku.pikkuFunc(async ({ db }) => db)\npikku." + ROUTE,
    },
    "authoring-generated": {
        "src/a.ts": "import { pikkuFunc, wireHTTP } from '../.pikku/pikku-types.gen.js'\n" + GET.partition("\n")[2] + ROUTE,
    },
    "authoring-core": {"src/a.ts": F.replace("#pikku", "@pikku/core") + GET.partition("\n")[2] + ROUTE},
    "authoring-barrel": {
        "src/pikku.ts": "export * from '#pikku'\n", "src/a.ts": F.replace("#pikku", "./pikku") + GET.partition("\n")[2] + ROUTE,
    },
    "tsx": {"src/a.tsx": F + "export const getBook = pikkuFunc(async ({ db }) => <b>{db}</b>)\n" + ROUTE},
    "mts": {"src/a.mts": GET, "src/b.cts": F + "import { getBook } from './a.mjs'\n" + ROUTE},
    "js": {"src/a.js": F + "export const getBook = pikkuFunc(async ({ db }) => db)\n" + ROUTE},
    "satisfies": {"src/a.ts": F + "export const getBook = (pikkuFunc<In, Out>(async ({ db }) => db)!) satisfies X\n" + ROUTE},
    "options-elsewhere": {
        "src/a.ts": F + "const options = { func: async ({ db }) => db } as const\nexport const getBook = pikkuFunc(options)\n" + ROUTE,
    },
    "options-spread": {
        "src/a.ts": F + "const base = { tags: ['x'] }\nexport const getBook = pikkuFunc({ ...base, func: async ({ db }) => db })\n" + ROUTE,
    },
    "method-shorthand": {"src/a.ts": F + "export const getBook = pikkuFunc({ async func({ db }) { return db } })\n" + ROUTE},
    "handler-here": {
        "src/a.ts": F + "async function impl({ db }: S) { return db }\nexport const getBook = pikkuFunc(impl)\n" + ROUTE,
    },
    "handler-elsewhere": {
        "src/impl.ts": "export const impl = async ({ db }: S) => db\n",
        "src/a.ts": F + "import { impl } from './impl'\nexport const getBook = pikkuFunc({ func: impl })\n" + ROUTE,
    },
    "services-whole": {"src/a.ts": F + "export const getBook = pikkuFunc(async (services) => services.db)\n" + ROUTE},
    "services-const": {
        "src/a.ts": F + "export const getBook = pikkuFunc(async (s) => { const { db } = s; return db })\n" + ROUTE,
    },
    "services-renamed": {"src/a.ts": F + "export const getBook = pikkuFunc(async ({ db: d = 1 }) => d)\n" + ROUTE},
    "services-brackets": {"src/a.ts": F + "export const getBook = pikkuFunc(async (s) => s?.['db'])\n" + ROUTE},
    "for-of": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nfor (const [method, route, func] of [['get', '/books', getBook]] as const) wireHTTP({ method, route, func })\n",
    },
    "for-of-object": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst all = [{ path: '/books', func: getBook }]\n"
        "for (const { path: route, func } of all) {\n  wireHTTP({ method: 'get', route, func })\n}\n",
    },
    "for-each": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst all = [{ method: 'get', route: '/books', func: getBook }]\nall.forEach((r) => wireHTTP(r))\n",
    },
    "object-entries": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst all = { books: getBook }\n"
        "Object.entries(all).forEach(([name, func]) => { wireHTTP({ method: 'get', route: `/${name}`, func }) })\n",
    },
    "object-values": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst all = { a: { method: 'get', route: '/books', func: getBook } }\n"
        "for (const each of Object.values(all)) wireHTTP(each)\n",
    },
    "array-spread": {
        "src/a.ts": GET, "src/b.ts": F + "import { getBook } from './a'\nconst some = [{ method: 'get', route: '/books', func: getBook }]\nfor (const r of [...some]) wireHTTP(r)\n",
    },
    "routes-group": {
        "src/a.ts": GET, "src/b.ts": "import { defineHTTPRoutes, wireHTTPRoutes } from '#pikku'\nimport { getBook } from './a'\n"
        "const books = defineHTTPRoutes({ basePath: '/books', routes: { get: { method: 'get', route: '/', func: getBook } } })\n"
        "wireHTTPRoutes({ routes: { books } })\n",
    },
    "routes-array": {
        "src/a.ts": GET, "src/b.ts": "import { wireHTTPRoutes } from '#pikku'\nimport { getBook } from './a'\n"
        "wireHTTPRoutes([{ method: 'get', route: '/books', func: getBook }])\n",
    },
    "routes-elsewhere": {
        "src/a.ts": GET, "src/r.ts": "import { defineHTTPRoutes } from '#pikku'\nimport { getBook } from './a'\n"
        "export const routes = defineHTTPRoutes({ prefix: 'books', routes: [{ method: 'get', route: '', func: getBook }] })\n",
        "src/b.ts": "import { wireHTTPRoutes } from '#pikku'\nimport * as r from './r'\nwireHTTPRoutes(r.routes)\n",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", WIRED)
def test_a_function_is_found_and_wired(name: str, tmp_path: Path) -> None:
    application = small(tmp_path, WIRED[name]).application
    assert [(each.method, each.route, each.function) for each in application.http] == [("GET", "/books", "getBook")]
    assert application.functions["getBook"].services.names == {"db"}
    assert application.notices == ()


# id: what stands before, the route as written
ROUTES = {
    "literal": ("", "'/a/b'"),
    "template": ("const a = 'a'\n", "`/${a}/b`"),
    "template-plain": ("", "`/a/b`"),
    "sum": ("const a = '/a'\n", "a + '/b'"),
    "as-const": ("const r = '/a/b' as const\n", "r"),
    "nested": ("const R = { x: { y: '/a/b' } } as const satisfies Y\n", "R.x.y"),
    "frozen": ("const R = Object.freeze({ x: '/a/b' })\n", "R['x']"),
    "enum": ("enum R { X = '/a/b' }\n", "R.X"),
    "array": ("const R = ['/x', '/a/b']\n", "R[1]"),
    "computed": ("const k = 'x'\nconst R = { [k]: '/a/b' }\n", "R[k]"),
    "spread": ("const base = { x: '/a/b' }\nconst R = { x: '/', ...base }\n", "R.x"),
    "other-file": ("import { R } from './routes'\n", "R.ab"),
    "other-file-template": ("import { root } from './routes'\n", "`${root}/b`"),
    "other-file-namespace": ("import * as r from './routes'\n", "r.R.ab"),
    "other-file-default": ("import r from './routes'\n", "r.ab"),
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_is_evaluated(name: str, tmp_path: Path) -> None:
    before, route = ROUTES[name]
    found = small(
        tmp_path,
        {
            "src/app.ts": f"{F}{before}wireHTTP({{ method: 'get', route: {route}, func: pikkuFunc(async () => 1) }})\n",
            "src/routes.ts": "export const root = '/a'\nexport const R = { ab: `${root}/b` } as const\nexport default R\n",
        },
    )
    assert [each.route for each in found.application.http] == ["/a/b"]


def test_groups_nest_and_pass_on_prefixes_tags_and_options(tmp_path: Path) -> None:
    text = """\
        import { defineHTTPRoutes, pikkuFunc, wireHTTPRoutes } from '#pikku'
        export const a = pikkuFunc(async () => 1)
        export const b = pikkuFunc(async () => 1)
        const inner = defineHTTPRoutes({ prefix: 'v1/', auth: false, tags: ['in'], routes: { a: { method: 'get', route: 'a', func: a } } })
        wireHTTPRoutes({ basePath: '/api', tags: ['out'], middleware: [x], routes: { inner, b: { method: 'post', route: '/b', func: b, sse: true } } })
        """
    first, second = small(tmp_path, text).application.http
    assert (first.route, first.tags, len(first.options)) == ("/api/b", ("out",), 2)
    assert (second.route, second.tags, len(second.options)) == ("/api/v1/a", ("out", "in"), 3)
    assert (first.sse, second.sse) == (True, False)


def test_what_nobody_needs_at_run_time_is_left_out_of_options(tmp_path: Path) -> None:
    text = (
        F
        + "export const a = pikkuFunc(async () => 1)\nwireHTTP({ method: 'get', route: '/a', func: a, auth: false })\n"
    )
    (route,) = small(tmp_path, text).application.http
    (options,) = route.options
    source = (tmp_path / "src/app.ts").read_bytes()
    assert [source[span.start : span.end] for span in options.omit] == [b"method: 'get'", b"route: '/a'", b"func: a"]


def test_a_loop_binds_its_variables_only_where_the_options_use_them(tmp_path: Path) -> None:
    text = """\
        import { pikkuFunc, wireHTTP } from '#pikku'
        import { audit } from './audit'
        export const a = pikkuFunc(async () => 1)
        for (const { route, auth } of [{ route: '/a', auth: false }]) {
          wireHTTP({ method: 'get', route, func: a })
          wireHTTP({ method: 'post', route, func: a, auth })
        }
        """
    found = small(tmp_path, {"src/app.ts": text, "src/audit.ts": "export const audit = 1\n"}).application
    plain, bound = found.http
    assert plain.options[0].bindings == ()
    ((pattern, value),) = bound.options[0].bindings
    assert pattern == "{ route, auth }"
    source = (tmp_path / "src/app.ts").read_text()
    assert source[value.span.start : value.span.end] == "{ route: '/a', auth: false }"


def test_a_loop_over_entries_binds_the_values_alone(tmp_path: Path) -> None:
    text = """\
        import { pikkuFunc, wireHTTP } from '#pikku'
        export const a = pikkuFunc(async () => 1)
        const table = { books: { middleware: [x] } }
        for (const [name, { middleware }] of Object.entries(table)) {
          wireHTTP({ method: 'get', route: `/${name}`, func: a, middleware })
        }
        """
    (route,) = small(tmp_path, text).application.http
    ((pattern, value),) = route.options[0].bindings
    source = (tmp_path / "src/app.ts").read_text()
    assert (pattern, source[value.span.start : value.span.end]) == ("{ middleware: middleware }", "{ middleware: [x] }")


def test_tests_are_no_part_of_the_application(tmp_path: Path) -> None:
    files = {"src/a.ts": GET, "src/a.test.ts": GET, "src/__tests__/b.ts": "import { it } from 'vitest'\n" + GET, "src/c.spec.tsx": "const ="}
    assert sorted(small(tmp_path, files).application.functions) == ["getBook"]


INLINE = """\
    import { pikkuFunc, pikkuSessionlessFunc, wireChannel, wireHTTP, wireMCPTool, wireQueueWorker, wireScheduler, wireTrigger } from '#pikku'
    wireHTTP({ method: 'get', route: '/api/books/:id', func: async ({ db }) => db })
    wireHTTP({ method: 'post', route: '/api/books', func: pikkuSessionlessFunc({ func: async ({ db }) => db }) })
    wireQueueWorker({ name: 'orders', func: pikkuFunc(async ({ db }) => db) })
    wireScheduler({ name: 'nightly', schedule: '0 0 * * *', func: async ({ db }) => db })
    wireTrigger({ name: 'arrived', func: async ({ db }) => db })
    wireMCPTool({ name: 'find', func: async ({ db }) => db })
    wireChannel({
      name: 'chat', route: '/chat',
      onConnect: async ({ db }) => db,
      onMessageWiring: { action: { say: { func: async ({ db }) => db } } },
    })
    """


def test_an_inline_function_is_named_after_its_wiring(tmp_path: Path) -> None:
    application = small(tmp_path, INLINE).application
    assert sorted(application.functions) == [
        "arrived", "chat-connect", "chat-say", "find", "get-api-books-id", "nightly", "orders", "post-api-books",
    ]  # fmt: skip
    source = (tmp_path / "src/app.ts").read_text()
    for function in application.functions.values():
        assert function.services.names == {"db"}
        assert not isinstance(function.value, Ref)
        expression, path = function.value
        assert path == ()
        span = expression.fragment.span
        assert source[span.start : span.end].startswith(("async ({ db })", "pikku"))


EVERYTHING = """\
    import * as p from '#pikku'
    const QUEUE = 'orders'
    export const audit = p.pikkuMiddleware(async ({ log }, _, next) => next())
    export const isOwner = p.pikkuPermission({ func: async ({ owners }) => true })
    export const getBook = p.pikkuFunc<{ id: string }, Book>({
      title: 'Get', description: 'One', tags: ['books'], expose: true, internal: false, remote: true, mcp: true,
      requiresApproval: true, auth: false, deploy: 'serverless', permissions: { owner: isOwner },
      func: async ({ db, queueService }, { id }, { rpc, session }) => {
        await queueService.add(QUEUE, { id })
        await rpc.invoke('other', {})
        await rpc.remote<'other'>('other', {})
        await rpc.startWorkflow('onboard', {}, { id })
        return rpc.agent.run('helper', {})
      },
    })
    export const other = p.pikkuVoidFunc(async () => {})
    export const onboard = p.pikkuWorkflow({
      input: schema,
      output: schema,
      func: async ({ workflow, rpc, db }, data) => {
        await workflow.do('Create', 'other', data, { retries: 2, onError: 'undo' })
        await workflow.do('Inline', async () => db.x())
        await workflow.sleep('Wait', '5m')
        for (const user of data) await workflow.do(`Mail ${user}`, 'other', {})
        await Promise.all([workflow.do('A', other, {}), workflow.do('B', 'other', {})])
        await workflow.approval('Approve', { timeout: '3d' })
        await workflow.waitForEvent('Paid', 'paid')
        await rpc.invoke('getBook', {})
      },
    })
    export const undo = p.pikkuFunc(async () => {})
    export const graph = p.pikkuWorkflowGraph({
      name: 'graph', nodes: { first: 'other', second: getBook }, config: { first: { next: 'second', onError: ['first'] } },
    })
    export const helper = p.pikkuAIAgent({ name: 'helper', model: 'openai/x', tools: [getBook, onboard], agents: [expert] })
    export const expert = p.pikkuAgent({ name: 'expert', model: process.env.MODEL })
    export const tool = p.pikkuMCPToolFunc(async ({ db }) => [])
    export const resource = p.pikkuMCPResourceFunc(async ({ db }) => [])
    export const prompt = p.pikkuMCPPromptFunc(async ({ db }) => [])
    p.wireMCPTool({
      name: 'tool', title: 'Tool', description: process.env.TEXT, func: tool, tags: ['t'], auth: true,
      annotations: { title: 'T', readOnlyHint: true },
    })
    p.wireMCPResource({ uri: 'books://all', func: resource })
    p.wireMCPPrompt({ name: 'prompt', func: prompt })
    p.wireQueueWorker({ queue: QUEUE, func: onboard, config: { batchSize: 1 } })
    p.wireScheduler({ schedule: '0 3 * * MON-FRI', func: other })
    p.wireHTTP({ method: 'post', route: '/onboard', func: onboard })
    export const source = p.pikkuTriggerFunc(async ({ redis }, _, { trigger }) => () => {})
    p.wireTriggerSource({ name: 'arrived', func: source })
    p.wireTrigger({ name: 'arrived', func: other })
    p.wireCLI({ program: 'books', commands: { get: getBook, more: { subcommands: { other: p.pikkuCLICommand({ func: other }) } } } })
    p.wireSecret({ name: 'stripe', displayName: 'Stripe', secretId: 'STRIPE_KEY', schema: x.string() })
    export const region = p.defineVariable({ name: 'region', variableId: 'REGION' })
    p.wireVariable(region)
    p.addMiddleware('books', [audit])
    p.addPermission('books', { owner: isOwner })
    p.addHTTPMiddleware('*', [audit])
    p.addHTTPPermission('/api/*', { owner: isOwner })
    """


def test_everything_of_the_authoring_surface(tmp_path: Path) -> None:
    found = small(tmp_path, EVERYTHING).application
    book = found.functions["getBook"]
    assert book.services.names == {"db", "queueService"}
    assert (book.expose, book.remote, book.mcp, book.requires_approval, book.internal) == (
        True,
        True,
        True,
        True,
        False,
    )
    assert (book.auth, book.deploy, book.tags, book.title, book.description) == (
        False,
        "serverless",
        ("books",),
        "Get",
        "One",
    )
    assert book.invokes == ("helper", "onboard", "other")
    assert None not in (book.input, book.output)
    onboard = found.functions["onboard"]
    assert (onboard.kind, onboard.has_input_schema, onboard.has_output_schema) == ("workflow", True, True)
    assert onboard.services.names == {"db"}
    assert [(step.name, step.kind, step.function) for step in onboard.steps] == [
        ("Create", "rpc", "other"), ("Inline", "inline", None), ("Wait", "sleep", None), ("Mail *", "rpc", "other"), ("A", "rpc", "other"),
        ("B", "rpc", "other"), ("Approve", "approval", None), ("Paid", "event", None),
    ]  # fmt: skip
    assert onboard.invokes == ("getBook", "other", "undo")
    assert [(step.name, step.function) for step in found.functions["graph"].steps] == [
        ("first", "other"),
        ("second", "getBook"),
    ]
    helper, expert = found.functions["helper"].agent, found.functions["expert"].agent
    assert helper is not None
    assert expert is not None
    assert (helper.model, helper.tools, helper.sub_agents, expert.model) == (
        "openai/x",
        ("getBook", "onboard"),
        ("expert",),
        None,
    )
    assert [(each.kind, each.name, each.function) for each in found.mcp] == [
        ("resource", "books://all", "resource"), ("tool", "getBook", "getBook"), ("prompt", "prompt", "prompt"), ("tool", "tool", "tool"),
    ]  # fmt: skip
    assert [each.shown for each in found.mcp if each.name != "tool"] == [McpShown()] * 3
    (tool,) = (each for each in found.mcp if each.name == "tool")
    assert (tool.tags, tool.auth, tool.options is None) == (("t",), True, False)
    assert tool.shown == McpShown(title="Tool", annotations=(("readOnlyHint", True), ("title", "T")))
    assert [notice for notice in found.notices if "clients aren't told" in notice] == [
        "src/app.ts:41:45: 'description' of wireMCPTool isn't constant, so clients aren't told it."
    ]
    assert [(each.name, each.schedule) for each in found.schedules] == [("other", "0 3 * * MON-FRI")]
    assert [(each.queue, each.function) for each in found.queues] == [("orders", "onboard")]
    assert [(each.name, each.source) for each in found.triggers] == [("arrived", False), ("arrived", True)]
    assert [(each.program, each.functions) for each in found.cli] == [("books", ("getBook", "other"))]
    assert [(each.id, each.display_name) for each in (*found.secrets, *found.variables)] == [
        ("STRIPE_KEY", "Stripe"),
        ("REGION", "region"),
    ]
    assert [(each.kind, each.scope) for each in found.scoped] == [
        ("tag-middleware", "books"), ("tag-permission", "books"), ("http-middleware", "*"), ("http-permission", "/api/*"),
    ]  # fmt: skip
    assert [sorted(each.services.names) for each in found.helpers] == [["log"], ["owners"]]


@pytest.mark.parametrize(
    ("text", "names", "escapes"),
    [
        ("async () => 1", set(), False),
        ("async (_services, data) => data", set(), False),
        ("async ({ db, ...rest }) => rest", {"db"}, True),
        ("async (services) => helper(services)", set(), True),
        ("async (services) => { const copy = services; return copy.db }", set(), True),
        ("async function (this: void, { db }: S) { return db }", {"db"}, False),
        ("async ({ config: { url } }) => url", {"config"}, False),
        ("async ({ 'my-db': db }) => db", {"my-db"}, False),
    ],
)
def test_services_are_what_the_first_parameter_takes(text: str, names: set[str], escapes: bool, tmp_path: Path) -> None:
    services = small(tmp_path, F + f"export const a = pikkuFunc({text})\n").analysis.application.functions["a"].services
    assert (set(services.names), services.escapes) == (names, escapes)


def test_rpc_may_go_in_circles(tmp_path: Path) -> None:
    text = """\
        import { pikkuFunc } from '#pikku'
        export const a = pikkuFunc(async (_, __, { rpc }) => rpc.invoke('b'))
        export const b = pikkuFunc(async (_, __, { rpc }) => rpc.invoke('a'))
        """
    units = small(tmp_path, text).units
    assert (units["a"].depends_on, units["b"].depends_on) == (("app-b",), ("app-a",))


def test_a_name_that_a_client_sends_may_be_any_exposed_function(tmp_path: Path) -> None:
    text = """\
        import { pikkuFunc } from '#pikku'
        export const caller = pikkuFunc(async (_, data, { rpc }) => rpc.exposed(data.name, data))
        export const shown = pikkuFunc({ expose: true, func: async () => 1 })
        export const hidden = pikkuFunc(async () => 1)
        """
    assert small(tmp_path, text).application.functions["caller"].invokes == ("shown",)


def test_imports_through_tsconfig_paths_and_package_imports(tmp_path: Path) -> None:
    files = {
        "tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
        "package.json": '{ "name": "app", "imports": { "#lib/*": "./src/lib/*.ts" } }',
        "src/lib/a.ts": GET,
        "src/b.ts": F
        + "import { getBook } from '#lib/a'\nimport { R } from '@/routes'\nwireHTTP({ method: 'get', route: R, func: getBook })\n",
        "src/routes.ts": "export const R = '/books'\n",
    }
    assert [each.route for each in small(tmp_path, files).application.http] == ["/books"]


def test_analysis_is_the_same_whatever_the_order_of_files(tmp_path: Path) -> None:
    from unitgraph.units.analyze import analyze  # noqa: PLC0415

    found = small(
        tmp_path,
        {
            "src/a.ts": GET,
            "src/b.ts": F + "import { getBook } from './a'\n" + ROUTE,
            "src/c.ts": EVERYTHING.replace("getBook", "one"),
        },
    )
    turned = analyze(found.project, {path: found.facts[path] for path in reversed(list(found.facts))}, found.resolver)
    assert (turned.application, turned.problems) == (found.analysis.application, found.analysis.problems)


def test_a_channel_says_which_function_is_for_what_and_what_stands_around_it(tmp_path: Path) -> None:
    found = small(
        tmp_path,
        "import { wireChannel, pikkuChannelFunc, pikkuMiddleware } from '#pikku'\n"
        "export const a = pikkuChannelFunc(async () => 1)\n"
        "export const m = pikkuMiddleware(async (_s, _w, next) => next())\n"
        "const said = { func: a, auth: true, title: 'said' } as const\n"
        "wireChannel({ name: 'c', route: '/c', auth: false, input: a as never, tags: ['t'], middleware: [m], onConnect: a, onDisconnect: null as never,\n"
        "  onMessage: { func: a, middleware: [m] }, onMessageWiring: { action: { plain: a, said }, type: { other: { func: a } } } })\n",
    )
    [channel] = found.application.channels
    calls = [(call.kind, call.property, call.value, call.options is not None) for call in channel.calls]
    assert calls == [
        ("connect", None, None, False), ("message", None, None, True), ("message", "action", "plain", False),
        ("message", "action", "said", True), ("message", "type", "other", False),
    ]  # fmt: skip
    assert (channel.functions, channel.tags, channel.shared is not None) == (("a",), ("t",), True)
    wirings = {each.wiring: len(each.options) for each in errands(found.application)}
    assert wirings == {
        "channel c connect": 0, "channel c message": 2, "channel c action=plain": 1, "channel c action=said": 2,
        "channel c type=other": 1,
    }  # fmt: skip
