"""Broken projects, each with the code of its error: status 1, the code in brackets, a place, never a traceback."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.harness import Checkout
from tests.system.projects import SHOP

Make = Callable[..., Checkout]
FUNCTION = "import { pikkuSessionlessFunc } from '#pikku'\n"
WIRE = "import { wireHTTP } from '#pikku'\nimport { getBook } from './books.functions.js'\n"


@dataclass(frozen=True, slots=True)
class Broken:
    """``files`` replace or add to the shop's, None removes one; ``place`` is how the error's place begins."""

    code: str
    files: dict[str, str | None] = field(default_factory=dict)
    edits: tuple[tuple[str, str, str], ...] = ()
    place: str = ""


def config(**settings: object) -> dict[str, str | None]:
    return {"pikku.config.json": json.dumps({"srcDirectories": ["src"], **settings}, indent=2)}


def extra(text: str, head: str = "") -> dict[str, str | None]:
    """One more source file."""
    return {"src/extra.ts": head + text}


def function(text: str) -> dict[str, str | None]:
    return extra(text, FUNCTION)


def wiring(text: str) -> dict[str, str | None]:
    return extra(text, WIRE)


PROJECT = {
    "no configuration": Broken("project-not-found", {"pikku.config.json": None}),
    "configuration isn't JSON": Broken("bad-json", {"pikku.config.json": "{ srcDirectories: [ }"}, place="pikku.config.json:1:"),
    "configuration is empty": Broken("bad-json", {"pikku.config.json": ""}, place="pikku.config.json:1:"),
    "configuration is a list": Broken("config-bad-value", {"pikku.config.json": "[]"}),
    "configuration isn't UTF-8": Broken("unreadable-file", {"pikku.config.json": "\udcff\udcfe"}),
    "unknown setting": Broken("config-unknown-key", config(srcDirectorys=["src"]), place="pikku.config.json:"),
    "unknown setting inside": Broken("config-unknown-key", config(deploy={"defaultProvder": "cloudflare"})),
    "setting given twice": Broken("config-duplicate-key", {"pikku.config.json": '{ "srcDirectories": ["src"], "srcDirectories": ["lib"] }'}),
    "setting of another type": Broken("config-bad-value", config(srcDirectories="src")),
    "source folder isn't there": Broken("source-directory-missing", config(srcDirectories=["sources"])),
    "default provider isn't listed": Broken("config-unknown-provider", config(deploy={"providers": {"standalone": "standalone"}, "defaultProvider": "moon"})),
    "provider nobody knows": Broken("unknown-provider", config(deploy={"providers": {"moon": "@acme/moon"}, "defaultProvider": "moon"})),
    "provider of later work": Broken("provider-not-available", config(deploy={"providers": {"aws": "@pikku/deploy-serverless"}, "defaultProvider": "aws"})),
    "no package.json": Broken("package-json-missing", {"package.json": None}),
    "package.json isn't JSON": Broken("bad-json", {"package.json": "{ 'name': 'shop' }"}, place="package.json:1:"),
    "package.json without a name": Broken("project-unnamed", {"package.json": "{}"}),
    "name without a letter": Broken("project-unnamed", {"package.json": '{ "name": "@acme/---" }'}),
    "tsconfig isn't there": Broken("tsconfig-missing", config(tsconfig="./tsconfig.build.json")),
    "tsconfig extends itself": Broken("tsconfig-cycle", {"tsconfig.json": '{ "extends": "./b.json" }', "b.json": '{ "extends": "./tsconfig.json" }'}),
    "tsconfig extends nothing": Broken("tsconfig-missing", {"tsconfig.json": '{ "extends": "./base.json" }'}),
    "tsconfig isn't JSON": Broken("bad-json", {"tsconfig.json": '{ "compilerOptions": '}, place="tsconfig.json:"),
    "tsconfig paths of another type": Broken("tsconfig-bad-value", {"tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": "src/*" } } }'}),
    "number that is too long": Broken("bad-json", {"pikku.config.json": '{ "srcDirectories": ["src"], "deploy": { "standalone": { "port": ' + "9" * 5000 + " } } }"}),
    "types over the sources": Broken("config-bad-value", config(outDir="src")),
    "types over the project": Broken("config-bad-value", config(outDir=".")),
    "types outside the project": Broken("config-bad-value", config(outDir="../elsewhere")),
    "lockfile without a version": Broken("lockfile-unreadable", {"pnpm-lock.yaml": "lockfileVersion: \n"}),
    "lockfile with a merge conflict": Broken("lockfile-unreadable", {"package-lock.json": "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n"}),
}  # fmt: skip

SOURCE = {
    "syntax error": Broken("syntax-error", extra("export const = 1\n"), place="src/extra.ts:1:"),
    "unclosed brace": Broken("syntax-error", extra("export function a() {\n"), place="src/extra.ts:"),
    "unclosed template": Broken("syntax-error", extra("export const a = `open\n"), place="src/extra.ts:"),
    "unclosed string": Broken("syntax-error", extra("export const a = 'open\n"), place="src/extra.ts:1:"),
    "merge conflict": Broken("syntax-error", extra("<<<<<<< HEAD\nexport const a = 1\n=======\nexport const a = 2\n>>>>>>> b\n"), place="src/extra.ts:1:"),
    "not UTF-8": Broken("source-not-utf-eight", extra("export const a = '\udcff'\n"), place="src/extra.ts:1:"),
    "import of no file": Broken("unresolved-import", extra("import { a } from './nothing.js'\nexport const b = a\n"), place="src/extra.ts:1:"),
    "import of a package that isn't installed": Broken("package-not-installed", extra("import { z } from 'zod'\nexport const b = z\n"), place="src/extra.ts:1:"),
    "import of a name that isn't exported": Broken("name-not-exported", wiring("import { getBok } from './books.functions.js'\nwireHTTP({ method: 'get', route: '/x', func: getBok })\n"), place="src/extra.ts:3:"),
    "route from a call": Broken("value-not-constant", wiring("wireHTTP({ method: 'get', route: process.cwd(), func: getBook })\n"), place="src/extra.ts:3:"),
    "route from a let": Broken("value-not-constant", wiring("let route = '/a'\nroute += 'b'\nwireHTTP({ method: 'get', route, func: getBook })\n"), place="src/extra.ts:"),
    "wiring without a route": Broken("option-missing", wiring("wireHTTP({ method: 'get', func: getBook })\n"), place="src/extra.ts:3:"),
    "wiring without a function": Broken("option-missing", wiring("wireHTTP({ method: 'get', route: '/x' })\n"), place="src/extra.ts:3:"),
    "wiring of nothing": Broken("argument-missing", wiring("wireHTTP()\n"), place="src/extra.ts:3:"),
    "wiring of an unknown name": Broken("name-not-defined", wiring("wireHTTP({ method: 'get', route: '/x', func: getNothing })\n"), place="src/extra.ts:3:"),
    "wiring of what isn't a function": Broken("not-an-authored-function", wiring("const plain = 3\nwireHTTP({ method: 'get', route: '/x', func: plain })\n"), place="src/extra.ts:4:"),
    "wiring inside a function": Broken("authoring-call-misplaced", wiring("export function later() {\n  wireHTTP({ method: 'get', route: '/x', func: getBook })\n}\n"), place="src/extra.ts:4:"),
    "wiring in a condition": Broken("authoring-call-misplaced", wiring("if (process.env.X) {\n  wireHTTP({ method: 'get', route: '/x', func: getBook })\n}\n"), place="src/extra.ts:4:"),
    "loop over what isn't constant": Broken("value-not-constant", wiring("declare function names(): string[]\nfor (const route of names()) {\n  wireHTTP({ method: 'get', route, func: getBook })\n}\n"), place="src/extra.ts:4:"),
    "method nobody knows": Broken("http-method-unknown", wiring("wireHTTP({ method: 'fetch', route: '/x', func: getBook })\n"), place="src/extra.ts:3:"),
    "route that is malformed": Broken("http-route-invalid", wiring("wireHTTP({ method: 'get', route: 'no slash', func: getBook })\n"), place="src/extra.ts:3:"),
    "one route wired twice": Broken("http-route-twice", wiring("wireHTTP({ method: 'get', route: '/books/:id', func: getBook })\n"), place="src/"),
    "two functions of one name": Broken("function-name-twice", function("export const getBook = pikkuSessionlessFunc(async () => 1)\n"), place="src/"),
    "two functions that come to one unit": Broken("unit-name-twice", function("export const getBOOK = pikkuSessionlessFunc(async () => 1)\n"), place="src/"),
    "function that nobody can name": Broken("authoring-call-misplaced", function("pikkuSessionlessFunc(async () => 1)\n"), place="src/extra.ts:2:"),
    "function without its body": Broken("function-without-func", function("export const empty = pikkuSessionlessFunc({})\n"), place="src/extra.ts:2:"),
    "schedule that isn't cron": Broken("schedule-invalid", wiring("import { wireScheduler } from '#pikku'\nwireScheduler({ name: 'x', schedule: 'daily', func: getBook })\n"), place="src/extra.ts:4:"),
    "schedule out of range": Broken("schedule-invalid", wiring("import { wireScheduler } from '#pikku'\nwireScheduler({ name: 'x', schedule: '61 * * * *', func: getBook })\n"), place="src/extra.ts:4:"),
    "two consumers of one queue": Broken("queue-worker-twice", wiring("import { wireQueueWorker } from '#pikku'\nimport { listBooks } from './books.functions.js'\nwireQueueWorker({ queue: 'q', func: getBook })\nwireQueueWorker({ queue: 'q', func: listBooks })\n"), place="src/extra.ts:"),
    "two schedules of one name": Broken("schedule-name-twice", wiring("import { wireScheduler } from '#pikku'\nwireScheduler({ name: 'x', schedule: '0 3 * * *', func: getBook })\nwireScheduler({ name: 'x', schedule: '0 4 * * *', func: getBook })\n"), place="src/extra.ts:"),
    "call of a function that isn't there": Broken("function-unknown", function("export const caller = pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.invoke('getBok'))\n"), place="src/extra.ts:2:"),
    "workflow step that isn't there": Broken("workflow-step-unknown", extra("import { pikkuWorkflow } from '#pikku'\nexport const flow = pikkuWorkflow({ func: async ({ workflow }) => { await workflow.do('Go', 'goNowhere', {}) } })\n"), place="src/extra.ts:2:"),
    "agent's tool that isn't there": Broken("agent-tool-unknown", extra("import { pikkuAIAgent } from '#pikku'\nexport const helper = pikkuAIAgent({ name: 'helper', model: 'a/b', tools: [nothing] })\n"), place="src/extra.ts:2:"),
    "two services factories": Broken("factory-twice", extra("import { pikkuServices } from '#pikku'\nexport const more = pikkuServices(async () => ({}))\n"), place="src/"),
    "deploy target nobody knows": Broken("value-of-wrong-kind", function("export const odd = pikkuSessionlessFunc({ deploy: 'moon', func: async () => 1 })\n"), place="src/extra.ts:2:"),
    "serverless-incompatible name nobody knows": Broken("serverless-incompatible-unknown", config(deploy={"serverlessIncompatible": ["transcode"]}), place="pikku.config.json:"),
    "tags that aren't constant": Broken("value-not-constant", function("export const odd = pikkuSessionlessFunc({ tags: [process.cwd()], func: async () => 1 })\n"), place="src/extra.ts:2:"),
    "barrels in a circle": Broken("reexport-cycle", {"src/a.ts": "export { x } from './b.js'\n", "src/b.ts": "export { x } from './a.js'\n", "src/extra.ts": "import { wireHTTP } from '#pikku'\nimport { x } from './a.js'\nwireHTTP({ method: 'get', route: '/x', func: x })\n"}, place="src/"),
    "two channels of one name": Broken("channel-name-twice", extra("import { wireChannel } from '#pikku'\nwireChannel({ name: 'c', route: '/c' })\nwireChannel({ name: 'c', route: '/d' })\n"), place="src/extra.ts:"),
    "secret declared twice": Broken("secret-declared-twice", extra("import { wireSecret } from '#pikku'\nwireSecret({ name: 'a', secretId: 'KEY' })\nwireSecret({ name: 'b', secretId: 'KEY' })\n"), place="src/extra.ts:"),
    "tool that isn't a function": Broken("agent-tool-unknown", extra("import { pikkuAIAgent } from '#pikku'\nconst plain = 3\nexport const helper = pikkuAIAgent({ name: 'helper', model: 'a/b', tools: [plain] })\n"), place="src/extra.ts:3:"),
    "wiring that is passed on": Broken("authoring-name-passed-on", wiring("export const wire = wireHTTP\n"), place="src/extra.ts:3:"),
    "wiring of somebody else's": Broken("authoring-name-foreign", extra("import { wireHTTP } from './books.functions.js'\nwireHTTP({ method: 'get', route: '/x', func: 1 })\n"), place="src/extra.ts:1:"),
    "function exported under two names": Broken("function-exported-twice", function("const one = pikkuSessionlessFunc(async () => 1)\nexport { one, one as two }\n"), place="src/extra.ts:"),
    "function whose name is no unit's": Broken("function-name-invalid", function("export const größe = pikkuSessionlessFunc(async () => 1)\n"), place="src/extra.ts:2:"),
    "function whose unit's name is too long": Broken("unit-name-too-long", function(f"export const a{'b' * 80} = pikkuSessionlessFunc(async () => 1)\n"), place="src/extra.ts:2:"),
    "call of a function that isn't exposed": Broken("function-not-exposed", function("export const caller = pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.exposed('getBook', { id: '1' }))\n"), place="src/extra.ts:2:"),
    "start of a workflow that isn't there": Broken("workflow-unknown", function("export const caller = pikkuSessionlessFunc(async (_s, _d, { rpc }) => rpc.startWorkflow('flow', {}))\n"), place="src/extra.ts:2:"),
    "trigger source that calls nothing": Broken("trigger-target-missing", extra("import { pikkuTriggerFunc, wireTriggerSource } from '#pikku'\nexport const watch = pikkuTriggerFunc(async () => async () => {})\nwireTriggerSource({ name: 'door', func: watch })\n"), place="src/extra.ts:3:"),
    "queue with a name of two words": Broken("name-invalid", wiring("import { wireQueueWorker } from '#pikku'\nwireQueueWorker({ queue: 'two words', func: getBook })\n"), place="src/extra.ts:4:"),
    "queue that belongs to workflows": Broken("queue-name-reserved", wiring("import { wireQueueWorker } from '#pikku'\nwireQueueWorker({ queue: 'pikku-workflow-worker', func: getBook })\n"), place="src/extra.ts:4:"),
    "secret whose id is no variable's": Broken("secret-id-invalid", extra("import { wireSecret } from '#pikku'\nwireSecret({ name: 'a', secretId: 'my key; rm -rf' })\n"), place="src/extra.ts:2:"),
    "schedule that a shell could run": Broken("schedule-invalid", wiring("import { wireScheduler } from '#pikku'\nwireScheduler({ name: 'x', schedule: '$(reboot)', func: getBook })\n"), place="src/extra.ts:4:"),
    "agents in a circle": Broken("agent-cycle", extra("import { pikkuAIAgent } from '#pikku'\nexport const a = pikkuAIAgent({ name: 'a', model: 'openai/y', agents: [b] })\nexport const b = pikkuAIAgent({ name: 'b', model: 'openai/y', agents: [a] })\n"), place="src/extra.ts:"),
    "import with a computed name": Broken("import-computed", function("export const odd = pikkuSessionlessFunc(async (_s, _d) => (await import(`./lib/${process.argv[2]}.ts`)).heading('x'))\n"), place="src/extra.ts:2:"),
    "import with a computed name in a helper": Broken("import-computed", edits=(("src/lib/text.ts", "return `heading", "void import(`./${text}.ts`)\n  return `heading"),)),
    "export that a helper doesn't have": Broken("bundle-failed", edits=(("src/lib/money.ts", "{ round }", "{ rond as round }"),), place="src/lib/money.ts:1:"),
}  # fmt: skip

CASES = PROJECT | SOURCE


def arrange(checkout: Make, case: Broken) -> Checkout:
    broken = checkout({path: text for path, text in SHOP.items() if case.files.get(path, text) is not None}, name="shop")
    for path, text in case.files.items():
        if text is not None:
            target = broken.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8", "surrogateescape"))
    for path, old, new in case.edits:
        broken.edit(path, old, new)
    return broken


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_broken_project_is_told_what_is_wrong(checkout: Make, case: Broken) -> None:
    done = arrange(checkout, case).run("plan", status=None)
    assert done.status == 1, done.text
    assert "Traceback" not in done.text
    lines = [line for line in done.text.splitlines() if f"[{case.code}]" in line]
    assert lines, f"no [{case.code}] in:\n{done.text}"
    assert any(line.startswith(case.place) for line in lines), done.text
    if case.place.startswith("src/"):
        assert any(re.match(r"\S+:\d+:\d+: ", line) for line in lines), done.text


def test_there_are_forty_cases() -> None:
    assert len(CASES) >= 40


def test_all_problems_come_at_once_sorted_by_place(checkout: Make) -> None:
    wanted = [
        "syntax error", "import of no file", "route from a call", "schedule out of range", "deploy target nobody knows",
        "call of a function that isn't there",
    ]  # fmt: skip
    files = {f"src/z{number}.ts": SOURCE[name].files["src/extra.ts"] for number, name in enumerate(wanted)}
    done = arrange(checkout, Broken("", dict(files))).run("plan", status=1)
    codes = [SOURCE[name].code for name in wanted]
    found = [re.search(r"\[([a-z0-9-]+)\]$", line) for line in done.text.splitlines()]
    assert [match[1] for match in found if match] == codes
    places = [line for line in done.text.splitlines() if line.startswith("src/")]
    assert places == sorted(places)


def test_json_stays_json_where_a_project_is_broken(checkout: Make) -> None:
    done = arrange(checkout, SOURCE["syntax error"]).run("plan", "--json", status=1)
    assert done.out == "" or json.loads(done.out)
