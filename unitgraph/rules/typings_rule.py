"""The rule ``typings``: the project's ``.pikku/`` folder, written anew when what it says may have changed.

It holds names, and refers to the project's modules for types; so its key holds what names and types there are, and
the text of those modules alone whose types are copied.
"""

from collections.abc import Iterable, Mapping, Sequence

from unitgraph.cache import digest
from unitgraph.cache.key import Component, Key, make
from unitgraph.errors import UnitgraphError
from unitgraph.rules import client_rule
from unitgraph.rules.action import Finished, Pool
from unitgraph.rules.database import Record
from unitgraph.rules.memo import Memo
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.tools import Tools
from unitgraph.rules.typings_circles import circular
from unitgraph.rules.workspace import Workspace
from unitgraph.units.application import Application, Ref


class TypingsRule:
    """One action without a subject."""

    kind = "typings"
    pool = Pool.HERE
    batch = 1
    is_shared = False

    def __init__(self, workspace: Workspace, outputs: Outputs, tools: Tools, memo: Memo) -> None:
        self._workspace = workspace
        self._outputs = outputs
        self._tools = tools
        self._memo = memo

    def key(self, subject: str) -> Key:  # noqa: ARG002 - the Rule's
        workspace = self._workspace
        application = workspace.analysis.application
        project = workspace.project
        said = sorted((path, outline.interface) for path, outline in workspace.outlines.items())
        copied = sorted({application.functions[name].place.path for name in circular(application)})
        return make(
            self.kind,
            [
                Component("tool", "templates", self._tools.templates),
                Component("tool", "typings", self._tools.typings),
                Component("tool", "runtime", self._tools.versions["runtime"]),
                Component("option", "outDir", project.config.out_dir),
                Component("option", "clients", digest.of(sorted(client_rule.kept(project)))),
                Component("package", "installed", digest.of(sorted(project.package.dependencies))),
                Component("source", "names", digest.local(repr(_names(application)).encode())),
                Component("source", "interfaces", digest.local(repr(said).encode())),
                *(Component("source", module, self._memo.digest(module)) for module in copied),
            ],
        )

    def intact(self, subject: str, record: Record) -> bool:  # noqa: ARG002 - the Rule's
        return self._outputs.intact(record)

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.place(outputs)
        self._outputs.sweep({*outputs, *client_rule.kept(self._workspace.project)})

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.withdraw(outputs)

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Nothing has to be there."""

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        from unitgraph.rules.typings import typings  # noqa: PLC0415 - jinja2, and only where something is written

        project = self._workspace.project
        files = typings(
            self._workspace.analysis.application, self._workspace.facts, project.sources.read,
            out_dir=project.config.out_dir, installed=frozenset(project.package.dependencies),
        )  # fmt: skip
        made = Finished({path: text.encode() for path, text in files.items()}, inputs=sorted(self._workspace.facts))
        return dict.fromkeys(subjects, made)


def _names(application: Application) -> list[object]:
    """What of the application is in the generated types by name."""
    functions = [
        (
            name, each.kind, each.value if isinstance(each.value, Ref) else None, each.expose, each.invokes,
            each.place.path, each.has_input_schema, each.has_output_schema, each.agent.name if each.agent else None,
        )
        for name, each in sorted(application.functions.items())
    ]  # fmt: skip
    return [
        functions,
        [(wiring.method, wiring.route, wiring.function, wiring.sse) for wiring in application.http],
        [
            (channel.route, [(call.kind, call.function, call.property, call.value) for call in channel.calls])
            for channel in application.channels
        ],
        [(worker.queue, worker.function) for worker in application.queues],
        [(each.id, each.named, each.plain, each.schema is None) for each in application.secrets],
        [(each.id, each.named, each.plain, each.schema is None) for each in application.variables],
        (application.config, application.services, application.wire_services),
    ]
