"""That keys know all of our code which an output depends on."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from unitgraph.rules import tools

RULES = Path(tools.__file__).parent
PACKAGE = RULES.parent
ANALYSIS = {RULES / "workspace.py", RULES / "tools.py"}
"""Where the generator is given the application: what lies behind it is known by the analyzer's digest."""
APART = {PACKAGE / "providers" / "base.py", PACKAGE / "cache" / "digest.py"}
"""Types of providers, whose values are options of the key, and what all keys are made with."""


def imported(path: Path) -> Iterator[Path]:
    """The modules of ours that one imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("unitgraph"):
            place = PACKAGE.parent.joinpath(*node.module.split("."))
            for name in node.names:
                found = [place / f"{name.name}.py", place.with_suffix(".py"), place / "__init__.py"]
                yield next(each for each in found if each.is_file())


def behind(path: Path, but: Iterable[Path]) -> set[Path]:
    """All that a module needs, itself among them."""
    found: set[Path] = set()
    pending = [path]
    while pending:
        module = pending.pop()
        is_other = module in but or (PACKAGE / "units") in module.parents or (PACKAGE / "errors") in module.parents
        if module not in found and not is_other:
            found.add(module)
            pending += imported(module)
    return found


def test_the_key_of_codegen_knows_every_module_that_writes_code() -> None:
    known = {(RULES / name).resolve() for name in tools._GENERATOR}
    assert behind(RULES / "generate.py", ANALYSIS | APART) | {RULES / "codegen.py"} == known
