"""Factories cut to the services that a unit asks for."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.units.slice_lab import Lab, lab, ref

SERVICES = """
    import { pikkuConfig, pikkuServices, pikkuWireServices, requiredSingletonServices } from '#pikku'
    import { Logger } from './logger'
    import { Db, migrate } from './db'
    import { Stripe } from './stripe'
    import { Search } from './search'
    import { Session } from './session'
    import { tune } from './tune'

    export const createConfig = pikkuConfig(async () => ({ url: 'x' }))

    export const createSingletonServices = pikkuServices(async (config, existing) => {
      tune()
      const logger = new Logger(config.level)
      const db = new Db(config.url)
      await db.migrate(logger)
      let stripe: Stripe | undefined
      if (requiredSingletonServices.stripe) {
        const { connect } = await import('./connect')
        stripe = connect(new Stripe(), logger)
      }
      const { search, other } = Search.make(db) // both
      logger.info('ready', db, search)
      process.on('exit', () => { db.close(); search.close() })
      return {
        logger,
        db, // the database
        stripe,
        search, /* finds */ other,
        clock: () => Date.now(),
        get late() { return tune },
        ...existing,
      }
    })

    export const createWireServices = pikkuWireServices(async ({ db, logger, search }, session) => {
      return {
        userSession: new Session(db),
        trace: logger.child(),
      }
    })
