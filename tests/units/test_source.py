"""One file's facts: imports and their kinds, statements, uses, exports, factories; and any bytes at all."""

import json
import marshal
import time
from textwrap import dedent

import pytest

from unitgraph.units.facts import ImportKind, StatementKind
from unitgraph.units.source import Facts, read_facts


def facts(text: str | bytes, suffix: str = ".ts") -> Facts:
    return read_facts(text if isinstance(text, bytes) else dedent(text).encode(), suffix)


IMPORTS: dict[str, tuple[str, str, ImportKind, list[tuple[str, str]], set[str]]] = {
    "named": ("import { a, b as c } from 'x'\na(c)", "x", ImportKind.VALUE, [("a", "a"), ("b", "c")], set()),
    "default": ("import d from 'x'\nd()", "x", ImportKind.VALUE, [("default", "d")], set()),
    "namespace": ("import * as n from 'x'\nn.a()", "x", ImportKind.VALUE, [("*", "n")], set()),
    "both": ("import d, { a } from 'x'\nd(a)", "x", ImportKind.VALUE, [("default", "d"), ("a", "a")], set()),
    "type": ("import type { A } from 'x'\nlet a: A", "x", ImportKind.TYPE, [("A", "A")], {"A"}),
    "type-modifier": ("import { type A, b } from 'x'\nb()", "x", ImportKind.VALUE, [("A", "A"), ("b", "b")], {"A"}),
    "used-as-type": ("import { A } from 'x'\nlet a: A", "x", ImportKind.TYPE, [("A", "A")], {"A"}),
    "used-in-typeof": ("import { a } from 'x'\nlet b: typeof a.c", "x", ImportKind.TYPE, [("a", "a")], {"a"}),
    "used-as-namespace-type": ("import * as z from 'x'\nlet b: z.infer<T>", "x", ImportKind.TYPE, [("*", "z")], {"z"}),
    "used-in-extends": ("import { A } from 'x'\nclass B extends A {}", "x", ImportKind.VALUE, [("A", "A")], set()),
    "used-shorthand": ("import { a } from 'x'\nf({ a })", "x", ImportKind.VALUE, [("a", "a")], set()),
    "used-as-decorator": ("import { a } from 'x'\n@a() class B {}", "x", ImportKind.VALUE, [("a", "a")], set()),
    "used-in-export": ("import { a } from 'x'\nexport { a }", "x", ImportKind.VALUE, [("a", "a")], set()),
    "used-as-default": ("import { a } from 'x'\nexport default a", "x", ImportKind.VALUE, [("a", "a")], set()),
    "exported-as-type": ("import { A } from 'x'\nexport type { A }", "x", ImportKind.TYPE, [("A", "A")], {"A"}),
    "string-name": ("import { 'a b' as c } from 'x'\nc()", "x", ImportKind.VALUE, [("a b", "c")], set()),
    "attributes": ("import j from './x.json' with { type: 'json' }\nj()", "./x.json", ImportKind.VALUE, [("default", "j")], set()),
    "effect": ("import './x'", "./x", ImportKind.EFFECT, [], set()),
    "dynamic": ("const a = await import('./x')", "./x", ImportKind.DYNAMIC, [], set()),
    "dynamic-template": ("f(() => import(`./x`))", "./x", ImportKind.DYNAMIC, [], set()),
    "require": ("const a = require('./x')", "./x", ImportKind.REQUIRE, [], set()),
    "import-equals": ("import a = require('./x')\na()", "./x", ImportKind.REQUIRE, [("default", "a")], set()),
    "reexport": ("export { a as b, default } from 'x'", "x", ImportKind.REEXPORT, [("a", "b"), ("default", "default")], set()),
    "reexport-star": ("export * from 'x'", "x", ImportKind.REEXPORT, [("*", "*")], set()),
    "reexport-space": ("export * as n from 'x'", "x", ImportKind.REEXPORT, [("*", "n")], set()),
    "reexport-type-star": ("export type * from 'x'", "x", ImportKind.TYPE, [("*", "*")], {"*"}),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPORTS)
def test_imports(name: str) -> None:
    text, specifier, kind, names, types = IMPORTS[name]
    found = facts(text)
    assert found.problems == ()
    (entry,) = found.imports
    assert (entry.specifier, entry.kind, list(entry.names), set(entry.type_names)) == (specifier, kind, names, types)
    quoted = text[entry.specifier_span.start : entry.specifier_span.end]
    assert quoted[1:-1] == specifier


def test_an_unused_import_of_a_script_stays() -> None:
    (entry,) = facts("import { a } from 'x'", ".js").imports
    assert entry.kind is ImportKind.VALUE


def test_typeof_import_is_a_type() -> None:
    assert facts("type A = typeof import('./x')").imports == ()


