"""Command lines as data: those of a process, which it loads when it is asked for a command, and one for a client.

Knows wirings and functions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unitgraph.units.openapi_schemas import Schemas

if TYPE_CHECKING:
    from unitgraph.rules.entry import Imported
    from unitgraph.rules.names import Names
    from unitgraph.rules.workspace import Workspace
    from unitgraph.units.application import Application, CliCommand, CliWiring, Expression, Function

    _Said = CliWiring | CliCommand


@dataclass(frozen=True, slots=True)
class EntryCommand:
    """``said`` is what is constant of it, ``options`` the local name of what it says itself."""

    said: Mapping[str, Any]
    options: str | None


@dataclass(frozen=True, slots=True)
class EntryProgram:
    """``route`` is where it is offered over a channel."""

    program: str
    options: str
    commands: tuple[EntryCommand, ...]
    route: str | None = None


@dataclass(frozen=True, slots=True)
class EntryPrograms:
    """A module with command lines of a project."""

    project: str
    programs: tuple[EntryProgram, ...]
    imports: "tuple[Imported, ...]"


def options(application: "Application") -> "Iterator[Expression]":
    """What programs and their commands say that is needed at run time."""
    for program in application.cli:
        yield program.options
        yield from (command.options for command in program.commands if command.options is not None)


def modules(application: "Application") -> set[str]:
    """The files whose text, or what they lead to, decides what is generated."""
    found = {program.place.path for program in application.cli}
    for each in options(application):
        found |= {each.fragment.module, *(fragment.module for _, fragment in each.bindings)}
    called = {name for program in application.cli for name in program.functions}
    return found | {application.functions[name].place.path for name in called}


def shown(program: "CliWiring") -> "Iterator[Expression]":
    """What a client needs of a program: no code of the application but its renderers."""
    yield program.shown
    yield from (command.shown for command in program.commands if command.shown is not None)


def programs(workspace: "Workspace", names: "Names") -> EntryPrograms:
    return _entry(workspace, names, workspace.analysis.application.cli, lambda said: said.options)


def client(workspace: "Workspace", names: "Names", program: "CliWiring") -> EntryPrograms:
    return _entry(workspace, names, (program,), lambda said: said.shown)


def _entry(
    workspace: "Workspace", names: "Names", wirings: "Iterable[CliWiring]", said: "Callable[[_Said], Expression | None]"
) -> EntryPrograms:
    application = workspace.analysis.application
    schemas = Schemas(workspace.facts, workspace.resolver, workspace.project.sources.read)
    routes = {channel.program: channel.route for channel in application.channels if channel.program is not None}

    def local(of: "_Said") -> str | None:
        expression = said(of)
        return names.expression(expression) if expression is not None else None

    made = tuple(
        EntryProgram(
            program.program, local(program) or "{}",
            tuple(
                EntryCommand(_constant(each, application.functions, schemas), local(each)) for each in program.commands
            ),
            routes.get(program.program),
        )
        for program in wirings
    )  # fmt: skip
    return EntryPrograms(workspace.project.name, made, names.imports())


def _constant(command: "CliCommand", functions: "Mapping[str, Function]", schemas: Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {"path": list(command.path)}
    if command.function is not None:
        function = functions[command.function]
        described = {"title": function.title, "description": function.description}
        flags = _flags(function, schemas)
        said |= {"function": command.function, **{key: text for key, text in described.items() if text}}
        said |= {"flags": flags} if flags else {}
    return said


def _flags(function: "Function", schemas: Schemas) -> list[str]:
    """What a function takes as true or false: an option of that name has no value after it."""
    told = schemas.told(function, "input").json or {}
    properties = told.get("properties")
    found = properties if isinstance(properties, dict) else {}
    return sorted(name for name, said in found.items() if isinstance(said, dict) and said.get("type") == "boolean")