"""
FILES = {
    "src/services.ts": SERVICES,
    "src/logger.ts": "export class Logger { constructor(readonly level?: string) {} info(...x: unknown[]) {} child() { return 'child' } }\n",
    "src/db.ts": "export class Db { ready = false; constructor(readonly url: string) {} async migrate(l: unknown) { this.ready = !!l } close() {} }\nexport const migrate = 1\n",
    "src/stripe.ts": "export class Stripe { name = 'STRIPE-CODE' }\n",
    "src/connect.ts": "export const connect = (s: { name: string }, l: unknown) => ({ ...s, via: 'CONNECT-CODE', l })\n",
    "src/search.ts": "export const Search = { make: (db: unknown) => ({ search: { db, close() {} }, other: 'SEARCH-CODE' }) }\n",
    "src/session.ts": "export class Session { constructor(readonly db: unknown) {} }\n",
    "src/tune.ts": "export const tune = () => 'TUNE'\n",
    "src/guard.ts": "import { pikkuMiddleware, pikkuFunc } from '#pikku'\nexport const guard = pikkuMiddleware(async ({ logger }, _, next) => next())\nexport const f = pikkuFunc({ middleware: [guard], func: async () => 1 })\n",
}
PARTS = {
    "config": "src/services.ts#createConfig",
    "services": "src/services.ts#createSingletonServices",
    "wire_services": "src/services.ts#createWireServices",
}


@pytest.fixture
def made(tmp_path: Path) -> Lab:
    return lab(tmp_path, FILES, helpers=[("src/guard.ts", "pikkuMiddleware(async ({ logger }, _, next) => next())", "logger")], **PARTS)


def cut(made: Lab, *services: str) -> str:
    return made.text(made.plan(services=frozenset(services)), "src/services.ts")


def test_one_service_with_what_it_needs(made: Lab) -> None:
    assert cut(made, "clock") == dedent("""\
        import { pikkuConfig, pikkuServices } from '#pikku'
        import { tune } from 'file:src/tune.ts'
        export const createConfig = /* @__PURE__ */ pikkuConfig(async () => ({ url: 'x' }))
        export const createSingletonServices = /* @__PURE__ */ pikkuServices(async (config, existing) => {
          tune()
          return {
            clock: () => Date.now(),
            ...existing,
          }
        })
    """)


def test_what_makes_a_service_ready_comes_along(made: Lab) -> None:
    written = cut(made, "db")
    assert "await db.migrate(logger)" in written
    assert "new Logger" in written
    assert "logger.info" not in written
    assert "process.on" not in written
    assert "Search" not in written
    assert "stripe" not in written.lower()


def test_what_only_logs_stays_when_all_that_it_names_does(made: Lab) -> None:
    written = cut(made, "search", "logger")
    assert "logger.info('ready', db, search)" in written
    assert "process.on('exit'" in written


def test_a_declaration_of_several_names_is_kept_as_a_whole(made: Lab) -> None:
    assert "const { search, other } = Search.make(db)" in cut(made, "other")


def test_an_assignment_in_a_condition_belongs_to_what_it_assigns(made: Lab) -> None:
    written = cut(made, "stripe")
    assert "if (true) {" in written
    assert "import('file:src/connect.ts')" in written
    assert "new Logger" in written


def test_all_services(made: Lab) -> None:
    plan = made.plan(services=frozenset(), all_services=True)
    written = made.text(plan, "src/services.ts")
    assert "if (true) {" in written
    assert "get late() { return tune }" in written
    assert plan.all_services


def test_wire_services_ask_for_the_singletons_that_they_read(made: Lab) -> None:
    plan = made.plan(services=frozenset({"userSession"}))
    assert plan.services == {"userSession", "db"}
    written = made.text(plan, "src/services.ts")
    assert "new Db(config.url)" in written
    assert "logger.child" not in written
    assert ref(PARTS["wire_services"]) in plan.exports


def test_a_factory_that_would_build_nothing_is_not_called(made: Lab) -> None:
    assert ref(PARTS["wire_services"]) not in made.plan(services=frozenset({"db"})).exports


def test_kept_middleware_asks_for_its_services(made: Lab) -> None:
    plan = made.plan("src/guard.ts#f", services=frozenset())
    assert plan.services == {"logger"}
    assert [helper.module for helper in plan.helpers] == ["src/guard.ts"]
    assert "new Logger" in made.text(plan, "src/services.ts")


def test_without_services_no_factory_is_touched(made: Lab) -> None:
    plan = made.plan("src/guard.ts#f")
    assert plan.modules.keys() == {"src/guard.ts"}
    assert ref(PARTS["config"]) not in plan.exports


def test_units_with_the_same_services_share_the_slice(made: Lab) -> None:
    paths = {made.plan(services=frozenset(names)).modules["src/services.ts"].path for names in (["db"], ["db", "rpc"])}
    assert len(paths) == 1
    assert made.plan(services=frozenset({"logger"})).modules["src/services.ts"].path not in paths


@pytest.mark.parametrize(
    ("body", "wanted", "kept", "gone"),
    [
        pytest.param("pikkuServices(async () => ({ a: A(), b: B() }))", "a", ["A()"], ["B()"], id="arrow-with-an-object"),
        pytest.param("pikkuServices(async () => { if (A()) return { a: 1 }; return { b: B() } })", "b", ["A()", "B()"], [], id="not-sliceable"),
        pytest.param("pikkuServices(async () => { const a = A(); const b = B(a); return { a, b } })", "a", ["A()"], ["B("], id="one-line"),
        pytest.param("pikkuServices(async function () { const b = B(); function a() { return A(b) } return { a, b } })", "a", ["A(b)", "B()"], [], id="function"),
        pytest.param("pikkuServices(async () => { const a = A(); a.on = B(); return { a } as const })", "a", ["A()", "B()"], [], id="assigned-member"),
        pytest.param("pikkuServices(async () => { const a = A(), b = B(); return { a } })", "a", ["A()", "B()"], [], id="one-declaration"),
        pytest.param("pikkuServices(async () => { let a; let b; a = A(); b = B(); return { a, b } })", "b", ["B()"], ["A()"], id="assigned-later"),
        pytest.param("pikkuServices(async () => { const a = A(); const b = B(); a.register(b); return { a, b } })", "b", ["B()"], ["A()"], id="registered"),
        pytest.param("pikkuServices(async () => { const a = A(); const b = B(); await setUp(a, b); return { a, b } })", "a", ["A()", "B()", "setUp(a, b)"], [], id="handed-out"),
        pytest.param("pikkuServices(async () => { const a = A(); try { await a.open() } catch (e) { B(e) } return { a, c: 1 } })", "c", [], ["A()", "B("], id="try"),
        pytest.param("pikkuServices(async () => { return { a: A(), 'b': B(), ['c']: 1 } })", "a", ["A()", "['c']: 1"], ["B()"], id="keys"),
        pytest.param("pikkuServices(async () => ({ a: A(), rest: requiredSingletonServices.a ? B() : 0 }))", "rest", ["false ? B() : 0"], ["A()"], id="constant"),
        pytest.param("pikkuServices(async () => { const has = requiredSingletonServices; return { a: has['a'], b: B() } })", "a", ["has = ({ a: true })"], ["B()"], id="escaped-constant"),
        pytest.param("pikkuServices(async () => ({ a: { ...A(), deep: requiredSingletonServices?.a } }))", "a", ["deep: true"], [], id="optional"),
    ],
)  # fmt: skip
def test_forms(tmp_path: Path, body: str, wanted: str, kept: list[str], gone: list[str]) -> None:
    made = lab(tmp_path, {
        "src/s.ts": f"import {{ pikkuServices, requiredSingletonServices }} from '#pikku'\nimport {{ A, B, setUp }} from './x'\nexport const s = {body}\n",
        "src/x.ts": "export const A = 1, B = 2, setUp = 3\n",
    }, services="src/s.ts#s")
    written = made.text(made.plan(services=frozenset({wanted})), "src/s.ts")
    assert [part for part in kept if part not in written] == []
    assert [part for part in gone if part in written] == []
