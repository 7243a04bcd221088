"""Broken projects, each with the code of its error, the line that it is at, and a word of its message."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.units.small import small
from unitgraph.errors import Problems

F = "import { pikkuFunc, pikkuSessionlessFunc } from '#pikku'\n"
GET = "export const getBook = pikkuFunc(async ({ db }) => db)\n"
W = "import * as p from '#pikku'\n"
OK = W + "export const ok = p.pikkuFunc(async () => 1)\n"

# id: (files or text of src/app.ts, code, "path:line", words)
BROKEN: dict[str, tuple[str | dict[str, str | bytes], str, str, str]] = {
    "syntax": ("const a = {\n  b: ,\n}\n", "syntax-error", "src/app.ts:2:5", "missing"),
    "missing-brace": ("export function f() {\n  return 1\n", "syntax-error", "src/app.ts", "'}'"),
    "not-utf8": ({"src/app.ts": b"const a = '\xff'\n"}, "source-not-utf-eight", "src/app.ts:1:12", "0xff"),
    "utf16": ({"src/app.ts": "const a = 1".encode("utf-16")}, "source-not-utf-eight", "src/app.ts:1", "0xff"),
    "nul": ({"src/app.ts": b"const a = \x00 1\n"}, "syntax-error", "src/app.ts:1", ""),
    "conflict-marks": ("<<<<<<< HEAD\nconst a = 1\n=======\nconst a = 2\n>>>>>>> b\n", "syntax-error", "src/app.ts:1", ""),
    "wiring-in-function": (
        OK + "export function setup() {\n  p.wireHTTP({ method: 'get', route: '/', func: ok })\n}\n",
        "authoring-call-misplaced", "src/app.ts:4", "wireHTTP",
    ),
    "wiring-if": (
        OK + "if (process.env.A) p.wireHTTP({ method: 'get', route: '/', func: ok })\n",
        "authoring-call-misplaced", "src/app.ts:3", "wireHTTP",
    ),
    "wiring-for-in": (
        OK + "for (const key in { a: 1 }) p.wireHTTP({ method: 'get', route: key, func: ok })\n",
        "authoring-call-misplaced", "src/app.ts:3", "wireHTTP",
    ),
    "func-in-function": (
        F + "export const make = () => pikkuFunc(async () => 1)\n", "authoring-call-misplaced", "src/app.ts:2", "pikkuFunc",
    ),
    "factory-in-function": (
        W + "export function f() {\n  return p.pikkuServices(async () => ({}))\n}\n",
        "authoring-call-misplaced", "src/app.ts:3", "pikkuServices",
    ),
    "authoring-alias": (
        F + "const func = pikkuFunc\nexport const a = func(async () => 1)\n",
        "authoring-name-passed-on", "src/app.ts:2", "pikkuFunc",
    ),
    "authoring-foreign": (
        {"src/app.ts": "import { wireHTTP } from './mine'\nwireHTTP({})\n", "src/mine.ts": "export const wireHTTP = (a: object) => a\n"},
        "authoring-name-foreign", "src/app.ts:1", "./mine",
    ),
    "route-not-constant": (
        OK + "p.wireHTTP({ method: 'get', route: process.env.ROUTE, func: ok })\n", "value-not-constant", "src/app.ts:3", "run time",
    ),
    "route-from-call": (
        OK + "p.wireHTTP({ method: 'get', route: join('a', 'b'), func: ok })\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
    "route-let": (
        OK + "let route = '/a'\np.wireHTTP({ method: 'get', route, func: ok })\n", "value-not-constant", "src/app.ts:3", "let",
    ),
    "route-of-package": (
        OK + "import { route } from 'zod'\np.wireHTTP({ method: 'get', route, func: ok })\n",
        "value-not-constant", "src/app.ts:4", "'zod'",
    ),
    "name-not-constant": (
        OK + "p.wireQueueWorker({ name: `q-${Date.now()}`, func: ok })\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
    "schedule-not-constant": (
        OK + "p.wireScheduler({ name: 'x', schedule: cron(), func: ok })\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
    "itself": (
        OK + "const a: string = `${b}`\nconst b: string = `${a}`\np.wireHTTP({ method: 'get', route: a, func: ok })\n",
        "value-not-constant", "src/app.ts", "itself",
    ),
    "loop-not-constant": (
        OK + "for (const r of routes()) p.wireHTTP(r)\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
    "expose-not-constant": (
        F + "export const a = pikkuFunc({ expose: process.env.X === '1', func: async () => 1 })\n",
        "value-not-constant", "src/app.ts:2", "'expose'",
    ),
    "expose-string": (
        F + "export const a = pikkuFunc({ expose: 'yes', func: async () => 1 })\n", "value-of-wrong-kind", "src/app.ts:2", "true or false",
    ),
    "deploy-elsewhere": (
        F + "export const a = pikkuFunc({ deploy: 'edge', func: async () => 1 })\n", "value-of-wrong-kind", "src/app.ts:2", "'edge'",
    ),
    "route-number": (
        OK + "p.wireHTTP({ method: 'get', route: 12, func: ok })\n", "value-of-wrong-kind", "src/app.ts:3", "the number 12",
    ),
    "options-string": (OK + "p.wireHTTP('/a')\n", "value-of-wrong-kind", "src/app.ts:3", "an object"),
    "tags-string": (
        F + "export const a = pikkuFunc({ tags: 'a', func: async () => 1 })\n", "value-of-wrong-kind", "src/app.ts:2", "an array",
    ),
    "no-options": (W + "p.wireHTTP()\n", "argument-missing", "src/app.ts:2", "wireHTTP"),
    "no-arguments": (F + "export const a = pikkuFunc()\n", "argument-missing", "src/app.ts:2", "pikkuFunc"),
    "no-method": (OK + "p.wireHTTP({ route: '/', func: ok })\n", "option-missing", "src/app.ts:3", "'method'"),
    "no-route": (OK + "p.wireHTTP({ method: 'get', func: ok })\n", "option-missing", "src/app.ts:3", "'route'"),
    "no-func": (W + "p.wireHTTP({ method: 'get', route: '/' })\n", "option-missing", "src/app.ts:2", "'func'"),
    "no-schedule": (OK + "p.wireScheduler({ func: ok })\n", "option-missing", "src/app.ts:3", "'schedule'"),
    "no-queue": (OK + "p.wireQueueWorker({ func: ok })\n", "option-missing", "src/app.ts:3", "'queue'"),
    "no-channel-name": (OK + "p.wireChannel({ route: '/c', onConnect: ok })\n", "option-missing", "src/app.ts:3", "'name'"),
    "no-channel-route": (OK + "p.wireChannel({ name: 'c', onConnect: ok })\n", "option-missing", "src/app.ts:3", "'route'"),
    "no-uri": (OK + "p.wireMCPResource({ func: ok })\n", "option-missing", "src/app.ts:3", "'uri'"),
    "no-agent-name": (W + "export const a = p.pikkuAIAgent({ model: 'openai/m' })\n", "option-missing", "src/app.ts:2", "'name'"),
    "no-standing-agent-name": (W + "p.pikkuAIAgent({ model: 'openai/m' })\n", "option-missing", "src/app.ts:2", "'name'"),
    "no-agent-model": (W + "export const a = p.pikkuAIAgent({ name: 'a' })\n", "option-missing", "src/app.ts:2", "'model'"),
    "no-secret-id": (W + "p.wireSecret({ name: 'a' })\n", "option-missing", "src/app.ts:2", "'secretId'"),
    "no-variable-id": (W + "p.wireVariable({ name: 'a' })\n", "option-missing", "src/app.ts:2", "'variableId'"),
    "no-nodes": (W + "export const g = p.pikkuWorkflowGraph({ name: 'g' })\n", "option-missing", "src/app.ts:2", "'nodes'"),
    "no-commands": (W + "p.wireCLI({ program: 'x' })\n", "option-missing", "src/app.ts:2", "'commands'"),
    "no-body": (F + "export const a = pikkuFunc({ auth: false })\n", "function-without-func", "src/app.ts:2", "func"),
    "not-exported-import": (
        {"src/app.ts": W + "import { gone } from './b'\np.wireHTTP({ method: 'get', route: '/', func: gone })\n", "src/b.ts": "export const gome = 1\n"},
        "name-not-exported", "src/app.ts:2", "'gome'",
    ),
    "unresolved-import": ("import { a } from './gone'\nconsole.log(a)\n", "unresolved-import", "src/app.ts:1", "gone"),
    "not-defined": (W + "p.wireHTTP({ method: 'get', route: '/', func: nowhere })\n", "name-not-defined", "src/app.ts:2", "'nowhere'"),
    "reexport-cycle": (
        {
            "src/app.ts": W + "import { a } from './b'\np.wireHTTP({ method: 'get', route: '/', func: a })\n",
            "src/b.ts": "export { a } from './c'\n", "src/c.ts": "export { a } from './b'\n",
        },
        "reexport-cycle", "src/app.ts:2", "'a'",
    ),
    "func-string": (W + "p.wireHTTP({ method: 'get', route: '/', func: 'getBook' })\n", "not-an-authored-function", "src/app.ts:2", "'getBook'"),
    "func-plain": (
        W + "async function plain() {}\np.wireHTTP({ method: 'get', route: '/', func: plain })\n",
        "not-an-authored-function", "src/app.ts:3", "a function or class",
    ),
    "func-call": (
        W + "p.wireHTTP({ method: 'get', route: '/', func: wrap(1) })\n", "not-an-authored-function", "src/app.ts:2", "a call",
    ),
    "func-object": (
        F + "export const a = pikkuFunc({ func: { no: 1 } })\n", "not-an-authored-function", "src/app.ts:2", "an object",
    ),
    "in-object": (
        F + "export const all = { one: pikkuFunc(async () => 1) }\n", "function-unnamed", "src/app.ts:2", "pikkuFunc",
    ),
    "function-twice": (
        {"src/a.ts": F + GET, "src/b.ts": F + GET}, "function-name-twice", "src/b.ts:2", "src/a.ts:2",
    ),
    "exported-twice": (
        F + GET + "export { getBook as fetchBook }\n", "function-exported-twice", "src/app.ts:2", "'fetchBook'",
    ),
    "function-name": (F + "export const $ = pikkuFunc(async () => 1)\n", "function-name-invalid", "src/app.ts:2", "'$'"),
    "function-name-unicode": (
        F + "export const größe = pikkuFunc(async () => 1)\n", "function-name-invalid", "src/app.ts:2", "größe",
    ),
    "unit-twice": (
        F + "export const notifySMS = pikkuFunc(async () => 1)\nexport const notifySms = pikkuFunc(async () => 1)\n",
        "unit-name-twice", "src/app.ts:3", "app-notify-sms",
    ),
    "unit-twice-channel": (
        OK + "p.wireChannel({ name: 'ok', route: '/c', onConnect: ok })\n", "unit-name-twice", "src/app.ts:3", "app-ok",
    ),
    "unit-twice-server": (
        F + "export const server = pikkuFunc({ deploy: 'server', func: async () => 1 })\n", "unit-name-twice", "src/app.ts:2", "app-server",
    ),
    "unit-too-long": (
        F + f"export const {'long' * 16} = pikkuFunc(async () => 1)\n", "unit-name-too-long", "src/app.ts:2", "63",
    ),
    "rpc-unknown": (
        F + GET + "export const a = pikkuFunc(async (_, __, { rpc }) => rpc.invoke('getBok'))\n",
        "function-unknown", "src/app.ts:3", "'getBok'",
    ),
    "rpc-not-constant": (
        F + "export const a = pikkuFunc(async (_, data, { rpc }) => rpc.invoke(data.name))\n",
        "name-not-defined|value-not-constant", "src/app.ts:2", "",
    ),
    "exposed-unknown": (
        F + "export const a = pikkuFunc(async (_, __, { rpc }) => rpc.exposed('gone'))\n", "function-unknown", "src/app.ts:2", "rpc.exposed",
    ),
    "not-exposed": (
        F + GET + "export const a = pikkuFunc(async (_, __, { rpc }) => rpc.exposed('getBook'))\n",
        "function-not-exposed", "src/app.ts:3", "getBook",
    ),
    "step-unknown": (
        W + "export const w = p.pikkuWorkflow(async ({ workflow }) => {\n  await workflow.do('A', 'gone', {})\n})\n",
        "workflow-step-unknown", "src/app.ts:3", "'gone'",
    ),
    "step-undo-unknown": (
        OK + "export const w = p.pikkuWorkflow(async ({ workflow }) => {\n  await workflow.do('A', 'ok', {}, { onError: 'okk' })\n})\n",
        "workflow-step-unknown", "src/app.ts:4", "'ok'",
    ),
    "step-compensation-unknown": (
        OK + "export const w = p.pikkuWorkflow(async ({ workflow }) => {\n  await workflow.do('A', 'ok', {}, { compensate: 'okk' })\n})\n",
        "workflow-step-unknown", "src/app.ts:4", "'ok'",
    ),
    "step-not-constant": (
        W + "export const w = p.pikkuWorkflow(async ({ workflow }, data) => {\n  await workflow.do('A', data.name, {})\n})\n",
        "value-not-constant", "src/app.ts:3", "'A'",
    ),
    "graph-node-unknown": (
        OK + "export const g = p.pikkuWorkflowGraph({ nodes: { a: 'ok' }, config: { a: { next: 'b' } } })\n",
        "workflow-node-unknown", "src/app.ts:3", "'b'",
    ),
    "graph-function-unknown": (
        OK + "export const g = p.pikkuWorkflowGraph({ nodes: { a: 'kk' } })\n", "workflow-step-unknown", "src/app.ts:3", "'kk'",
    ),
    "workflow-unknown": (
        F + "export const a = pikkuFunc(async (_, __, { rpc }) => rpc.startWorkflow('gone', {}))\n",
        "workflow-unknown", "src/app.ts:2", "'gone'",
    ),
    "agent-unknown": (
        F + "export const a = pikkuFunc(async (_, __, { rpc }) => rpc.agent.run('gone', {}))\n", "agent-unknown", "src/app.ts:2", "'gone'",
    ),
    "tool-unknown": (
        W + "const plain = () => 1\nexport const a = p.pikkuAIAgent({ name: 'a', model: 'openai/m', tools: [plain] })\n",
        "agent-tool-unknown", "src/app.ts:3", "'a'",
    ),
    "model-malformed": (
        W + "export const a = p.pikkuAIAgent({ name: 'a', model: 'gpt-5' })\n", "agent-model-malformed", "src/app.ts:2", "'gpt-5'",
    ),
    "model-provider-unknown": (
        W + "const model = 'opnai/gpt-5'\nexport const a = p.pikkuAIAgent({ name: 'a', model })\n",
        "agent-model-provider-unknown", "src/app.ts:3", "anthropic, openai",
    ),
    "sub-agent-unknown": (
        OK + "export const a = p.pikkuAIAgent({ name: 'a', model: 'openai/m', agents: [ok] })\n", "agent-sub-agent-unknown", "src/app.ts:3", "'a'",
    ),
    "sub-agent-cycle": (
        W + "export const a = p.pikkuAIAgent({ name: 'a', model: 'openai/m', agents: [b] })\n"
        "export const b = p.pikkuAIAgent({ name: 'b', model: 'openai/m', agents: [a] })\n",
        "agent-cycle", "src/app.ts:2", "a → b → a",
    ),
    "agent-twice": (
        W + "export const a = p.pikkuAIAgent({ name: 'x', model: 'openai/m' })\nexport const b = p.pikkuAIAgent({ name: 'x', model: 'openai/m' })\n",
        "agent-name-twice", "src/app.ts:3", "'x'",
    ),
    "method-unknown": (OK + "p.wireHTTP({ method: 'fetch', route: '/', func: ok })\n", "http-method-unknown", "src/app.ts:3", "'fetch'"),
    "route-no-slash": (OK + "p.wireHTTP({ method: 'get', route: 'books', func: ok })\n", "http-route-invalid", "src/app.ts:3", "start"),
    "route-space": (OK + "p.wireHTTP({ method: 'get', route: '/a b', func: ok })\n", "http-route-invalid", "src/app.ts:3", "'a b'"),
    "route-query": (OK + "p.wireHTTP({ method: 'get', route: '/a?b=1', func: ok })\n", "http-route-invalid", "src/app.ts:3", "a?b"),
    "route-parameter-twice": (OK + "p.wireHTTP({ method: 'get', route: '/:a/:a', func: ok })\n", "http-route-invalid", "src/app.ts:3", "twice"),
    "route-star": (OK + "p.wireHTTP({ method: 'get', route: '/*/a', func: ok })\n", "http-route-invalid", "src/app.ts:3", "last"),
    "route-dots": (OK + "p.wireHTTP({ method: 'get', route: '/../a', func: ok })\n", "http-route-invalid", "src/app.ts:3", "'..'"),
    "channel-route": (OK + "p.wireChannel({ name: 'c', route: 'c', onConnect: ok })\n", "http-route-invalid", "src/app.ts:3", "start"),
    "pattern": (W + "p.addHTTPMiddleware('/a b', [])\n", "http-route-invalid", "src/app.ts:2", "'a b'"),
    "route-twice": (
        OK + "p.wireHTTP({ method: 'get', route: '/a', func: ok })\np.wireHTTP({ method: 'GET', route: '/a', func: ok })\n",
        "http-route-twice", "src/app.ts:4", "src/app.ts:3",
    ),
    "route-same-shape": (
        OK + "p.wireHTTP({ method: 'get', route: '/a/:id', func: ok })\np.wireHTTP({ method: 'get', route: '/a/:name', func: ok })\n",
        "http-route-twice", "src/app.ts:4", "/a/:id",
    ),
    "route-over-exposed": (
        W + "export const a = p.pikkuFunc({ expose: true, func: async () => 1 })\nexport const b = p.pikkuFunc(async () => 1)\n"
        "p.wireHTTP({ method: 'post', route: '/rpc/a', func: b })\n",
        "http-route-reserved", "src/app.ts:4", "'a'",
    ),
    "cron-fields": (OK + "p.wireScheduler({ schedule: '* * * *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "4 fields"),
    "cron-six": (OK + "p.wireScheduler({ schedule: '0 * * * * *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "6 fields"),
    "cron-range": (OK + "p.wireScheduler({ schedule: '61 * * * *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "0-59"),
    "cron-word": (OK + "p.wireScheduler({ schedule: '@daily', func: ok })\n", "schedule-invalid", "src/app.ts:3", "1 field"),
    "cron-backwards": (OK + "p.wireScheduler({ schedule: '0 9-5 * * *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "backwards"),
    "cron-step": (OK + "p.wireScheduler({ schedule: '*/61 * * * *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "beyond 59"),
    "cron-never": (OK + "p.wireScheduler({ schedule: '0 0 31 feb,apr *', func: ok })\n", "schedule-invalid", "src/app.ts:3", "'31'"),
    "missed": (
        OK + "p.wireScheduler({ schedule: '* * * * *', func: ok, missed: 'twice' })\n", "option-invalid", "src/app.ts:3", "'run' or 'skip'",
    ),
    "queue-option": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { maxRetries: -1 } })\n", "option-invalid", "src/app.ts:3", "0 to 100",
    ),
    "queue-duration": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { retryDelay: 'soon' } })\n", "option-invalid", "src/app.ts:3", "up to 12h",
    ),
    "queue-option-object": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { batchSize: {} } })\n", "value-of-wrong-kind", "src/app.ts:3", "a constant",
    ),
    "queue-option-call": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { batchSize: size() } })\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
    "dead-letters-own": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { deadLetterQueue: 'q' } })\n", "queue-dead-letters-own", "src/app.ts:3", "'q'",
    ),
    "dead-letters-reserved": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok, config: { deadLetterQueue: 'pikku-workflow-worker' } })\n",
        "queue-name-reserved", "src/app.ts:3", "workflows",
    ),
    "queue-name-shell": (OK + "p.wireQueueWorker({ name: 'a; rm -rf /', func: ok })\n", "name-invalid", "src/app.ts:3", "rm -rf"),
    "queue-name-toml": (OK + "p.wireQueueWorker({ name: 'a\"\\n[x]', func: ok })\n", "name-invalid", "src/app.ts:3", "Queue"),
    "schedule-name": (OK + "p.wireScheduler({ name: 'a b', schedule: '* * * * *', func: ok })\n", "name-invalid", "src/app.ts:3", "a b"),
    "channel-name": (OK + "p.wireChannel({ name: '../c', route: '/c', onConnect: ok })\n", "name-invalid", "src/app.ts:3", "../c"),
    "agent-name": (W + "export const a = p.pikkuAIAgent({ name: 'a/b', model: 'openai/m' })\n", "name-invalid", "src/app.ts:2", "a/b"),
    "secret-id": (W + "p.wireSecret({ name: 'a', secretId: 'A-B' })\n", "secret-id-invalid", "src/app.ts:2", "A-B"),
    "variable-id": (W + "p.wireVariable({ name: 'a', variableId: '1A' })\n", "secret-id-invalid", "src/app.ts:2", "1A"),
    "queue-twice": (
        OK + "p.wireQueueWorker({ name: 'q', func: ok })\np.wireQueueWorker({ queue: 'q', func: ok })\n", "queue-worker-twice", "src/app.ts:4", "'q'",
    ),
    "queue-reserved": (
        OK + "p.wireQueueWorker({ name: 'pikku-workflow-worker', func: ok })\n", "queue-name-reserved", "src/app.ts:3", "workflows",
    ),
    "schedule-twice": (
        OK + "p.wireScheduler({ schedule: '* * * * *', func: ok })\np.wireScheduler({ schedule: '0 * * * *', func: ok })\n",
        "schedule-name-twice", "src/app.ts:4", "'ok'",
    ),
    "channel-twice": (
        OK + "p.wireChannel({ name: 'c', route: '/a', onConnect: ok })\np.wireChannel({ name: 'c', route: '/b', onConnect: ok })\n",
        "channel-name-twice", "src/app.ts:4", "'c'",
    ),
    "channel-route-twice": (
        OK + "p.wireChannel({ name: 'c', route: '/a', onConnect: ok })\np.wireChannel({ name: 'd', route: '/a', onConnect: ok })\n",
        "channel-route-twice", "src/app.ts:4", "'/a'",
    ),
    "route-of-channel": (
        OK + "p.wireChannel({ name: 'c', route: '/a/:b', onConnect: ok })\np.wireHTTP({ method: 'get', route: '/a/:x', func: ok })\n",
        "http-route-of-channel", "src/app.ts:4", "'c'",
    ),
    "routing-property": (
        OK + "p.wireChannel({ name: 'c', route: '/a', onMessageWiring: { 'a=b': { c: ok } } })\n",
        "name-invalid", "src/app.ts:3", "'a=b'",
    ),
    "mcp-uri": (
        OK + "p.wireMCPResource({ uri: 'shelf', func: ok })\n", "mcp-uri-invalid", "src/app.ts:3", "'shelf'",
    ),
    "mcp-uri-template": (
        OK + "p.wireMCPResource({ uri: 'books://{a/b}', func: ok })\n", "mcp-uri-invalid", "src/app.ts:3", "'books://{a/b}'",
    ),
    "mcp-route": (
        OK + "p.wireMCPTool({ name: 't', func: ok })\np.wireHTTP({ method: 'get', route: '/mcp', func: ok })\n",
        "http-route-of-mcp", "src/app.ts:4", "GET /mcp",
    ),
    "mcp-twice": (
        OK + "p.wireMCPTool({ name: 't', func: ok })\np.wireMCPTool({ name: 't', func: ok })\n", "mcp-name-twice", "src/app.ts:4", "'t'",
    ),
    "trigger-twice": (
        OK + "p.wireTrigger({ name: 't', func: ok })\np.wireTrigger({ name: 't', func: ok })\n", "trigger-name-twice", "src/app.ts:4", "'t'",
    ),
    "trigger-target": (OK + "p.wireTriggerSource({ name: 't', func: ok })\n", "trigger-target-missing", "src/app.ts:3", "'t'"),
    "cli-twice": (
        OK + "p.wireCLI({ program: 'x', commands: { a: ok } })\np.wireCLI({ program: 'x', commands: {} })\n", "cli-program-twice", "src/app.ts:4", "'x'",
    ),
    "cli-name": (OK + "p.wireCLI({ program: 'x', commands: { 'a b': ok } })\n", "name-invalid", "src/app.ts:3", "'a b'"),
    "cli-parameter": (
        OK + "p.wireCLI({ program: 'x', commands: { a: { func: ok, parameters: 'file' } } })\n", "cli-parameters-invalid", "src/app.ts:3", "file is none",
    ),
    "cli-parameter-behind-all": (
        OK + "p.wireCLI({ program: 'x', commands: { a: { func: ok, parameters: '[a...] [b]' } } })\n", "cli-parameters-invalid", "src/app.ts:3", "takes all",
    ),
    "cli-parameter-needed-late": (
        OK + "p.wireCLI({ program: 'x', commands: { a: { func: ok, parameters: '[a] <b>' } } })\n", "cli-parameters-invalid", "src/app.ts:3", "left out",
    ),
    "cli-parameter-twice": (
        OK + "p.wireCLI({ program: 'x', commands: { a: { func: ok, parameters: '<a> <a>' } } })\n", "cli-parameters-invalid", "src/app.ts:3", "twice",
    ),
    "cli-option-name": (
        OK + "p.wireCLI({ program: 'x', options: { 'a=b': {} }, commands: { a: ok } })\n", "cli-option-invalid", "src/app.ts:3", "'a=b'",
    ),
    "cli-option-and-parameter": (
        OK + "p.wireCLI({ program: 'x', commands: { a: { func: ok, parameters: '<b>', options: { b: {} } } } })\n", "cli-option-invalid", "src/app.ts:3", "a parameter",
    ),
    "cli-short": (
        OK + "p.wireCLI({ program: 'x', options: { b: { short: '-b' } }, commands: { a: ok } })\n", "cli-option-invalid", "src/app.ts:3", "no short name",
    ),
    "cli-short-twice": (
        OK + "p.wireCLI({ program: 'x', options: { b: { short: 'b' }, c: { short: 'b' } }, commands: { a: ok } })\n", "cli-option-invalid", "src/app.ts:3", "short for b",
    ),
    "services-twice": (
        W + "export const a = p.pikkuServices(async () => ({}))\nexport const b = p.pikkuServices(async () => ({}))\n",
        "factory-twice", "src/app.ts:3", "pikkuServices",
    ),
    "config-twice": (
        W + "export const a = p.pikkuConfig(async () => ({}))\nexport const b = p.pikkuConfig(async () => ({}))\n",
        "factory-twice", "src/app.ts:3", "pikkuConfig",
    ),
    "secret-twice": (
        W + "p.wireSecret({ name: 'a', secretId: 'A', schema: x })\np.wireSecret({ name: 'a', secretId: 'A', schema: y })\n",
        "secret-declared-twice", "src/app.ts:3", "src/app.ts:2",
    ),
    "object-without-key": (
        OK + "const R = { a: '/a' }\np.wireHTTP({ method: 'get', route: R.b, func: ok })\n", "value-not-constant", "src/app.ts:4", "'b'",
    ),
    "spread-unknown": (
        OK + "p.wireHTTP({ ...base(), method: 'get', route: '/', func: ok })\n", "value-not-constant", "src/app.ts:3", "a call",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_project_says_what_and_where(name: str, tmp_path: Path) -> None:
    files, code, where, words = BROKEN[name]
    found = small(tmp_path, files).problems
    told = "\n".join(map(str, found))
    matching = [problem for problem in found if problem.code in code.split("|")]
    assert matching, told or "no problem"
    assert any(f"{problem.place}".startswith(where) for problem in matching), told
    assert any(words in str(problem) for problem in matching), told
    assert {problem.code for problem in found} <= {*code.split("|"), *_ALONG.get(name, ())}, told


# Codes that come along with the one that a case is about.
_ALONG: dict[str, set[str]] = {
    "utf16": {"syntax-error"},
    "reexport-cycle": {"name-not-exported", "name-not-defined"},
    "secret-twice": {"name-not-defined"},
}


def test_forty_situations_at_least_have_their_own_code() -> None:
    assert len({code for _, code, _, _ in BROKEN.values()}) >= 40


@pytest.mark.parametrize(("entry", "near"), [("getBok", "getBook"), ("nothing-like-it", "name a function")])
def test_serverless_incompatible_must_name_something(entry: str, near: str, tmp_path: Path) -> None:
    found = small(tmp_path, F + GET, {"serverlessIncompatible": ["get-book", "db", entry]}).problems
    assert [problem.code for problem in found] == ["serverless-incompatible-unknown"]
    assert str(found[0].place).startswith("pikku.config.json:1:")
    assert near in str(found[0])


PROGRAM = W + "const a = p.pikkuFunc(async () => 1)\np.wireCLI({ program: 'shop', commands: { a } })\n"
ENTRYPOINTS = {
    "unknown": ({"shp": [{"type": "channel"}]}, "cli-program-unknown", "Did you mean 'shop'?"),
    "route": ({"shop": [{"type": "channel", "route": "cli"}]}, "http-route-invalid", "doesn't start with '/'"),
    "twice": ({"shop": [{"type": "channel"}, {"type": "channel", "name": "b"}]}, "channel-route-twice", "/cli"),
    "type": ({"shop": [{"type": "sse"}]}, "config-bad-value", "'local' or 'channel'"),
    "name": ({"shop": [{"type": "channel", "name": "a b"}]}, "config-bad-value", "a name of letters"),
    "source": ({"shop": [{"type": "channel", "path": "src/cli.gen.ts"}]}, "config-bad-value", "in .pikku"),
    "outside": ({"shop": [{"type": "channel", "path": "../cli.gen.ts"}]}, "config-bad-value", "in .pikku"),
    "sheet": ({"shop": [{"type": "channel", "path": ".pikku/cli.css"}]}, "config-bad-value", "in .pikku"),
}


@pytest.mark.parametrize(("entrypoints", "code", "words"), ENTRYPOINTS.values(), ids=ENTRYPOINTS)
def test_what_a_program_is_offered_by(entrypoints: dict[str, Any], code: str, words: str, tmp_path: Path) -> None:
    files = {"src/app.ts": PROGRAM, "pikku.config.json": json.dumps({"cli": {"entrypoints": entrypoints}})}
    try:
        problems = small(tmp_path, files).problems
    except Problems as error:
        problems = error.problems
    assert [problem.code for problem in problems] == [code], problems
    assert words in str(problems[0])


def test_a_program_is_offered_over_a_channel_of_its_own(tmp_path: Path) -> None:
    offered = {"shop": [{"type": "channel", "name": "tools", "route": "/tools", "path": "bin/shop.gen.mjs"}, {"type": "local"}]}
    files = {"src/app.ts": PROGRAM, "pikku.config.json": json.dumps({"cli": {"entrypoints": offered}})}
    made = small(tmp_path, files)
    assert [(each.name, each.route, each.function_ids) for each in made.manifest.channels] == [("tools", "/tools", ("a",))]
    assert made.units["tools"].depends_on == ("app-a",)
    assert small(tmp_path / "none", PROGRAM).manifest.channels == ()


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    found = small(
        tmp_path,
        {
            "src/a.ts": "const = 1\n",
            "src/b.ts": F + "import { x } from './gone'\nexport const b = pikkuFunc(async () => x)\n",
            "src/c.ts": W + "p.wireScheduler({ schedule: 'never', func: c })\n",
        },
    )
    assert {"syntax-error", "unresolved-import", "schedule-invalid", "name-not-defined"} <= set(found.codes)


def test_an_unwired_function_that_is_not_exported_is_said_and_no_unit(tmp_path: Path) -> None:
    found = small(tmp_path, F + "const hidden = pikkuFunc(async () => 1)\n")
    assert "hidden (src/app.ts:2:16) is neither exported nor wired" in found.info
    assert found.units == {}


def test_columns_count_characters(tmp_path: Path) -> None:
    (problem,) = small(tmp_path, W + "/* ääöö */ p.wireHTTP({ method: 'get', route: '/' })\n").problems
    assert str(problem.place) == "src/app.ts:2:23"


def test_a_broken_file_gives_a_few_problems(tmp_path: Path) -> None:
    assert 1 <= len(small(tmp_path, "const = ;\n" * 500).problems) <= 5