STATEMENTS: dict[str, tuple[str, StatementKind, tuple[str, ...], bool]] = {
    "const": ("const a = 1, { b, c: [d], ...e } = f", StatementKind.DECLARATION, ("a", "b", "d", "e"), False),
    "export-const": ("export const a = 1", StatementKind.DECLARATION, ("a",), True),
    "function": ("async function a() {}", StatementKind.DECLARATION, ("a",), False),
    "overload": ("function a(b: string): void", StatementKind.TYPE, ("a",), False),
    "class": ("export abstract class A {}", StatementKind.DECLARATION, ("A",), True),
    "enum": ("export const enum A { B }", StatementKind.DECLARATION, ("A",), True),
    "namespace": ("namespace A { export const b = 1 }", StatementKind.DECLARATION, ("A",), False),
    "default-function": ("export default function a() {}", StatementKind.DECLARATION, ("a",), True),
    "default-expression": ("export default { a: 1 }", StatementKind.DECLARATION, ("default",), True),
    "default-class": ("export default class {}", StatementKind.DECLARATION, ("default",), True),
    "default-name": ("export default a", StatementKind.EXPORT_LIST, (), True),
    "list": ("export { a, b as c }", StatementKind.EXPORT_LIST, (), True),
    "type-list": ("export type { a }", StatementKind.TYPE, (), True),
    "interface": ("export interface A {}", StatementKind.TYPE, ("A",), True),
    "alias": ("type A = 1", StatementKind.TYPE, ("A",), False),
    "declare": ("declare const a: string", StatementKind.TYPE, ("a",), False),
    "effect": ("a.b()", StatementKind.EFFECT, (), False),
    "if": ("if (a) b()", StatementKind.EFFECT, (), False),
    "using": ("using a = b()", StatementKind.EFFECT, (), False),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_statements(name: str) -> None:
    text, kind, declares, exported = STATEMENTS[name]
    found = facts(text)
    assert found.problems == ()
    (statement,) = found.statements
    assert (statement.kind, statement.declares, statement.exported) == (kind, declares, exported)
    assert (statement.span.start, statement.span.end) == (0, len(text))


VALID = [
    "class A { accessor b = 1 }", "const a = b.sql<{ c: Map<string, d[]> }>`e ${f}`.g(h)", "await using a = b()", "export type * as t from 'x'", "interface A<in out T> {}", "import defer * as a from 'x'",
    "type A = B extends infer U extends string ? U : never", "let a = b satisfies C as D", "const a = <const T,>(b: T) => b", "let a = b<string>",
    "@dec() export class A { @dec() b!: string; static { } #c? : string }", "for await (const a of b) {}", "a ??= b?.c!.d", "let a = /[/]\\//v",
    "abstract class A { protected abstract readonly b: string }", "function f(this: A, ...b: string[]): asserts b is C {}", "let a: unique symbol",
    "enum A { B = 'x', C = 1 << 2 }", "export {}", "#!/usr/bin/env bun\nlet a = 1", "let a = `x${`y${z}`}`", "declare module 'x' { export const a: 1 }",
    "import a, { type b } from 'x'", "label: for (;;) { break label }", "let a: [b?: string, ...c: number[]]", "let a = 1_000n", "type A = `${B}px`",
]  # fmt: skip


@pytest.mark.parametrize("text", VALID)
def test_valid_typescript_is_no_mistake(text: str) -> None:
    assert facts(text).problems == ()


def test_uses_leave_out_types_imports_and_parameters() -> None:
    text = """\
        import { pikkuFunc } from '#pikku'
        import { db, z } from './db'
        const logger = make()
        export const a = pikkuFunc<z.infer<typeof b>, B>(async ({ db, logger: log }, { b }: B) => db.get(log, b))
        export const c = pikkuFunc(async ({ db: logger }) => ({ logger, z }))
        """
    used = [name for _, name in facts(text).refs]
    assert used.count("z") == 1
    assert "db" not in {local for each in facts(text).imports for _, local in each.names if local not in each.type_names}
    statement = facts(text).statements[3]
    inside = {name for offset, name in facts(text).refs if statement.span.start <= offset < statement.span.end}
    assert "pikkuFunc" in inside
    assert not inside & {"db", "logger", "z"}


def test_uses_in_jsx() -> None:
    found = facts("import { Card } from './card'\nexport const page = () => <Card title={text}>{body}</Card>", ".tsx")
    assert {"Card", "text", "body"} <= {name for _, name in found.refs}
    assert found.imports[0].kind is ImportKind.VALUE


def test_factories_are_taken_apart() -> None:
    text = """\
        import { pikkuServices, pikkuWireServices, pikkuConfig } from '#pikku'
        export const services = pikkuServices(async (config, { secrets, ...rest }) => {
          const url = await secrets.getSecret('URL')
          connect(url)
          return { db: new Db(url), logger, ...others, 'my-kv': kv, close() {} } satisfies Services
        })
        export const wired = pikkuWireServices(async (services, wire) => ({ cart: new Cart(services.db), all: f(services) }))
        export const config = pikkuConfig(async () => { if (a) return {}; return {} })
        export const given = pikkuServices(make)
        """
    source = dedent(text).encode()
    services, wired, config, given = facts(text).factories
    assert [each.name for each in services.properties] == ["db", "logger", None, "my-kv", "close"]
    assert [(each.kind, each.declares) for each in services.body] == [
        (StatementKind.DECLARATION, ("url",)), (StatementKind.EFFECT, ()),
    ]  # fmt: skip
    assert [service for _, service in services.reads] == ["secrets", "*"]
    assert services.returned is not None
    assert source[services.returned.start : services.returned.end].startswith(b"{ db:")
    assert [service for _, service in wired.reads] == ["db", "*"]
    assert (services.sliceable, wired.sliceable, config.sliceable, given.sliceable) == (True, True, False, False)


def test_a_secret_read_is_found_wherever_it_stands() -> None:
    text = """\
        class A {
          constructor(private readonly secrets: S) {}
          key = () => this.secrets.getSecret('A')
        }
        const b = async ({ secrets: s, variables }) => [await s.getSecretJSON<X>('B'), variables.get('C'), map.get('D'), new Set().add('E')]
        // secrets.getSecret('comment')
        const c = "secrets.getSecret('string')"
        """
    assert [(kind, name[3]) for _, kind, name, *_ in facts(text).calls] == [
        ("secret", "A"),
        ("secret", "B"),
        ("variable", "C"),
    ]


def test_facts_survive_the_round_trip() -> None:
    found = facts(
        "import { pikkuFunc } from '#pikku'\nexport const a = pikkuFunc({ tags: ['x'], func: async ({ db }) => db })\n"
    )
    again = Facts.from_data(marshal.loads(marshal.dumps(found.to_data())))
    assert again == found
    assert (again.imports, again.statements, again.refs, again.exports) == (
        found.imports,
        found.statements,
        found.refs,
        found.exports,
    )
    assert again.is_application


def test_offsets_are_bytes() -> None:
    text = "const ä = 'ö'; export const b = ä"
    found = facts(text)
    span = found.statements[1].span
    assert text.encode()[span.start : span.end].decode() == "export const b = ä"
    offset = next(offset for offset, name in reversed(found.refs) if name == "ä")
    assert text.encode()[offset:].decode() == "ä"


BYTES: dict[str, bytes] = {
    "empty": b"",
    "bom": b"\xef\xbb\xbfimport { a } from 'x'\na()\n",
    "crlf": b"const a = 1\r\nexport { a }\r\n",
    "nul": b"\x00" * 100,
    "invalid": b"\xff\xfe\xfd const \x80 = '\xc3'",
    "utf16": "const a = 1".encode("utf-16"),
    "parentheses": b"const a = " + b"(" * 10_000 + b"1" + b")" * 10_000,
    "arrays": b"const a = " + b"[" * 10_000 + b"]" * 10_000,
    "arrays-open": b"import { wireHTTP } from '#pikku'\nwireHTTP(" + b"[" * 10_000,
    "patterns": b"const " + b"[" * 5_000 + b"a" + b"]" * 5_000 + b" = b",
    "calls": b"a" + b"(b" * 5_000 + b")" * 5_000,
    "members": b"import * as p from '#pikku'\nexport const a = p" + b".pikkuFunc" * 5_000,
    "sums": b"const a = " + b"1+" * 10_000 + b"1",
    "blocks": b"{" * 5_000 + b"}" * 5_000,
    "arrows": b"const a = " + b"() => " * 5_000 + b"1",
    "templates": b"const a = " + b"`${" * 2_000 + b"1" + b"}`" * 2_000,
    "long-line": b"const a = '" + b"x" * 1_000_000 + b"'",
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize("suffix", [".ts", ".tsx"])
def test_any_bytes_are_read(name: str, suffix: str) -> None:
    found = read_facts(BYTES[name], suffix)
    assert marshal.loads(marshal.dumps(found.to_data())) == found.to_data()
    json.dumps([found.exports, found.problems, found.specifiers])


def test_a_byte_order_mark_is_no_mistake() -> None:
    found = facts(BYTES["bom"])
    assert found.problems == ()
    assert found.specifiers == ("x",)


def test_a_large_file_is_read_in_bounded_time() -> None:
    text = b"import { z } from 'zod'\n" + b"".join(
        b"export const row%d = z.row({ id: %d, name: 'x' })\n" % (n, n) for n in range(100_000)
    )
    assert len(text) > 5_000_000
    started = time.process_time()
    assert len(read_facts(text, ".ts").exports) == 100_000
    assert time.process_time() - started < 30
