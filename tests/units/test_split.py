"""What becomes a unit, with which role, handlers, services, secrets and neighbours."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from tests.units.small import small
from unitgraph.units import names
from unitgraph.units.capabilities import capability
from unitgraph.units.model import FetchHandler, QueueHandler, ScheduledHandler, Unit

P = "import * as p from '#pikku'\n"


def routes(unit: Unit) -> list[str]:
    return [f"{r.method} {r.route}" for each in unit.handlers if isinstance(each, FetchHandler) for r in each.routes]


def queues(unit: Unit) -> list[str]:
    return [each.queue_name for each in unit.handlers if isinstance(each, QueueHandler)]


@pytest.mark.parametrize(
    ("name", "kebab"),
    [
        ("getBooks", "get-books"), ("notifySMS", "notify-sms"), ("flakyHappyRPC", "flaky-happy-rpc"), ("XMLParser2Go", "xml-parser2-go"),
        ("a_b$c", "a-b-c"), ("get-api-books-id", "get-api-books-id"), ("v1", "v1"), ("createOAuth2Token", "create-o-auth2-token"),
    ],
)  # fmt: skip
def test_kebab_case(name: str, kebab: str) -> None:
    assert names.kebab(name) == kebab


def test_names_that_kebab_case_cannot_give_back_are_kept_by_id(tmp_path: Path) -> None:
    text = (
        P
        + """\
export const notifySMS = p.pikkuFunc(async () => 1)
export const flakyHappyRPC = p.pikkuFunc(async (_, __, { rpc }) => rpc.invoke('notifySMS'))
export const onboard = p.pikkuWorkflow(async ({ workflow }) => workflow.do('A', 'notifySMS', {}))
"""
    )
    found = small(tmp_path, text)
    assert {name: unit.function_ids for name, unit in found.units.items()} == {
        "notify-sms": ("notifySMS",), "flaky-happy-rpc": ("flakyHappyRPC",), "onboard": ("onboard",),
    }  # fmt: skip
    assert found.units["flaky-happy-rpc"].depends_on == ("app-notify-sms",)
    assert found.manifest.workflows[0].steps[0].unit_name == "app-notify-sms"


ROLES = (
    P
    + """\
export const one = p.pikkuFunc(async () => 1)
export const step = p.pikkuFunc(async () => 1)
export const undo = p.pikkuFunc(async () => 1)
export const back = p.pikkuFunc(async () => 1)
export const routed = p.pikkuFunc(async () => 1)
export const invoked = p.pikkuFunc(async () => 1)
export const caller = p.pikkuFunc(async (_, __, { rpc }) => rpc.invoke('invoked'))
export const flow = p.pikkuWorkflow(async ({ workflow }) => {
  await workflow.do('A', 'step', {}, { onError: 'undo', compensate: 'back' })
  await workflow.do('D', 'step', {}, { compensate: () => one })
  await workflow.do('B', 'routed', {})
  await workflow.do('C', 'invoked', {})
})
export const helper = p.pikkuAIAgent({ name: 'my-helper', model: 'openai/m', tools: [one], agents: [] })
p.wireHTTP({ method: 'get', route: '/routed', func: routed })
p.wireChannel({ name: 'chat', route: '/chat', onConnect: one })
p.wireMCPTool({ name: 'one', func: one })
"""
)


def test_roles(tmp_path: Path) -> None:
    found = small(tmp_path, ROLES)
    assert {name: unit.role for name, unit in found.units.items()} == {
        "one": "function", "step": "workflow-step", "undo": "workflow-step", "back": "workflow-step", "routed": "function", "invoked": "function",
        "caller": "function", "flow": "workflow", "my-helper": "agent", "chat": "channel", "mcp": "mcp",
    }  # fmt: skip
    assert found.units["flow"].depends_on == ("app-back", "app-invoked", "app-routed", "app-step", "app-undo")
    assert found.units["my-helper"].depends_on == ("app-one",)
    assert found.units["chat"].depends_on == ("app-one",)
    assert found.units["mcp"].depends_on == ("app-one",)
    assert (found.units["chat"].function_ids, found.units["mcp"].function_ids) == ((), ())
    assert found.units["my-helper"].function_ids == ("helper",)
    assert queues(found.units["flow"]) == ["pikku-workflow-orchestrator", "pikku-workflow-worker"]


def test_every_function_is_in_one_unit(tmp_path: Path) -> None:
    found = small(tmp_path, ROLES)
    placed = [name for unit in found.units.values() for name in unit.function_ids]
    assert sorted(placed) == sorted(found.application.functions)


def test_handlers(tmp_path: Path) -> None:
    text = (
        P
        + """\
