"""The rule ``typings``: the project's ``.pikku/`` folder, written anew when what it says may have changed."""

from collections.abc import Callable, Mapping, Sequence

from unitgraph.cache.key import Component, Key, make
from unitgraph.errors import UnitgraphError
from unitgraph.rules.action import Finished, Pool
from unitgraph.rules.closure import Closures
from unitgraph.rules.database import Record
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.tools import Tools
from unitgraph.rules.workspace import Workspace


class TypingsRule:
    """One action without a subject. ``interface`` gives the digest of what a file says to others."""

    kind = "typings"
    pool = Pool.HERE
    batch = 1

    def __init__(
        self, workspace: Workspace, outputs: Outputs, tools: Tools, closures: Closures, interface: Callable[[str], str]
    ) -> None:
        self._workspace = workspace
        self._outputs = outputs
        self._tools = tools
        self._closures = closures
        self._interface = interface

    def key(self, subject: str) -> Key:  # noqa: ARG002 - the Rule's
        modules = sorted(path for path, facts in self._workspace.facts.items() if facts.is_application)
        nodes = self._closures.digest(modules, self._interface, lambda name: name)
        return make(
            self.kind,
            [
                Component("tool", "templates", self._tools.templates),
                Component("tool", "runtime", self._tools.versions["runtime"]),
                *(Component("closure", module, node) for module, node in nodes.items()),
            ],
        )

    def intact(self, subject: str, record: Record) -> bool:  # noqa: ARG002 - the Rule's
        return self._outputs.intact(record)

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.place(outputs)
        self._outputs.sweep(outputs)

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        from unitgraph.rules.typings import typings  # noqa: PLC0415 - jinja2, and only where something is written

        project = self._workspace.project
        files = typings(
            self._workspace.analysis.application, self._workspace.facts, project.sources.read,
            out_dir=project.config.out_dir, installed=frozenset(project.package.dependencies),
        )  # fmt: skip
        made = Finished({path: text.encode() for path, text in files.items()}, inputs=sorted(self._workspace.facts))
        return dict.fromkeys(subjects, made)
