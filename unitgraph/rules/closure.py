"""What a module brings with it: the digest of its import closure, shared between units, and its files.

A node is the merkle digest of one strongly connected group of modules, its packages and the nodes that it imports,
so the cost is that of the import graph and not of units times files. Knows paths and digests, no source.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from unitgraph.cache import digest


@dataclass(frozen=True, slots=True)
class Imports:
    """What one module imports at run time: project files (assets among them) and packages by name."""

    files: tuple[str, ...]
    packages: tuple[str, ...]


class Closures:
    """The closures of one project's modules; ``imports`` gives the direct imports of a file."""

    def __init__(self, imports: Callable[[str], Imports]) -> None:
        self._imports = imports
        self._direct: dict[str, Imports] = {}
        self._nodes: dict[str, str] = {}
        self.written: dict[str, str] = {}   # node digest → its data, for the database

    def files(self, roots: Iterable[str]) -> dict[str, Imports]:
        """Every file reached from ``roots``, themselves included, with its direct imports."""
        reached: dict[str, Imports] = {}
        pending = list(roots)
        while pending:
            module = pending.pop()
            if module in reached:
                continue
            reached[module] = direct = self._imported(module)
            pending.extend(direct.files)
        return reached

    def digest(
        self, roots: Iterable[str], file_digest: Callable[[str], str], package_digest: Callable[[str], str]
    ) -> dict[str, str]:
        """Root → node digest."""
        roots = list(roots)
        missing = [root for root in roots if root not in self._nodes]
        if missing:
            for group in _groups(self._new(missing)):
                self._add(group, file_digest, package_digest)
        return {root: self._nodes[root] for root in roots}

    def _new(self, roots: Iterable[str]) -> dict[str, list[str]]:
        """The graph of what is reached from ``roots`` and has no node yet."""
        graph: dict[str, list[str]] = {}
        pending = list(roots)
        while pending:
            module = pending.pop()
            if module not in graph:
                needs = [path for path in self._imported(module).files if path not in self._nodes]
                graph[module] = needs
                pending.extend(needs)
        return graph

    def _imported(self, module: str) -> Imports:
        direct = self._direct.get(module)
        if direct is None:
            direct = self._direct[module] = self._imports(module)
        return direct

    def _add(
        self, group: tuple[str, ...], file_digest: Callable[[str], str], package_digest: Callable[[str], str]
    ) -> None:
        inside = set(group)
        imports = [self._direct[module] for module in group]
        packages = {name for direct in imports for name in direct.packages}
        children = {self._nodes[path] for direct in imports for path in direct.files if path not in inside}
        data = {
            "files": [[module, file_digest(module)] for module in sorted(group)],
            "packages": [[name, package_digest(name)] for name in sorted(packages)],
            "children": sorted(children),
        }
        text = json.dumps(data)
        name = digest.sha256(text.encode())
        self.written[name] = text
        for module in group:
            self._nodes[module] = name


def _groups(graph: Mapping[str, Iterable[str]]) -> Iterable[tuple[str, ...]]:
    """Strongly connected groups, what is imported first."""
    try:
        return [(module,) for module in TopologicalSorter(graph).static_order()]
    except CycleError:
        pass
    import networkx as nx  # noqa: PLC0415 - 0.1 s, and only a project with an import cycle needs it

    condensed = nx.condensation(nx.DiGraph({module: list(needs) for module, needs in graph.items()}))
    order = reversed(list(nx.topological_sort(condensed)))
    return [tuple(sorted(condensed.nodes[group]["members"])) for group in order]