export const a = p.pikkuFunc({ expose: true, tags: ['x'], func: async ({ queueService }) => queueService.add('jobs', {}) })
p.wireHTTP({ method: 'post', route: '/a', func: a, tags: ['y'] })
p.wireHTTP({ method: 'get', route: '/a', func: a })
p.wireQueueWorker({ name: 'jobs', func: a })
p.wireScheduler({ name: 'nightly', schedule: '0 3 * * *', func: a })
"""
    )
    unit = small(tmp_path, text).units["a"]
    assert routes(unit) == ["GET /a", "POST /a", "POST /rpc/a"]
    assert queues(unit) == ["jobs"]
    assert unit.handlers[-1] == ScheduledHandler("0 3 * * *", "nightly")
    assert (unit.tags, unit.queue_producers, unit.source) == (("x", "y"), ("jobs",), "src/app.ts:2")


@pytest.mark.parametrize(
    ("body", "queues"),
    [
        pytest.param("queueService.add('jobs', {})", ("jobs",), id="a constant name"),
        pytest.param("queueService.add(String(Math.random()), {})", ("*",), id="a name that isn't"),
        pytest.param("(({ add }) => add('jobs', {}))(queueService)", ("*",), id="a service that goes elsewhere"),
    ],
)
def test_the_queues_that_a_unit_adds_to(tmp_path: Path, body: str, queues: tuple[str, ...]) -> None:
    text = P + f"export const a = p.pikkuSessionlessFunc(async ({{ queueService }}) => {body})\n"
    assert small(tmp_path, text + "p.wireHTTP({ method: 'get', route: '/a', func: a })\n").units["a"].queue_producers == queues


SERVICES = {
    "src/services.ts": """\
        import { pikkuConfig, pikkuServices, pikkuWireServices } from '#pikku'
        import { Stripe } from './stripe'
        import { makeDb } from './database'
        export const config = pikkuConfig(async (variables) => ({ region: await variables.get('REGION') }))
        export const services = pikkuServices(async (config, { secrets }) => {
          const url = await secrets.getSecret('DATABASE_URL')
          const db = makeDb(url)
          return { db, stripe: new Stripe(secrets), content: new Files(), mailer: new Mailer() }
        })
        export const wired = pikkuWireServices(async ({ db, mailer }, wire) => ({
          cart: new Cart(db, wire),
          notes: new Notes(mailer),
        }))
        """,
    "src/stripe.ts": "export class Stripe {\n  pay() { return this.secrets.getSecretJSON('STRIPE_KEY') }\n}\n",
    "src/database.ts": "import { pool } from './pool'\nexport const makeDb = (url: string) => pool(url)\n",
    "src/pool.ts": "import { ids } from './ids'\nexport const pool = (u: string) => secrets.getSecret(ids.pool)\n",
    "src/ids.ts": "export const ids = { pool: 'POOL_KEY' } as const\n",
    "src/middleware.ts": """\
        import { pikkuMiddleware, pikkuPermission, addMiddleware, addHTTPMiddleware, authBearer } from '#pikku'
        export const audit = pikkuMiddleware(async ({ auditDb }, wire, next) => next())
        export const paid = pikkuPermission(async ({ stripe }) => true)
        addMiddleware('audited', [audit])
        addHTTPMiddleware('/private/*', [authBearer({ secretId: 'TOKEN_KEY' })])
        """,
    "src/functions.ts": """\
        import { authCookie, csrfToken, pikkuFunc, rateLimit, wireHTTP } from '#pikku'
        import { paid } from './middleware'
        import { track } from './track'
        export const plain = pikkuFunc(async ({ logger }) => 1)
        export const withDb = pikkuFunc(async ({ db }) => db)
        export const withStripe = pikkuFunc(async ({ stripe }) => stripe.pay())
        export const withContent = pikkuFunc(async ({ content }) => content)
        export const withCart = pikkuFunc(async ({ cart }) => cart)
        export const withNotes = pikkuFunc(async ({ notes }) => notes)
        export const audited = pikkuFunc({ tags: ['audited'], func: async () => 1 })
        export const permitted = pikkuFunc({ permissions: { paid }, func: async () => 1 })
        export const inPrivate = pikkuFunc(async () => 1)
        export const tracked = pikkuFunc(async () => track())
        export const withJwt = pikkuFunc(async ({ jwt }) => jwt.encode('1h', {}))
        export const dynamic = pikkuFunc(async ({ secrets }, data) => secrets.getSecret(data.name))
        export const all = pikkuFunc(async (services) => run(services))
        export const limited = pikkuFunc({ middleware: [rateLimit({ limit: 1, window: '1m' })], func: async () => 1 })
        const remembered = [authCookie({ secretId: 'NEW_KEY', previousSecretId: 'OLD_KEY' }), csrfToken()]
        export const kept = pikkuFunc({ middleware: remembered, func: async () => 1 })
        wireHTTP({ method: 'get', route: '/private/x', func: inPrivate })
        const run = (s: unknown) => s
        """,
    "src/track.ts": "import { key } from './deep'\nexport const track = () => variables.get(key)\n",
    "src/deep.ts": "export const key = 'TRACK_ID'\n",
}

NEEDS: dict[str, tuple[list[str], list[str], list[str]]] = {
    # unit: capabilities, secrets, variables
    "plain": ([], [], ["REGION"]),
    "limited": (["rate-limit rateLimits"], [], ["REGION"]),
    "kept": ([], ["NEW_KEY", "OLD_KEY", "SESSION_SECRET"], []),
    "with-db": (["database db"], ["DATABASE_URL", "POOL_KEY"], ["REGION"]),
    "with-stripe": ([], ["STRIPE_KEY"], ["REGION"]),
    "with-content": (["object-storage content"], [], ["REGION"]),
    "with-cart": (["database db"], ["DATABASE_URL", "POOL_KEY"], ["REGION"]),
    "with-notes": ([], [], ["REGION"]),
    "audited": (["database auditDb"], [], ["REGION"]),
    "permitted": ([], ["STRIPE_KEY"], ["REGION"]),
    "in-private": ([], ["TOKEN_KEY"], []),
    "tracked": ([], [], ["TRACK_ID"]),
    "with-jwt": ([], ["JWT_SECRET"], ["REGION"]),
    "dynamic": ([], [], ["REGION"]),
    "all": (["database db", "object-storage content"], ["DATABASE_URL", "POOL_KEY", "STRIPE_KEY"], ["REGION"]),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_unit_needs_what_its_code_leads_to(name: str, tmp_path: Path) -> None:
    unit = small(tmp_path, SERVICES).units[name]
    capabilities = [f"{each.capability} {each.source_service_name}" for each in unit.services]
    assert (capabilities, list(unit.secrets), list(unit.variables)) == NEEDS[name]


def test_secrets_of_the_project_are_those_declared_and_those_read(tmp_path: Path) -> None:
    manifest = small(tmp_path, SERVICES).manifest
    read = ["DATABASE_URL", "JWT_SECRET", "NEW_KEY", "OLD_KEY", "POOL_KEY", "SESSION_SECRET", "STRIPE_KEY", "TOKEN_KEY"]
    assert [each.secret_id for each in manifest.secrets] == read
    assert [each.variable_id for each in manifest.variables] == ["REGION", "TRACK_ID"]
    assert manifest.unresolved_secret_reads == ("src/functions.ts:15",)


SERVER = (
    P
    + """\
