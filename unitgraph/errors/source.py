"""What can be wrong with what a project's sources say: syntax, and what can't be read without running it."""

from collections.abc import Iterable

from unitgraph.errors.base import Place, UnitgraphError


class SourceSyntax(UnitgraphError):
    code = "syntax-error"

    def __init__(self, place: Place, detail: str) -> None:
        said = f": {detail}" if detail else ""
        super().__init__(f"This is not TypeScript{said}.", remedy="Mend the syntax here.", place=place)


class NotUtf8(UnitgraphError):
    code = "source-not-utf-eight"

    def __init__(self, place: Place, byte: str) -> None:
        super().__init__(
            f"The file is not UTF-8: byte {byte} can't stand here.", remedy="Save the file as UTF-8.", place=place
        )


class ComputedImport(UnitgraphError):
    code = "import-computed"

    def __init__(self, place: Place, keyword: str) -> None:
        super().__init__(
            f"The path of this {keyword}() is only known by running the code, so which files it means can't be told.",
            remedy=f"Name each file by a constant path: {{ a: () => {keyword}('./a.ts'), b: … }}.",
            place=place,
        )


class MisplacedCall(UnitgraphError):
    code = "authoring-call-misplaced"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"{name} is called where it is only found by running the code.",
            remedy=f"Move the call of {name} to the top level of a file: a statement of its own, a const, "
            "or a 'for … of' over a constant array.",
            place=place,
        )


class AuthoringAlias(UnitgraphError):
    code = "authoring-name-passed-on"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"{name} is used as a value here, so that its calls can't be found.",
            remedy=f"Call {name} directly; to give it another name, write import {{ {name} as other }}.",
            place=place,
        )


class ForeignAuthoring(UnitgraphError):
    code = "authoring-name-foreign"

    def __init__(self, place: Place, name: str, specifier: str) -> None:
        super().__init__(
            f"{name} is imported from {specifier!r}, which isn't the authoring surface.",
            remedy=f"Import {name} from '#pikku', or give your own function another name.",
            place=place,
        )


class NotConstant(UnitgraphError):
    code = "value-not-constant"

    def __init__(self, place: Place, what: str, why: str) -> None:
        super().__init__(
            f"{what} can't be read without running the code: {why}.",
            remedy="Write a literal here, or a const of literals, template strings and other such consts.",
            place=place,
        )


class WrongKind(UnitgraphError):
    code = "value-of-wrong-kind"

    def __init__(self, place: Place, what: str, *, expected: str, found: str) -> None:
        super().__init__(f"{what} should be {expected}, and is {found}.", remedy=f"Write {expected} here.", place=place)


class MissingOption(UnitgraphError):
    code = "option-missing"

    def __init__(self, place: Place, call: str, option: str) -> None:
        super().__init__(f"{call} has no '{option}'.", remedy=f"Add '{option}' to its options.", place=place)


class MissingArgument(UnitgraphError):
    code = "argument-missing"

    def __init__(self, place: Place, call: str) -> None:
        super().__init__(f"{call} is called without options.", remedy=f"Give {call} an object.", place=place)


class UnresolvedName(UnitgraphError):
    code = "name-not-exported"

    def __init__(self, place: Place, name: str, specifier: str, near: str | None) -> None:
        super().__init__(
            f"{specifier!r} exports no {name!r}.",
            remedy=f"Did you mean {near!r}?" if near else f"Export {name!r} there, or import another name.",
            place=place,
        )


class UnknownName(UnitgraphError):
    code = "name-not-defined"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"Nothing at the top level of this file is called {name!r}.",
            remedy=f"Import {name!r}, or declare it at the top level.",
            place=place,
        )


class NotAFunction(UnitgraphError):
    code = "not-an-authored-function"

    def __init__(self, place: Place, what: str, found: str) -> None:
        super().__init__(
            f"{what} is {found}, and not a function made by pikkuFunc or one of its kind.",
            remedy="Wrap it, export const name = pikkuFunc(…), and wire that.",
            place=place,
        )


class FunctionUnnamed(UnitgraphError):
    code = "function-unnamed"

    def __init__(self, place: Place, call: str) -> None:
        super().__init__(
            f"{call} makes a function here that has no name, and that no wiring holds.",
            remedy="Give it a name at the top level: export const name = pikkuFunc(…).",
            place=place,
        )


class FunctionBodyMissing(UnitgraphError):
    code = "function-without-func"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"{name} has no 'func'.", remedy="Add func: async (services, data) => { … } to its options.", place=place
        )


class DuplicateFunction(UnitgraphError):
    code = "function-name-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"A function called {name!r} is also at {other}.",
            remedy="Rename one of the two: RPC and units know functions by name.",
            place=place,
        )


class FunctionExportedTwice(UnitgraphError):
    code = "function-exported-twice"

    def __init__(self, place: Place, first: str, second: str) -> None:
        super().__init__(
            f"One function is exported as {first!r} and as {second!r}.",
            remedy="Export it under one name; it is the function's name.",
            place=place,
        )


