"""What is read of zod's schemas in their source is what zod itself says of them, run; and what can't be read is said."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.units.small import Small, small
from unitgraph.rules.toolchain import ensure, user_cache
from unitgraph.units.openapi_schemas import Schemas
from unitgraph.units.schema_parts import No

HEAD = "import * as z from 'zod'\n"
MODULE = """
export const Isbn = z.string().regex(/^\\d{13}$/, 'An ISBN has 13 digits.')
export const kinds = ['novel', 'poem'] as const
export const Kind = z.enum(kinds)
enum Colour { Red = 'red', Blue = 'blue' }
export const Book = z.object({ isbn: Isbn, title: z.string().min(1), kind: Kind.optional(), 'page-count': z.number().int().positive() })
export const Priced = Book.extend({ price: z.number().nonnegative() })
"""
# Name → a schema that stands in a module with the constants above.
READ = {
    "text": "z.string().min(2).max(5)",
    "text of a length": "z.string().length(3).trim()",
    "email": "z.email()",
    "email of a text": "z.string().email('No address').max(80)",
    "url": "z.url()",
    "uuid": "z.uuid()",
    "moment": "z.iso.datetime()",
    "day": "z.iso.date()",
    "pattern": "z.string().regex(/^[a-z]+$/u)",
    "number": "z.number().gt(1).lt(5)",
    "number between": "z.number().gte(-1.5).lte(5).multipleOf(0.5)",
    "positive": "z.number().positive()",
    "boolean": "z.boolean()",
    "null": "z.null()",
    "anything": "z.any()",
    "never": "z.never()",
    "literal": "z.literal('x')",
    "literals": "z.literal(['x', 'y', 3])",
    "enum": "z.enum(['a', 'b'])",
    "enum of an object": "z.enum({ A: 'a', B: 'b' })",
    "enum by name": "Kind",
    "object": "z.object({ a: z.string(), b: z.number().optional(), c: z.boolean().nullable(), d: z.string().nullish() })",
    "default": "z.object({ page: z.number().default(1), order: z.enum(['up', 'down']).default('up') })",
    "names": "Priced",
    "partial": "Book.partial()",
    "partial of some": "Book.partial({ isbn: true })",
    "pick": "Book.pick({ isbn: true, title: true })",
    "omit": "Book.omit({ isbn: true })",
    "required": "Book.required()",
    "shape": "z.object({ ...Book.shape, more: Book.shape.title })",
    "merge": "Book.merge(z.object({ title: z.number() }))",
    "catchall": "z.object({ a: z.string() }).catchall(z.number())",
    "list": "z.array(z.string()).min(1).max(3)",
    "list by a method": "Kind.array().nonempty()",
    "pair": "z.tuple([z.string(), z.number()])",
    "record": "z.record(z.string(), z.array(z.number()))",
    "union": "z.union([z.string(), z.number()])",
    "either": "z.string().or(z.boolean())",
    "told apart": "z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b'), n: z.number() })])",
    "nullable of a list": "z.array(z.string()).nullable()",
    "description": "z.string().describe('A word.')",
    "meta": "z.string().meta({ title: 'Word', description: 'A word.' })",
    "secret": "z.object({ a: z.string().min(8).meta({ format: 'password' }), b: z.number().meta({ writeOnly: true }).optional() })",
    "refined": "z.string().refine((text) => text !== 'x').brand('Word').readonly()",
    "coerced": "z.coerce.boolean()",
    "wrapped": "(z.object({ a: z.optional(z.string()) }) satisfies z.ZodType)",
}  # fmt: skip

# What JSON Schema has no word for, or where we say more than zod does: (name, side) → what is read.
OTHERWISE: Mapping[tuple[str, str], tuple[str, Any]] = {
    ("both", "input"): ("z.string().min(1).and(z.string().max(2))", {"allOf": [{"type": "string", "minLength": 1}, {"type": "string", "maxLength": 2}]}),
    ("date", "input"): ("z.date()", {"type": "string", "format": "date-time"}),
    ("bigint", "output"): ("z.bigint()", {"type": "string", "pattern": "^-?\\d+$"}),
    ("transform", "input"): ("z.string().transform((text) => text.length)", {"type": "string"}),
    ("transform", "output"): ("z.string().transform((text) => text.length)", {}),
    ("pipe", "output"): ("z.string().transform(Number).pipe(z.number())", {"type": "number"}),
    ("coerced number", "input"): ("z.coerce.number<string | number>().int().min(1)", {"type": "integer", "minimum": 1}),
    ("a flag", "input"): ("z.string().regex(/x/i)", {"type": "string"}),
    ("catch", "input"): ("z.object({ a: z.string().catch('x') })", {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}),
}  # fmt: skip

UNREADABLE = {
    "an instance": "z.instanceof(Date)",
    "a function": "make()",
    "a call of something else": "z.string().custom()",
    "itself": "z.lazy(() => Tree)",
    "a package": "Elsewhere",
    "computed members": "z.object({ ['a' + 'b']: z.string() })",
    "computed choices": "z.enum(load())",
}
REST = """
import { Elsewhere } from 'elsewhere'
declare const make: () => z.ZodType<any>, load: () => string[]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Small:
    expressions = [*READ.values(), *(source for source, _ in OTHERWISE.values()), *UNREADABLE.values()]
    lines = [f"export const schema{number} = {source}" for number, source in enumerate(expressions)]
    text = HEAD + REST + MODULE + "\n".join(lines) + "\n"
    return small(tmp_path_factory.mktemp("zod"), {"src/schemas.ts": text})