export const light = p.pikkuFunc(async ({ db }) => db)
export const videoTranscode = p.pikkuFunc(async ({ ffmpeg }, __, { rpc }) => rpc.invoke('light'))
export const heavy = p.pikkuFunc({ deploy: 'server', func: async ({ redis }) => redis })
export const feed = p.pikkuTriggerFunc(async () => () => {})
p.wireTriggerSource({ name: 'new', func: feed })
p.wireTrigger({ name: 'new', func: light })
p.wireHTTP({ method: 'get', route: '/light', func: light })
p.wireHTTP({ method: 'post', route: '/video', func: videoTranscode })
p.wireQueueWorker({ name: 'videos', func: videoTranscode })
p.wireScheduler({ name: 'nightly', schedule: '0 0 * * *', func: heavy })
"""
)


@pytest.mark.parametrize("entry", ["videoTranscode", "video-transcode", "ffmpeg"])
def test_what_cannot_be_serverless_is_in_one_server_unit(entry: str, tmp_path: Path) -> None:
    found = small(tmp_path, SERVER, {"serverlessIncompatible": [entry]})
    assert sorted(found.units) == ["light", "server"]
    server = found.units["server"]
    assert (server.target, server.role, server.function_ids) == (
        "server",
        "function",
        ("feed", "heavy", "videoTranscode"),
    )
    assert (routes(server), queues(server), server.depends_on) == (["POST /video"], ["videos"], ("app-light",))
    assert [(each.name, each.consumer_unit) for each in found.manifest.queues] == [("videos", "app-server")]
    assert [(each.name, each.unit_name) for each in found.manifest.scheduled_tasks] == [("nightly", "app-server")]


def test_a_default_target_of_server_merges_all_but_what_says_otherwise(tmp_path: Path) -> None:
    text = ROLES + "export const edge = p.pikkuFunc({ deploy: 'serverless', func: async () => 1 })\n"
    found = small(tmp_path, text, {"defaultTarget": "server"})
    assert sorted(found.units) == ["edge", "server"]
    server = found.units["server"]
    assert sorted((*server.function_ids, "edge")) == sorted(found.application.functions)
    manifest = found.manifest
    assert {each.unit_name for each in manifest.channels} == {each.unit_name for each in manifest.agents} == {"app-server"}
    assert {each.unit_name for each in manifest.mcp_endpoints} == {"app-server"}
    assert {each.consumer_unit for each in manifest.queues} == {"app-server"}
    assert {each.orchestrator_unit for each in manifest.workflows} == {"app-server"}


def test_every_name_in_the_manifest_is_a_unit(tmp_path: Path) -> None:
    for deploy in ({}, {"defaultTarget": "server"}, {"serverlessIncompatible": ["flow", "helper", "one"]}):
        manifest = small(tmp_path / str(len(deploy)), ROLES, deploy).manifest
        units = {unit.name for unit in manifest.units}
        named = {name for unit in manifest.units for name in unit.depends_on}
        named |= {each.consumer_unit for each in manifest.queues} | {each.unit_name for each in manifest.channels}
        named |= {step.unit_name for each in manifest.workflows for step in each.steps if step.unit_name}
        named |= {each.unit_name for each in manifest.agents} | {each.unit_name for each in manifest.mcp_endpoints}
        assert named <= units


def test_the_manifest_has_all_keys_in_camel_case(tmp_path: Path) -> None:
    document = json.loads(json.dumps(small(tmp_path, ROLES).manifest.document()))
    assert list(document) == [
        "projectId", "manifestVersion", "units", "queues", "scheduledTasks", "channels", "agents", "mcpEndpoints", "workflows",
        "secrets", "variables", "unresolvedSecretReads", "migrations",
    ]  # fmt: skip
    step = next(unit for unit in document["units"] if unit["name"] == "app-step")
    assert step == {
        "name": "app-step", "role": "workflow-step", "target": "serverless", "functionIds": ["step"], "services": [],
        "dependsOn": [], "handlers": [], "secrets": [], "variables": [], "tags": [], "source": "src/app.ts:3", "queueProducers": [],
        "channelHolders": [], "isCalled": True,
    }  # fmt: skip
    assert document["agents"] == [
        {
            "name": "my-helper",
            "unitName": "app-my-helper",
            "model": "openai/m",
            "toolFunctionIds": ["one"],
            "subAgentNames": [],
        }
    ]
    assert document["workflows"][0]["steps"][0] == {
        "name": "A", "kind": "rpc", "functionId": "step", "unitName": "app-step",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("db", "database"), ("kysely", "database"), ("ordersDb", "database"), ("content", "object-storage"), ("bucket", "object-storage"),
        ("queueService", "queue"), ("kv", "kv"), ("aiModel", "ai-model"), ("logger", None), ("stripe", None),
    ],
)  # fmt: skip
def test_capabilities(service: str, found: str | None) -> None:
    assert capability(service) == found


def test_info_is_the_references_example(tmp_path: Path) -> None:
    files = {
        "package.json": '{ "name": "@acme/My App" }',
        "src/app.ts": P
        + """\