class BadFunctionName(UnitgraphError):
    code = "function-name-invalid"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"{name!r} can't be a function's name, since it becomes part of a unit's name.",
            remedy="Use letters a-z, digits and _, with a letter among them.",
            place=place,
        )


class UnitNameClash(UnitgraphError):
    code = "unit-name-twice"

    def __init__(self, place: Place, unit: str, first: str, second: str, other: Place) -> None:
        super().__init__(
            f"{first} and {second} would both be the unit {unit!r}; the other is at {other}.",
            remedy="Rename one of the two.",
            place=place,
        )


class UnitNameTooLong(UnitgraphError):
    code = "unit-name-too-long"

    def __init__(self, place: Place, unit: str, limit: int) -> None:
        super().__init__(
            f"The unit's name {unit!r} has {len(unit)} characters; {limit} is the most that providers take.",
            remedy="Use a shorter name here, or a shorter name for the project in package.json.",
            place=place,
        )


class UnknownFunction(UnitgraphError):
    code = "function-unknown"

    def __init__(self, place: Place, how: str, name: str, near: str | None) -> None:
        super().__init__(
            f"{how} names {name!r}, and no function is called that.",
            remedy=f"Did you mean {near!r}?" if near else "Name an exported function, or export that one.",
            place=place,
        )


class UnknownStep(UnitgraphError):
    code = "workflow-step-unknown"

    def __init__(self, place: Place, step: str, name: str, near: str | None) -> None:
        super().__init__(
            f"The step {step!r} calls {name!r}, and no function is called that.",
            remedy=f"Did you mean {near!r}?" if near else "Name an exported function, or pass an inline one.",
            place=place,
        )


class UnknownNode(UnitgraphError):
    code = "workflow-node-unknown"

    def __init__(self, place: Place, node: str, near: str | None) -> None:
        super().__init__(
            f"The graph has no node {node!r}.",
            remedy=f"Did you mean {near!r}?" if near else "Add it to 'nodes', or name one that is there.",
            place=place,
        )


class UnknownWorkflow(UnitgraphError):
    code = "workflow-unknown"

    def __init__(self, place: Place, name: str, near: str | None) -> None:
        super().__init__(
            f"No workflow is called {name!r}.",
            remedy=f"Did you mean {near!r}?" if near else "Name an exported pikkuWorkflow or pikkuWorkflowGraph.",
            place=place,
        )


class UnknownAgent(UnitgraphError):
    code = "agent-unknown"

    def __init__(self, place: Place, name: str, near: str | None) -> None:
        super().__init__(
            f"No agent is called {name!r}.",
            remedy=f"Did you mean {near!r}?" if near else "Use the 'name' of a pikkuAIAgent.",
            place=place,
        )


class NotExposed(UnitgraphError):
    code = "function-not-exposed"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"rpc.exposed names {name!r}, which isn't exposed.",
            remedy="Add expose: true to that function, or call rpc.invoke.",
            place=place,
        )


class UnknownTool(UnitgraphError):
    code = "agent-tool-unknown"

    def __init__(self, place: Place, agent: str, found: str) -> None:
        super().__init__(
            f"A tool of the agent {agent!r} is {found}, and not an authored function.",
            remedy="List functions made by pikkuFunc and its kind, or workflows.",
            place=place,
        )


class MalformedModel(UnitgraphError):
    code = "agent-model-malformed"

    def __init__(self, place: Place, model: str) -> None:
        super().__init__(
            f"The model {model!r} doesn't say of which provider it is.",
            remedy="Write 'provider/name', for example 'anthropic/claude-sonnet-4-5'.",
            place=place,
        )


class UnknownModelProvider(UnitgraphError):
    code = "agent-model-provider-unknown"

    def __init__(self, place: Place, model: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The model {model!r} is of a provider that isn't known.",
            remedy=f"Use {', '.join(sorted(known))}, or add the provider to 'deploy.models' in pikku.config.json.",
            place=place,
        )


class UnknownSubAgent(UnitgraphError):
    code = "agent-sub-agent-unknown"

    def __init__(self, place: Place, agent: str, found: str) -> None:
        super().__init__(
            f"A sub-agent of {agent!r} is {found}, and not an agent.",
            remedy="List agents made by pikkuAIAgent.",
            place=place,
        )


class SubAgentCycle(UnitgraphError):
    code = "agent-cycle"

    def __init__(self, place: Place, chain: str) -> None:
        super().__init__(
            f"Agents are each other's sub-agents: {chain}.", remedy="Take one of them out of its 'agents'.", place=place
        )


class ReexportCycle(UnitgraphError):
    code = "reexport-cycle"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"{name!r} is re-exported in a circle, and declared nowhere.",
            remedy="Declare it in one of these files, or take one re-export out.",
            place=place,
        )