def read(project: Small, number: int, side: str) -> Any:
    schemas = Schemas(project.facts, project.resolver, project.project.sources.read)
    return schemas.constant("src/schemas.ts", f"schema{number}", "output" if side == "output" else "input")


def said_by_zod(folder: Path) -> list[dict[str, Any]]:
    """What zod makes of the same expressions, on both sides."""
    dev = ensure("dev", user_cache(os.environ))
    (folder / "node_modules").symlink_to(dev.modules)
    rows = ", ".join(READ.values())
    text = f"""{HEAD}{MODULE}
        const told = [{rows}].map((schema) => Object.fromEntries(['input', 'output'].map((io) => [io, z.toJSONSchema(schema, {{ io }})])))
        console.log(JSON.stringify(told))
        """
    (folder / "told.ts").write_text(text)
    done = subprocess.run([dev.bun, "told.ts"], cwd=folder, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def zod(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return dict(zip(READ, said_by_zod(tmp_path_factory.mktemp("told")), strict=True))


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("name", READ)
def test_it_is_what_zod_says(project: Small, zod: Mapping[str, Mapping[str, Any]], name: str, side: str) -> None:
    assert plain(read(project, list(READ).index(name), side)) == plain(zod[name][side])


@pytest.mark.parametrize(("name", "side"), OTHERWISE)
def test_what_only_we_say(project: Small, name: str, side: str) -> None:
    number = len(READ) + list(OTHERWISE).index((name, side))
    assert read(project, number, side) == OTHERWISE[name, side][1]


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_read(project: Small, name: str) -> None:
    number = len(READ) + len(OTHERWISE) + list(UNREADABLE).index(name)
    with pytest.raises(No):
        read(project, number, "input")


# Zod says formats' patterns besides, closes what comes out, and names the integers that JavaScript has.
_PATTERNED = {"email", "uri", "uuid", "date-time", "date"}


def plain(schema: Any) -> Any:
    """The same, said in one way: the two differ in words for one thing."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: plain(value) for key, value in schema.items() if key not in ("$schema", "readOnly")}
    if made.get("format") in _PATTERNED:
        made.pop("pattern", None)
    if made.get("additionalProperties") in (False, {}):
        del made["additionalProperties"]
    if made.get("type") == "integer":
        made = {key: value for key, value in made.items() if key not in ("minimum", "maximum") or abs(value) < 2**53 - 1}
    if made.get("propertyNames") == {"type": "string"}:
        del made["propertyNames"]
    if isinstance(made.get("type"), list):
        first, second = made["type"]
        return {"anyOf": [made | {"type": first}, {"type": second}]}
    if "enum" in made or "const" in made:
        made.pop("type", None)
    if "prefixItems" in made:
        made = {key: value for key, value in made.items() if key not in ("items", "minItems", "maxItems")}
    return made
