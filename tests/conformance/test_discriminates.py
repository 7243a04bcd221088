"""The tables tell a wrong runtime from a right one: each of these faults, put into a copy of it, fails some case."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance import places
from tests.conformance.cases import LARGE, Case, keep, problems, tables
from tests.conformance.test_cases import sent
from tests.harness import Checkout


@dataclass(frozen=True, slots=True)
class Fault:
    """``old`` → ``new`` in a file of the runtime; ``table`` has the case that notices."""

    path: str
    old: str
    new: str
    table: str


FAULTS = {
    "no session is needed": Fault("core/invoke.ts", "!call.session.value) throw", "false) throw", "sessions"),
    "any alternative of none grants": Fault("core/permissions.ts", "  return all\n", "  return true\n", "sessions"),
    "a conjunction is an alternative": Fault("core/permissions.ts", "Array.isArray(permissions)", "false", "sessions"),
    "data isn't checked": Fault("core/invoke.ts", "if (definition.input) {", "if (definition.input && (false as boolean)) {", "data"),
    "texts aren't coerced": Fault("core/invoke.ts", "definition.coerce ?", "false as boolean ?", "data"),
    "the last of two values wins": Fault("http/fields.ts", "!same(data[name], value)", "false", "data"),
    "prototypes are reached": Fault("core/json.ts", "if (key === '__proto__' || reaches)", "if (false)", "hostile"),
    "nesting has no end": Fault("core/json.ts", "if (depth > MAX_DEPTH)", "if (false)", "hostile"),
    "bad UTF-8 is mended": Fault("http/body.ts", "fatal: true", "fatal: false", "hostile"),
    "the token chooses its algorithm": Fault("core/jwt.ts", "hmacKey(key.secret, hash)", "hmacKey(key.secret)", "sessions"),
    "signatures aren't looked at": Fault("core/jwt.ts", "if (!isOurs)", "if (false)", "hostile"),
    "tokens have no end": Fault("core/jwt.ts", "exp > now - tolerance", "true", "hostile"),
    "cookies live for ever": Fault("middleware/cookie.ts", "since + lifetime > now", "true", "sessions"),
    "another site may change things": Fault("http/origin.ts", "site !== 'same-origin' && site !== 'none'", "false", "sites"),
    "a token against forgery is anybody's": Fault("middleware/csrf.ts", "token.for === (wire.session?.userId ?? null)", "true", "sites"),
    "nobody is counted": Fault("services/limits/bucket.ts", "there >= 1", "true", "limits"),
    "middleware stands in another order": Fault("core/around.ts", "...tagged(middleware, tags), own].flat()", "own, ...tagged(middleware, tags)].flat()", "middleware"),
    "an unknown error says what it is": Fault("core/errors.ts", "message: 'Internal server error', names", "message: error.message ?? '', names", "answers"),
    "a specific route doesn't go first": Fault("server/units.ts", ".sort(bySpecificity)", "", "routing"),
    "the callee's session stays there": Fault("core/rpc.ts", "...outer, ...NO_TRANSPORT", "...outer, session: { value: outer.session.value } as never, ...NO_TRANSPORT", "calls"),
    "events end without the answer": Fault("http/sse.ts", "if (value !== undefined) await event(value)", "", "events"),
    "whoever comes is let into a channel": Fault("channel/index.ts", "auth: options.auth, tags", "tags", "channels"),
    "what a message says of itself isn't asked": Fault("core/errand.ts", "together(errands.wirings[errand.wiring] ?? [])", "together([])", "channels"),
    "a channel's session is forgotten": Fault("channel/connection.ts", "kept = { ...kept, session: call.session.value }", "kept = { ...kept }", "channels"),
    "what was typed stays a text": Fault("channel/connection.ts", "...(texts && { texts })", "", "channels"),
    "cookies are readable by scripts": Fault("middleware/cookie.ts", "httpOnly: true", "httpOnly: false", "sessions"),
}  # fmt: skip


@pytest.fixture(scope="module")
def main(application: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    application.run("plan", "--provider", "standalone")
    return places.workshop(application, tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed(main: Path, name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    path = main.parents[4] / "runtime" / fault.path
    right = path.read_text("utf-8")
    assert right.count(fault.old) == 1, f"{fault.path} holds it {right.count(fault.old)} times"
    path.write_text(right.replace(fault.old, fault.new), "utf-8")
    try:
        with places.source_of(main, tmp_path / "data") as place:
            assert any(_fails(place, case) for case in tables() if case.table == fault.table)
    finally:
        path.write_text(right, "utf-8")


def _fails(place: places.Place, case: Case) -> bool:
    kept = dict(LARGE)
    for number, step in enumerate(case.steps if place.name in case.places else ()):
        answer = sent(place, step, kept, case.request_id(number))
        if problems(step["answer"], answer, kept):
            return True
        keep(step, answer, kept)
    return False
