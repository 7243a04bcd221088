"""The OpenAPI document of a project, made once a build, and what it depends on. Knows the workspace, writes nothing.

A document is asked for in the configuration. What a function takes and gives is read anew only where a file that it
may come from has moved since it was last read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.rules.closure import Closures, Imports
from unitgraph.rules.memo import Memo
from unitgraph.rules.workspace import Workspace
from unitgraph.units.application import Application, Function, HttpWiring
from unitgraph.units.config import OpenApiConfig
from unitgraph.units.openapi import About, Sides, document, render
from unitgraph.units.openapi_auth import SignIns
from unitgraph.units.openapi_schemas import Schemas, Told
from unitgraph.units.workflow_routes import is_workflow

KIND = "openapi"
NAME = "openapi.json"
Kept = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """``told`` is what was read of each function, under the digest of what it was read from."""

    text: bytes
    told: Mapping[str, Kept]
    notices: tuple[str, ...]


class OpenApiDocument:
    """``analyzer`` is the digest of our code that reads sources; ``kept`` gives what an earlier build has read."""

    def __init__(
        self, workspace: Workspace, config: OpenApiConfig, memo: Memo, analyzer: str,
        kept: Callable[[], Mapping[str, Kept]],
    ) -> None:  # fmt: skip
        self._workspace = workspace
        self._config = config
        self._memo = memo
        self._analyzer = analyzer
        self._kept = kept
        self._closures = Closures(self._every_import)

    @property
    def route(self) -> str | None:
        return self._config.route

    @cached_property
    def key(self) -> Key:
        application = self._application
        said = [_said(function) for function in self._functions.values()]
        routes = [_wired(wiring) for wiring in application.http]
        return make(
            KIND,
            [
                Component("tool", "analyzer", self._analyzer),
                Component("option", "openapi", digest.local(repr(self._about).encode())),
                Component("source", "functions", digest.local(repr(said).encode())),
                Component("source", "routes", digest.local(repr(routes).encode())),
                *(Component("closure", module, node) for module, node in self._nodes.items()),
            ],
        )

    @cached_property
    def made(self) -> Made:
        """The document. Raises for a file that can't be read."""
        workspace, kept = self._workspace, self._kept()
        schemas = Schemas(workspace.facts, workspace.resolver, workspace.project.sources.read)
        told: dict[str, Kept] = {}

        def tell(function: Function) -> Sides:
            mark = digest.local(repr([_said(function), [self._nodes[one] for one in _modules(function)]]).encode())
            found = kept.get(function.id)
            if found is None or found["mark"] != mark:
                sides = (schemas.told(function, "input"), schemas.told(function, "output"))
                found = {"mark": mark, "input": _data(sides[0]), "output": _data(sides[1])}
            told[function.id] = found
            return Sides(_told(found["input"]), _told(found["output"]))

        sign_ins = SignIns(self._application, workspace.facts, workspace.project.sources.read)
        text = render(document(self._application, self._about, tell, sign_ins)).encode()
        notices = [
            f"{NAME} can't say all of what {name} {verb}: {note}."
            for name, found in sorted(told.items())
            for side, verb in (("input", "takes"), ("output", "gives"))
            for note in found[side]["notes"]
        ]
        unstated = sorted(name for name, found in told.items() if not found["output"]["isStated"])
        if unstated:
            notices.append(f"{NAME} doesn't say what these give, since they state no output: {', '.join(unstated)}.")
        return Made(text, told, tuple(notices))

    @property
    def sources(self) -> list[str]:
        """The files that it may come from."""
        return sorted(path for path in self._closures.files(self._nodes) if path in self._workspace.outlines)

    @property
    def _application(self) -> Application:
        return self._workspace.analysis.application

    @cached_property
    def _about(self) -> About:
        project, config = self._workspace.project, self._config
        version = config.version or project.package.version or "0.0.0"
        return About(config.title or project.name, version, config.description, config.servers)

    @cached_property
    def _functions(self) -> dict[str, Function]:
        """The functions that requests reach."""
        application = self._application
        names = {wiring.function for wiring in application.http}
        return {
            name: one for name, one in sorted(application.functions.items())
            if name in names or one.expose or is_workflow(one)
        }  # fmt: skip

    @cached_property
    def _nodes(self) -> Mapping[str, str]:
        """Module → the digest of it and all that it leads to, types included."""
        application = self._application
        modules = {module for function in self._functions.values() for module in _modules(function)}
        modules |= {option.fragment.module for wiring in application.http for option in wiring.options}
        modules |= {scoped.value.fragment.module for scoped in application.scoped}
        return self._closures.digest(sorted(modules), self._memo.digest, lambda name: name)

    def _every_import(self, path: str) -> Imports:
        outline = self._workspace.outlines.get(path)
        return Imports(tuple(sorted(set(outline.files()))) if outline is not None else (), ())


def _modules(function: Function) -> list[str]:
    sources = [source.fragment.module for source in (function.input, function.output) if source is not None]
    return sorted({function.place.path, *sources})


def _said(function: Function) -> tuple[object, ...]:
    """What a document says of a function besides its data."""
    return (
        function.id, function.kind, function.auth, function.expose, function.internal, function.tags, function.title,
        function.description, function.has_input_schema, function.has_output_schema, _modules(function),
    )  # fmt: skip


def _wired(wiring: HttpWiring) -> tuple[object, ...]:
    return (
        wiring.method, wiring.route, wiring.function, wiring.sse, wiring.tags, wiring.auth, wiring.title,
        wiring.description,
    )  # fmt: skip


def _data(told: Told) -> Kept:
    return {
        "json": told.json, "definitions": told.definitions, "notes": list(told.notes), "media": told.media,
        "isStated": told.is_stated,
    }  # fmt: skip


def _told(data: Kept) -> Told:
    definitions = cast("Mapping[str, dict[str, Any]] | None", data["definitions"])
    return Told(data["json"], definitions, tuple(data["notes"]), data["media"], data["isStated"])
