"""docs/errors.md from the error classes themselves. ``python -m tests.guards.errors_page`` writes it anew."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import unitgraph.errors
from unitgraph.errors import UnitgraphError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PAGE = REPOSITORY / "docs" / "errors.md"
HEAD = """# Errors

Every error has a permanent code, which stands in brackets at the end of its message; `--json` output and scripts may hold on to it.
An error of the project or its user ends the program with status 1, a fault of unitgraph's own with 3, an interruption with 130.
Words in `{braces}` stand for what was found. This page is written by `python -m tests.guards.errors_page`.
"""
TITLES = {
    "base": "Groups",
    "build": "Building",
    "dev": "Running on this machine",
    "history": "Comparing with git's history",
    "project": "The project's own files",
    "provider": "Providers",
    "runs": "Runs of workflows",
    "scaffold": "Starting a project",
    "source": "What is read from the source",
    "store": "The cache on this machine",
    "toolchain": "The toolchain",
}


@dataclass(frozen=True, slots=True)
class Entry:
    area: str
    name: str
    code: str
    says: str
    remedy: str


def classes() -> list[type[UnitgraphError]]:
    """Every concrete error class of ``unitgraph.errors``, in the order of the modules and of their text."""
    found = []
    for module in sorted(pkgutil.iter_modules(unitgraph.errors.__path__), key=lambda each: each.name):
        loaded = importlib.import_module(f"unitgraph.errors.{module.name}")
        found += [
            value
            for value in vars(loaded).values()
            if isinstance(value, type)
            and issubclass(value, UnitgraphError)
            and value.__module__ == loaded.__name__
            and "code" in vars(value)
        ]
    return found


def entries() -> Iterator[Entry]:
    for error in classes():
        area = error.__module__.rpartition(".")[2]
        says, remedy = templates(error)
        yield Entry(area, error.__name__, error.code, says, remedy)


def templates(error: type[UnitgraphError]) -> tuple[str, str]:
    """The message and the remedy as they stand in the source, with ``{…}`` for what is filled in."""
    source = Path(importlib.import_module(error.__module__).__file__ or "").read_text(encoding="utf-8")
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == error.__name__)
    for node in ast.walk(body):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__" and node.args:
            remedy = next((word.value for word in node.keywords if word.arg == "remedy"), None)
            local = {
                target.id: each.value
                for each in ast.walk(body)
                if isinstance(each, ast.Assign)
                for target in each.targets
                if isinstance(target, ast.Name)
            }
            return text(node.args[0], local), text(remedy, local) if remedy else ""
    return "", ""


def text(node: ast.expr, local: dict[str, ast.expr]) -> str:
    """A string expression as prose: placeholders in braces, alternatives with a slash."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(text(value, local) for value in values)
        case ast.FormattedValue(value=ast.Name(id=name)) if isinstance(local.get(name), ast.IfExp | ast.Constant):
            return text(local[name], {})
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return f"{{{name}}}"
        case ast.FormattedValue(value=ast.Call(func=ast.Attribute(attr="join"), args=[inner])):
            return f"{{{next((n.id for n in ast.walk(inner) if isinstance(n, ast.Name) and n.id != 'sorted'), '…')}}}"
        case ast.FormattedValue():
            return "{…}"
        case ast.IfExp(body=body, orelse=orelse):
            return " / ".join(filter(None, (text(body, local), text(orelse, local))))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text(left, local) + text(right, local)
        case ast.Name(id=name) if name in local:
            return text(local[name], {})
        case _:
            return "{…}"


def page() -> str:
    parts = [HEAD]
    area = ""
    for entry in entries():
        if entry.area != area:
            area = entry.area
            parts.append(f"\n## {TITLES.get(area, area.capitalize())}\n\n| code | what it says | what to do |\n|---|---|---|\n")
        parts.append(f"| `{entry.code}` | {cell(entry.says)} | {cell(entry.remedy)} |\n")
    return "".join(parts)


def cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