export const getBooks = p.pikkuFunc(async ({ db, secrets }) => secrets.getSecret('DATABASE_URL'))
export const createBook = p.pikkuFunc(async ({ secrets }) => secrets.getSecret('STRIPE_API_KEY'))
export const assistant = p.pikkuAIAgent({ name: 'assistant', model: 'anthropic/claude-sonnet-4-5', tools: [getBooks] })
export const onboarding = p.pikkuWorkflow(async ({ workflow }) => workflow.sleep('Wait', '5m'))
export const dailyCleanup = p.pikkuVoidFunc(async () => {})
p.wireHTTP({ method: 'get', route: '/api/books', func: getBooks })
p.wireHTTP({ method: 'post', route: '/api/books', func: createBook })
p.wireScheduler({ schedule: '0 3 * * *', func: dailyCleanup })
""",
    }
    assert small(tmp_path, files).info == dedent("""\
        Project: my-app

        Units (5):
          agent my-app-assistant [assistant]
          function my-app-create-book [createBook]
            POST /api/books
          function my-app-daily-cleanup [dailyCleanup]
          function my-app-get-books [getBooks]
            GET /api/books
          workflow my-app-onboarding [onboarding]

        Queues (2):
          pikku-workflow-orchestrator -> my-app-onboarding
          pikku-workflow-worker -> my-app-onboarding

        Scheduled Tasks (1):
          daily-cleanup 0 3 * * * -> my-app-daily-cleanup

        Agents (1):
          assistant anthropic/claude-sonnet-4-5 -> my-app-assistant

        Workflows (1):
          onboarding 1 step -> my-app-onboarding

        Required Secrets (3):
          ANTHROPIC_API_KEY
          DATABASE_URL
          STRIPE_API_KEY
        """)


def test_info_of_an_empty_project(tmp_path: Path) -> None:
    assert small(tmp_path, "export const a = 1\n").info == "Project: app\n"
