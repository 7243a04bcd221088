"""Slices: what is kept, what it is called, and what never happens twice."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.units.slice_lab import Lab, lab, ref
from unitgraph.units.slice import InPlace, Sliced

BOOKS = """
    import { pikkuFunc, pikkuSessionlessFunc } from '#pikku'
    import type { Book } from './types'
    import { z } from 'zod'
    import { format, unused } from './format'
    import * as helpers from './helpers'
    import './effects'

    interface Local { a: string }
    const PREFIX = 'book'
    const title = (name: string): Local => ({ a: PREFIX + name })
    let counter = 0
    counter = 5

    export const getBooks = pikkuFunc({ func: async ({ db }, data: Book) => title(db) })
    export const addBook = pikkuSessionlessFunc({ input: z.object({}), func: async () => format(helpers.now()) })
    export default pikkuFunc(async () => getBooks)
    function hidden() { return counter }
    export { hidden as shown }
"""
FILES = {
    "package.json": '{ "name": "my-app", "dependencies": { "zod": "4", "stripe": "1" } }',
    "src/books.ts": BOOKS,
    "src/format.ts": "export const format = (x: unknown) => x\nexport const unused = 1\n",
    "src/helpers.ts": "export const now = () => 1\n",
    "src/effects.ts": "console.log('effect')\n",
    "src/types.ts": "export interface Book { id: string }\n",
}


@pytest.fixture
def books(tmp_path: Path) -> Lab:
    return lab(tmp_path, FILES)


def text(made: Lab, root: str, module: str | None = None) -> str:
    return made.text(made.plan(root), module or root.partition("#")[0])


def test_only_what_a_root_reaches_is_kept(books: Lab) -> None:
    assert text(books, "src/books.ts#getBooks") == dedent("""\
        import { pikkuFunc } from '#pikku'
        import 'file:src/effects.ts'
        const PREFIX = 'book'
        const title = (name: string): Local => ({ a: PREFIX + name })
        let counter = 0
        counter = 5
        export const getBooks = pikkuFunc({ func: async ({ db }, data: Book) => title(db) })
    """)


def test_imports_are_narrowed_to_what_is_used(books: Lab) -> None:
    lines = text(books, "src/books.ts#addBook").splitlines()
    assert [line for line in lines if line.startswith("import")] == [
        "import { pikkuSessionlessFunc } from '#pikku'",
        "import { z } from 'zod'",
        "import { format } from 'file:src/format.ts'",
        "import * as helpers from 'file:src/helpers.ts'",
        "import 'file:src/effects.ts'",
    ]


@pytest.mark.parametrize(
    ("local", "exported"), [("hidden", "export { hidden as shown }"), ("PREFIX", "export { PREFIX }")]
)
def test_a_root_is_exported_whatever_the_source_does(books: Lab, local: str, exported: str) -> None:
    plan = books.plan(f"src/books.ts#{local}")
    assert books.text(plan, "src/books.ts").splitlines()[-1] == exported
    assert plan.export_of(ref(f"src/books.ts#{local}"))[1] in exported


def test_an_anonymous_default_export(books: Lab) -> None:
    plan = books.plan("src/books.ts#default")
    assert "export default pikkuFunc(async () => getBooks)" in books.text(plan, "src/books.ts")
    assert plan.export_of(ref("src/books.ts#default")) == (Sliced("src/books.ts"), "default")


def test_files_packages_and_helpers_behind_a_slice(books: Lab) -> None:
    plan = books.plan("src/books.ts#addBook")
    assert plan.in_place == {"src/format.ts", "src/helpers.ts", "src/effects.ts"}
    assert {package.name for package, _ in plan.direct.packages} == {"zod"}
    assert plan.direct.runtime == {"#pikku"}


def test_a_slice_has_one_name_for_all_units_that_need_the_same(books: Lab, tmp_path: Path) -> None:
    first, again = books.plan("src/books.ts#getBooks"), books.plan("src/books.ts#getBooks")
    other = books.plan("src/books.ts#addBook")
    assert first.modules == again.modules
    assert first.modules["src/books.ts"].path != other.modules["src/books.ts"].path
    assert first.modules["src/books.ts"].path.startswith("src/books~")
    elsewhere = lab(tmp_path / "elsewhere", FILES).plan("src/books.ts#getBooks")
    assert elsewhere.modules["src/books.ts"].path == first.modules["src/books.ts"].path


def test_an_edit_of_another_function_changes_neither_name_nor_text(books: Lab, tmp_path: Path) -> None:
    edited = lab(tmp_path / "b", {**FILES, "src/books.ts": BOOKS.replace("format(helpers.now())", "format(unused)\n\n")})
    for made in (books, edited):
        plan = made.plan("src/books.ts#getBooks")
        assert plan.modules["src/books.ts"].path == books.plan("src/books.ts#getBooks").modules["src/books.ts"].path
        assert made.text(plan, "src/books.ts") == text(books, "src/books.ts#getBooks")


def test_lines_can_be_kept_for_source_maps(books: Lab) -> None:
    plan = books.plan("src/books.ts#getBooks")
    lines = books.text(plan, "src/books.ts", keep_lines=True).splitlines()
    source = books.texts["src/books.ts"].decode().splitlines()
    at = next(index for index, line in enumerate(source) if "getBooks =" in line)
    assert lines[at] == source[at]


BARREL = {
    "src/index.ts": "export * from './books'\nexport { help as aid } from './help'\nexport { z } from 'zod'\nexport * as space from './orders'\n",
    "src/books.ts": "import { pikkuFunc } from '#pikku'\nexport const books = pikkuFunc(async () => 1)\nexport const other = pikkuFunc(async () => 2)\n",
    "src/orders.ts": "import { pikkuFunc } from '#pikku'\nexport const order = pikkuFunc(async () => 3)\n",
    "src/help.ts": "export const help = 1\n",
    "src/pure/index.ts": "export * from './inner'\n",
    "src/pure/inner.ts": "export const inner = 1\n",
    "src/app.ts": """
        import { pikkuFunc } from '#pikku'
        import { books as b, aid, z, space } from './index'
        import { inner } from './pure'
        export const one = pikkuFunc(async () => b)
        export const two = pikkuFunc(async () => [aid, z, inner])
        export const three = pikkuFunc(async () => space.order)
        export const four = pikkuFunc(async () => import('./orders'))
    """,
}


def test_barrels_are_gone_past_when_they_lead_to_the_application(tmp_path: Path) -> None:
    made = lab(tmp_path, BARREL)
    plan = made.plan("src/app.ts#one")
    path = plan.modules["src/books.ts"].path
    assert f"import {{ books as b }} from 'slice:{path}'" in made.text(plan, "src/app.ts")
    assert "other" not in made.text(plan, "src/books.ts")
    assert plan.modules.keys() == {"src/app.ts", "src/books.ts"}


def test_helpers_behind_such_a_barrel_come_from_where_they_are(tmp_path: Path) -> None:
    made = lab(tmp_path, {**BARREL, "package.json": FILES["package.json"]})
    lines = made.text(made.plan("src/app.ts#two"), "src/app.ts").splitlines()
    assert "import { help as aid } from 'file:src/help.ts'" in lines
    assert "import { z } from 'zod'" in lines
    assert "import { inner } from 'file:src/pure/index.ts'" in lines


def test_a_namespace_holds_the_whole_module(tmp_path: Path) -> None:
    made = lab(tmp_path, BARREL)
    plan = made.plan("src/app.ts#three")
    assert f"import * as space from 'slice:{plan.modules['src/orders.ts'].path}'" in made.text(plan, "src/app.ts")
    assert "export const order" in made.text(plan, "src/orders.ts")


def test_a_later_import_of_an_application_module_is_its_slice(tmp_path: Path) -> None:
    made = lab(tmp_path, BARREL)
    plan = made.plan("src/app.ts#four")
    assert f"import('slice:{plan.modules['src/orders.ts'].path}')" in made.text(plan, "src/app.ts")


def test_a_module_is_never_in_a_unit_twice(tmp_path: Path) -> None:
    made = lab(tmp_path, {
        "src/state.ts": "import { pikkuFunc } from '#pikku'\nexport const seen = new Set()\nexport const f = pikkuFunc(async () => seen)\n",
        "src/help.ts": "import { seen } from './state'\nexport const mark = () => seen.add(1)\nexport const spare = 2\n",
        "src/app.ts": "import { pikkuFunc } from '#pikku'\nimport { seen } from './state'\nimport { mark } from './help'\nexport const g = pikkuFunc(async () => [mark(), seen])\n",
    })
    plan = made.plan("src/app.ts#g")
    assert plan.modules.keys() == {"src/app.ts", "src/help.ts", "src/state.ts"}
    assert not plan.in_place
    assert "spare" not in made.text(plan, "src/help.ts")


def test_modules_in_a_circle(tmp_path: Path) -> None:
    made = lab(tmp_path, {
        "src/a.ts": "import { pikkuFunc } from '#pikku'\nimport { b } from './b'\nexport const a = pikkuFunc(async () => b)\nexport const a2 = 1\n",
        "src/b.ts": "import { pikkuFunc } from '#pikku'\nimport { a2 } from './a'\nexport const b = pikkuFunc(async () => a2)\n",
    })
    plan, other = made.plan("src/a.ts#a"), made.plan("src/b.ts#b")
    assert plan.modules["src/a.ts"].path != other.modules["src/a.ts"].path
    assert plan.modules["src/b.ts"].path != other.modules["src/b.ts"].path


def test_functions_of_other_units_are_stood_in_for(tmp_path: Path) -> None:
    made = lab(tmp_path, {
        "src/tools.ts": "import { pikkuFunc } from '#pikku'\nimport { big } from 'zod'\nexport const tool = pikkuFunc(async () => big)\n",
        "src/agent.ts": "import { pikkuAIAgent, pikkuFunc } from '#pikku'\nimport { tool as t } from './tools'\nconst near = pikkuFunc(async () => 1)\nexport const agent = pikkuAIAgent({ tools: [t, near] })\n",
    })
    plan = made.plan("src/agent.ts#agent", remote={ref("src/tools.ts#tool"): "tool", ref("src/agent.ts#near"): "near"})
    assert made.text(plan, "src/agent.ts") == dedent("""\
        import { pikkuAIAgent } from '#pikku'
        const near = { remote: 'near' }
        const t = { remote: 'tool' }
        export const agent = pikkuAIAgent({ tools: [t, near] })
    """)
    assert plan.modules.keys() == {"src/agent.ts"}


WIRING = {
    "src/f.ts": "import { pikkuFunc } from '#pikku'\nexport const f = pikkuFunc(async () => 1)\nexport const g = pikkuFunc(async () => 2)\n",
    "src/rows.ts": "import { f, g } from './f'\nexport const rows = [{ path: '/f', func: f }, { path: '/g', func: g }]\n",
    "src/wiring.ts": """
        import { wireHTTP } from '#pikku'
        import { f, g } from './f'
        import { audit } from './audit'
        import { rows } from './rows'
        const base = '/api'
        wireHTTP({ method: 'get', route: base + '/f', middleware: [audit], func: f })
        wireHTTP({ method: 'get', route: '/g', func: g })
        for (const { path, func } of rows) { wireHTTP({ method: 'post', route: path, func }) }
        console.log('wired')
    """,
    "src/audit.ts": "export const audit = 1\n",
}
FIRST = "{ method: 'get', route: base + '/f', middleware: [audit], func: f }"
LOOPED = "{ method: 'post', route: path, func }"


def test_values_of_wirings_are_exported_and_the_calls_are_gone(tmp_path: Path) -> None:
    made = lab(tmp_path, WIRING)
    value = made.expression("src/wiring.ts", FIRST)
    plan = made.plan(values=[value])
    assert plan.values[value] == (Sliced("src/wiring.ts"), "$1")
    assert made.text(plan, "src/wiring.ts") == dedent(f"""\
        import {{ f }} from 'slice:{plan.modules["src/f.ts"].path}'
        import {{ audit }} from 'file:src/audit.ts'
        const base = '/api'
        console.log('wired')
        export const $1 = ({FIRST})
    """)


def test_members_nobody_needs_are_left_out_of_a_value(tmp_path: Path) -> None:
    made = lab(tmp_path, WIRING)
    value = made.expression("src/wiring.ts", FIRST, omit=["route: base + '/f'", "func: f"])
    plan = made.plan(values=[value])
    assert plan.modules.keys() == {"src/wiring.ts"}
    assert "export const $1 = ({ method: 'get',  middleware: [audit],  })" in made.text(plan, "src/wiring.ts")


def test_loop_variables_are_bound_to_their_element(tmp_path: Path) -> None:
    made = lab(tmp_path, WIRING)
    value = made.expression("src/wiring.ts", LOOPED, ("{ path, func }", "src/rows.ts", "{ path: '/g', func: g }"))
    plan = made.plan(values=[value])
    written = made.text(plan, "src/wiring.ts")
    assert f"import {{ $1 as $$_1 }} from 'slice:{plan.modules['src/rows.ts'].path}'" in written
    assert f"export const $1 = /* @__PURE__ */ (() => {{ const {{ path, func }} = $$_1; return ({LOOPED}) }})()" in written
    assert "rows" not in made.text(plan, "src/rows.ts")
    assert "const f =" not in made.text(plan, "src/f.ts")


def test_a_loop_variable_that_is_not_used_brings_nothing(tmp_path: Path) -> None:
    made = lab(tmp_path, WIRING)
    value = made.expression(
        "src/wiring.ts", LOOPED, ("{ path, func }", "src/rows.ts", "{ path: '/g', func: g }"), omit=["route: path", "func"]
    )
    plan = made.plan(values=[value])
    assert plan.modules.keys() == {"src/wiring.ts"}
    assert "export const $1 = ({ method: 'post',  })" in made.text(plan, "src/wiring.ts")


def test_a_root_in_a_helper_module_is_imported_from_there(tmp_path: Path) -> None:
    made = lab(tmp_path, WIRING)
    plan = made.plan("src/audit.ts#audit")
    assert plan.export_of(ref("src/audit.ts#audit")) == (InPlace("src/audit.ts"), "audit")
    assert plan.in_place == {"src/audit.ts"}
