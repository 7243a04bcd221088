"""The rule ``openapi``: the document of the HTTP interface, in the build output. What it says is made elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from unitgraph.cache.key import Key
from unitgraph.errors import UnitgraphError
from unitgraph.providers.base import Target
from unitgraph.rules import client_rule
from unitgraph.rules.action import Action, Finished, Pool, Result
from unitgraph.rules.database import Record
from unitgraph.rules.openapi_document import KIND, NAME, Kept, OpenApiDocument
from unitgraph.rules.outputs import Outputs
from unitgraph.rules.tools import analyzer_digest

if TYPE_CHECKING:
    from unitgraph.rules.engine import Engine


class OpenApiRule:
    """One action without a subject."""

    kind = KIND
    pool = Pool.HERE
    batch = 1
    is_shared = False

    def __init__(self, document: OpenApiDocument, outputs: Outputs) -> None:
        self._document = document
        self._outputs = outputs

    def key(self, subject: str) -> Key:  # noqa: ARG002 - the Rule's
        return self._document.key

    def intact(self, subject: str, record: Record) -> bool:  # noqa: ARG002 - the Rule's
        return self._outputs.intact(record)

    def place(self, subject: str, outputs: Mapping[str, bytes]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.place(outputs)

    def withdraw(self, subject: str, outputs: Iterable[str]) -> None:  # noqa: ARG002 - the Rule's
        self._outputs.withdraw(outputs)

    def make_ready(self, subjects: Sequence[str]) -> None:
        """Nothing has to be there."""

    def run(self, subjects: Sequence[str]) -> Mapping[str, Finished | UnitgraphError]:
        made = self._document.made
        facts = {"told": made.told, "notices": list(made.notices)}
        return dict.fromkeys(subjects, Finished({NAME: made.text}, inputs=self._document.sources, facts=facts))


def document_of(engine: "Engine") -> OpenApiDocument | None:
    """What the configuration asks for."""

    def told() -> Mapping[str, Kept]:
        record = engine.database.records().get(KIND)
        return cast("Mapping[str, Kept]", record.facts.get("told", {})) if record is not None else {}

    config = engine.project.config.openapi
    return OpenApiDocument(engine.workspace, config, engine.memo, analyzer_digest(), told) if config else None


def interface(engine: "Engine") -> list[Action]:
    """The actions that say to people and programs what there is: generated types, clients, and the document."""
    told = [Action(engine.typings, ""), *client_rule.clients(engine)]
    if engine.document is None:
        engine.outputs.withdraw([NAME])
        return told
    return [*told, Action(OpenApiRule(engine.document, engine.outputs), "")]


def with_documents(engine: "Engine") -> Target:
    """The target with what stands in front of separate units answers itself; a process has that in its own code."""
    config = engine.project.config.openapi
    if config is None or config.route is None or engine.is_process:
        return engine.target
    path = engine.target.out / NAME
    if not path.is_file():      # making it has failed, which is said elsewhere
        return engine.target
    return replace(engine.target, documents={config.route: path.read_text("utf-8")})


def notices_of(results: Mapping[str, Result]) -> list[str]:
    """What the document doesn't say, each once."""
    result = results.get(KIND)
    return list(cast("Sequence[str]", result.facts.get("notices", ()))) if result is not None else []
