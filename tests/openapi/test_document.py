"""The document of an application: what it says of routes, data, answers and sign-ins, held to OpenAPI's own schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.harness import REPOSITORY
from tests.units.small import Small, read_all, small
from unitgraph.units.analyze import analyze
from unitgraph.units.openapi import About, Sides, document, render
from unitgraph.units.openapi_auth import SignIns
from unitgraph.units.openapi_schemas import Schemas
from unitgraph.units.project import load_project
from unitgraph.units.resolve import Resolver

Json = dict[str, Any]
MANY = {
    "src/types.ts": """
        import * as z from 'zod'
        export interface Tree { name: string; children: Tree[] }
        export interface Visit { at: Date; size: bigint; by?: string | null; kind: 'short' | 'long' }
        export const Note = z.object({ text: z.string().max(80), stars: z.number().int().optional() })
        export type Note = z.infer<typeof Note>
        """,
    "src/other.ts": "export interface Tree { size: number; parts: Tree[] }",
    "src/functions.ts": """
        import * as z from 'zod'
        import { authAPIKey, authCookie, pikkuFunc, pikkuListFunc, pikkuSessionlessFunc, pikkuVoidFunc, pikkuWorkflow, addHTTPMiddleware, wireHTTP, wireHTTPRoutes } from '#pikku'
        import { Note, type Tree, type Visit } from './types.ts'
        import type { Tree as Other } from './other.ts'

        const keyed = authAPIKey({ header: 'x-shop-key', secretId: 'KEY' })
        addHTTPMiddleware('/admin/*', [keyed])
        addHTTPMiddleware('/me', [authCookie({ name: 'shop' })])

        export const getTree = pikkuSessionlessFunc<{ id: string; depth?: number }, Tree>(async () => ({ name: '', children: [] }))
        export const getOther = pikkuSessionlessFunc<void, Other>(async () => ({ size: 1, parts: [] }))
        export const visits = pikkuListFunc<{ since: Date; kinds?: ('short' | 'long')[] }, Visit[]>(async () => [])
        export const me = pikkuFunc<void, { id: string }>({ title: 'Me', description: 'Who I am.', func: async () => ({ id: '' }) })
        export const note = pikkuFunc<Note & { id: string }, { note: Note; of: Promise<string> }>({ tags: ['notes'], func: async () => null as never })
        export const forget = pikkuVoidFunc<{ id: number; hard?: boolean }>(async () => {})
        export const purge = pikkuVoidFunc<{ ids: { from: number } }>(async () => {})
        export const page = pikkuSessionlessFunc<void, Response>(async () => new Response(''))
        export const picture = pikkuSessionlessFunc<{ '*': string }, Uint8Array>(async () => new Uint8Array())
        export const made = pikkuSessionlessFunc({ expose: true, input: z.instanceof(Date), func: async () => 1 })
        export const secret = pikkuFunc({ internal: true, func: async () => 1 })
        export const clean = pikkuWorkflow<{ all: boolean }, void>(async () => {})
        export const count = pikkuSessionlessFunc<{ to: number }, { n: number }>(async () => ({ n: 1 }))

        wireHTTP({ method: 'get', route: '/trees/:id', func: getTree })
        wireHTTP({ method: 'get', route: '/trees/:tree/leaves', func: getTree })
        wireHTTP({ method: 'get', route: '/other', func: getOther })
        wireHTTP({ method: 'get', route: '/visits', func: visits })
        wireHTTP({ method: 'get', route: '/me', func: me, summary: 'Myself' })
        wireHTTPRoutes({ basePath: '/admin', auth: true, tags: ['admin'], routes: {
          put: { method: 'put', route: '/notes/:id', func: note }, count: { method: 'get', route: '/count', func: count, sse: true },
        } })
        wireHTTP({ method: 'delete', route: '/notes/:id{[0-9]+}', func: forget })
        wireHTTP({ method: 'delete', route: '/notes', func: purge })
        wireHTTP({ method: 'get', route: '/', func: page })
        wireHTTP({ method: 'get', route: '/pictures/:size?', func: page })
        wireHTTP({ method: 'get', route: '/files/*', func: picture })
        wireHTTP({ method: 'patch', route: '/trees/:other', func: made })
        wireHTTP({ method: 'post', route: '/clean', func: clean })
        wireHTTP({ method: 'get', route: '/secret', func: secret })
        """,
}


def made(project: Small) -> tuple[Json, list[str]]:
    notes: list[str] = []
    read = project.project.sources.read
    schemas = Schemas(project.facts, project.resolver, read)

    def told(function: Any) -> Sides:
        sides = Sides(schemas.told(function, "input"), schemas.told(function, "output"))
        notes.extend((*sides.input.notes, *sides.output.notes))
        return sides

    about = About("Many", "1.2.3", "Many things.", ("https://many.example",))
    return document(project.application, about, told, SignIns(project.application, project.facts, read)), notes


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, list[str]]:
    return made(small(tmp_path_factory.mktemp("many"), MANY))


def operation(found: Json, method: str, path: str) -> Json:
    one: Json = found["paths"][path][method]
    return one


def schema_of(one: Json, status: str = "200", media: str = "application/json") -> Json:
    said: Json = one["responses"][status]["content"][media]["schema"]
    return said


def test_it_is_valid(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []
    assert found["openapi"] == "3.1.1"
    assert found["info"] == {"title": "Many", "version": "1.2.3", "description": "Many things."}
    assert found["servers"] == [{"url": "https://many.example"}]


def test_the_bookshops_is_valid_and_says_everything() -> None:
    project = load_project(REPOSITORY / "examples" / "bookshop")
    resolver = Resolver(project)
    facts = read_all(project, resolver)
    found, notes = made(Small(project, resolver, facts, analyze(project, facts, resolver)))
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []
    assert notes == []


def test_every_operation_has_a_name_of_its_own(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    ids = [one["operationId"] for item in found["paths"].values() for one in item.values()]
    assert len(ids) == len(set(ids))
    assert operation(found, "get", "/trees/{id}")["operationId"] == "getTree"
    assert operation(found, "get", "/trees/{tree}/leaves")["operationId"] == "getTree-get-trees-tree-leaves"
    assert operation(found, "post", "/rpc/made")["operationId"] == "rpc-made"


def test_a_path_and_a_query(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert operation(found, "get", "/trees/{id}")["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "depth", "in": "query", "schema": {"type": "number"}},
    ]
    assert operation(found, "get", "/visits")["parameters"] == [
        {"name": "since", "in": "query", "required": True, "schema": {"type": "string", "format": "date-time"}},
        {"name": "kinds", "in": "query", "schema": {"type": "array", "items": {"enum": ["short", "long"]}}},
    ]
    assert operation(found, "delete", "/notes/{id}")["parameters"] == [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "number"}},
        {"name": "hard", "in": "query", "schema": {"type": "boolean"}},
    ]


def test_paths_that_differ_in_names_alone_are_one(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert "/trees/{other}" not in found["paths"]
    assert operation(found, "patch", "/trees/{id}")["parameters"][0]["name"] == "id"


def test_a_part_that_may_be_missing_is_two_paths_and_a_wildcard_one(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert {"/pictures", "/pictures/{size}", "/files/{wildcard}"} <= found["paths"].keys()
    assert "slashes" in operation(found, "get", "/files/{wildcard}")["parameters"][0]["description"]


def test_a_body_is_what_the_path_does_not_take(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    body = operation(found, "put", "/admin/notes/{id}")["requestBody"]
    assert body["required"]
    first, second = body["content"]["application/json"]["schema"]["allOf"]
    assert first["properties"]["text"] == {"type": "string", "maxLength": 80}
    assert first["required"] == ["text"]
    assert second == {"type": "object", "properties": {}}
    assert "requestBody" in operation(found, "delete", "/notes")
    assert "requestBody" not in operation(found, "get", "/me")


def test_answers(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert schema_of(operation(found, "get", "/visits")) == {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "at": {"type": "string", "format": "date-time"},
                "size": {"type": "string", "pattern": "^-?\\d+$"},
                "by": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "kind": {"enum": ["short", "long"]},
            },
            "required": ["at", "size", "kind"],
        },
    }
    assert "204" in operation(found, "delete", "/notes/{id}")["responses"]
    assert operation(found, "get", "/")["responses"]["200"]["content"] == {"*/*": {}}
    assert "application/octet-stream" in operation(found, "get", "/files/{wildcard}")["responses"]["200"]["content"]
    assert schema_of(operation(found, "post", "/clean"), "202")["required"] == ["runId"]
    events = schema_of(operation(found, "get", "/admin/count"), media="text/event-stream")
    assert events["contentSchema"] == schema_of(operation(found, "get", "/admin/count"))
    assert schema_of(operation(found, "put", "/admin/notes/{id}"))["properties"]["note"]["required"] == ["text"]


def test_what_is_asked_of_workflows(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    start = operation(found, "post", "/workflow/clean/start")
    assert start["operationId"] == "clean-start"
    assert start["requestBody"]["content"]["application/json"]["schema"]["required"] == ["all"]
    assert schema_of(start, "202")["required"] == ["runId"]
    assert "204" in operation(found, "post", "/workflow/clean/run")["responses"]
    approve = operation(found, "post", "/workflow/clean/approve/{runId}")
    assert [one["name"] for one in approve["parameters"]] == ["runId"]
    assert approve["requestBody"]["content"]["application/json"]["schema"]["required"] == ["approved"]
    stream = operation(found, "get", "/workflow/clean/stream/{runId}")
    assert schema_of(stream, media="text/event-stream")["contentSchema"]["required"][0] == "runId"
    assert "requestBody" not in operation(found, "get", "/workflow/clean/status/{runId}")


def test_recursive_types_are_components_and_keep_apart(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    schemas = found["components"]["schemas"]
    tree = schema_of(operation(found, "get", "/trees/{id}"))["$ref"].rpartition("/")[2]
    other = schema_of(operation(found, "get", "/other"))["properties"]["parts"]["items"]["$ref"].rpartition("/")[2]
    assert (tree, other) == ("getTree.Tree", "Tree")
    assert schemas[tree]["properties"]["children"]["items"] == {"$ref": f"#/components/schemas/{tree}"}
    assert schemas[other]["properties"]["parts"]["items"] == {"$ref": f"#/components/schemas/{other}"}


def test_errors_and_sign_ins(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert found["components"]["securitySchemes"] == {
        "apiKey": {"type": "apiKey", "in": "header", "name": "x-shop-key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "shop"},
    }
    me = operation(found, "get", "/me")
    assert (me["summary"], me["description"], me["security"]) == ("Myself", "Who I am.", [{"cookie": []}])
    assert {"401", "403", "default"} <= me["responses"].keys()
    counted = operation(found, "get", "/admin/count")      # its group asks for a session
    assert (counted["security"], counted["tags"]) == ([{"apiKey": []}], ["admin"])
    assert "security" not in operation(found, "get", "/")
    assert operation(found, "put", "/admin/notes/{id}")["tags"] == ["admin", "notes"]
    error = found["components"]["schemas"]["Error"]
    assert error["required"] == ["error", "code"]


def test_what_is_internal_is_in_none(told: tuple[Json, list[str]]) -> None:
    found, _ = told
    assert "/secret" not in found["paths"]


def test_what_it_cannot_say_is_said_to_people(told: tuple[Json, list[str]]) -> None:
    found, notes = told
    assert operation(found, "post", "/rpc/made")["requestBody"]["content"]["application/json"]["schema"] == {}
    assert [note for note in notes if "no output" in note] == []
    assert any("`z.instanceof` can't be read" in note and note.startswith("src/functions.ts:") for note in notes)


def test_the_same_application_gives_the_same_text(tmp_path: Path) -> None:
    texts = set()
    for name in ("a", "b"):
        found, _ = made(small(tmp_path / name, dict(reversed(MANY.items()) if name == "b" else MANY.items())))
        texts.add(render(found))
    assert len(texts) == 1
    assert json.loads(texts.pop())["paths"]
