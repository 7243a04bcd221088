"""The text of a slice: what its request keeps of a module, assembled from byte spans. Pure and deterministic."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from unitgraph.units.facts import Span
from unitgraph.units.slice import Request, SliceImport, Target, Value
from unitgraph.units.slice_module import FileFacts

_GAP: Final = re.compile(rb"(?:\s+|//[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_REST: Final = re.compile(rb";?[ \t]*(?://[^\n]*|/\*[^\n]*?\*/[ \t]*)?\r?\n")
_MEMBER: Final = re.compile(rb"\??\.([A-Za-z_$][\w$]*)")
_DEFAULT: Final = re.compile(rb"export\s+default\b")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")

Edit = tuple[int, int, bytes]


def render_slice(
    text: bytes, facts: FileFacts, request: Request, repoint: Callable[[Target], str], *, keep_lines: bool = False
) -> str:
    """TypeScript of a slice; ``repoint`` gives the specifier that leads from the slice to a target.

    With ``keep_lines`` what is kept stays on the lines that it has in the source, so that a source map of the slice
    holds for the source, too.
    """
    edits = sorted(_edits(text, facts, request, repoint))
    if keep_lines:
        edits = [(start, end, new + b"\n" * text.count(b"\n", start, end)) for start, end, new in edits]
    out = _Page(text, edits, keep_lines=keep_lines)
    first = facts.statements[0].span.start if facts.statements else 0
    if b"@jsx" in text[:first]:
        out.add(text[:first].rstrip())
    for line in _heads(text, request, repoint):
        out.add(line)
    exported: set[tuple[str, str]] = set()
    for index in request.statements:
        statement = facts.statements[index]
        out.span(statement.span)
        if statement.exported:
            inline = _DEFAULT.match(text, statement.span.start) is not None
            exported |= {(name, "default" if inline else name) for name in statement.declares}
    for value in request.values:
        out.value(value)
    listed = [pair for pair in request.exports if pair not in exported]
    if listed:
        out.add(f"export {{ {', '.join(_pair(local, name) for local, name in listed)} }}".encode())
    return out.text()


class _Page:
    """Lines in the order in which they are added."""

    def __init__(self, source: bytes, edits: Sequence[Edit], *, keep_lines: bool) -> None:
        self._source = source
        self._edits = edits
        self._keep_lines = keep_lines
        self._parts: list[bytes] = []
        self._line = 1

    def add(self, line: bytes) -> None:
        self._parts.append(line + b"\n")
        self._line += line.count(b"\n") + 1

    def span(self, span: Span) -> None:
        self._pad(span.start)
        self.add(self._edited(span))

    def value(self, value: Value) -> None:
        self._pad(value.span.start)
        expression = self._edited(value.span, value.omit)
        if value.bindings:
            steps = b" ".join(
                b"const %s = %s;" % (
                    binding.pattern.encode(),
                    binding.value.encode() if isinstance(binding.value, str) else b"(%s)" % self._edited(binding.value),
                )
                for binding in value.bindings
            )
            self.add(b"export const %s = /* @__PURE__ */ (() => { %s return (%s) })()" % (
                value.name.encode(), steps, expression,
            ))  # fmt: skip
        else:
            self.add(b"export const %s = (%s)" % (value.name.encode(), expression))

    def text(self) -> str:
        return b"".join(self._parts).decode("utf-8", "replace")

    def _pad(self, offset: int) -> None:
        if self._keep_lines:
            missing = self._source.count(b"\n", 0, offset) + 1 - self._line
            if missing > 0:
                self._parts.append(b"\n" * missing)
                self._line += missing

    def _edited(self, span: Span, omit: Iterable[Span] = ()) -> bytes:
        members = [_member(self._source, part) for part in omit]
        gone = [_line(self._source, start, end) for start, end in _merged(self._source, members)]
        parts: list[bytes] = []
        at = span.start
        for start, end, new in sorted([*self._edits, *gone]) if gone else self._edits:
            if at <= start and end <= span.end:
                parts += (self._source[at:start], new)
                at = end
        parts.append(self._source[at : span.end])
        return b"".join(parts)


def _heads(text: bytes, request: Request, repoint: Callable[[Target], str]) -> Iterator[bytes]:
    for entry in request.imports:
        attributes = b"" if entry.attributes is None else text[entry.attributes.start : entry.attributes.end]
        yield _import(entry, repoint(entry.target)).encode() + attributes.rstrip(b"; \t\r\n")
    for target, names in request.reexports:
        specifier = _quoted(repoint(target))
        for name, exported in names:
            if name != "*":
                yield f"export {{ {_pair(name, exported)} }} from {specifier}".encode()
            elif exported == "*":
                yield f"export * from {specifier}".encode()
            else:
                yield f"export * as {exported} from {specifier}".encode()
    for name, function in request.stand_ins:
        yield f"const {name} = {{ remote: {_quoted(function)} }}".encode()


def _import(entry: SliceImport, specifier: str) -> str:
    source = _quoted(specifier)
    if not entry.names:
        return f"import {source}"
    spaces = [local for name, local in entry.names if name == "*"]
    plain = [pair for pair in entry.names if pair[0] != "*"]
    lines = [f"import * as {local} from {source}" for local in spaces]
    if plain:
        lines.append(f"import {{ {', '.join(_pair(name, local) for name, local in plain)} }} from {source}")
    return "\n".join(lines)


def _edits(text: bytes, facts: FileFacts, request: Request, repoint: Callable[[Target], str]) -> Iterator[Edit]:
    members = {entry.span for factory in facts.factories for entry in factory.properties}
    gone = [_member(text, span) if span in members else (span.start, span.end, b"") for span in request.omit]
    gone = [_line(text, start, end) for start, end in _merged(text, gone)]
    yield from gone
    for span, target in request.specifiers:
        if not _inside(span.start, gone):
            yield span.start, span.end, _quoted(repoint(target)).encode()
    # Calls of another module's function are pure to esbuild only where they say so.
    calls = [factory.call.start for factory in facts.factories]
    if request.whole:
        calls += [function[2] for function in facts.functions]
    for start in calls:
        if not _inside(start, gone):
            yield start, start, b"/* @__PURE__ */ "
    if request.required is not None:
        yield from _constants(text, facts, request.required, gone)


def _merged(text: bytes, gone: Iterable[Edit]) -> list[tuple[int, int]]:
    """Neighbours with nothing but space and comments between them go together."""
    found: list[tuple[int, int]] = []
    for start, end, _ in sorted(gone):
        if found and _GAP.fullmatch(text, found[-1][1], start):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _constants(
    text: bytes, facts: FileFacts, required: tuple[str, frozenset[str] | None], gone: Sequence[Edit]
) -> Iterator[Edit]:
    """``requiredSingletonServices.db`` becomes true or false, so that the bundler drops the branch not taken."""
    alias, services = required
    for offset, name in facts.refs:
        if name != alias or _inside(offset, gone):
            continue
        end = offset + len(alias.encode())
        member = _MEMBER.match(text, end)
        if member is not None:
            taken = services is None or member[1].decode() in services
            yield offset, member.end(), b"true" if taken else b"false"
        elif services is None:
            yield offset, end, b"new Proxy({}, { get: () => true })"
        else:
            yield offset, end, f"({{ {', '.join(f'{_key(s)}: true' for s in sorted(services))} }})".encode()


def _member(text: bytes, span: Span) -> Edit:
    """Taking a member of an object literal out, with the comma behind it."""
    gap = _GAP.match(text, span.end)
    end = gap.end() if gap is not None else span.end
    return (span.start, end + 1, b"") if text[end : end + 1] == b"," else (span.start, span.end, b"")


def _line(text: bytes, start: int, end: int) -> Edit:
    """What stands alone on its lines takes them along."""
    newline, rest = text.rfind(b"\n", 0, start), _REST.match(text, end)
    if newline < 0 or rest is None or text[newline:start].strip():
        return start, end, b""
    return newline, rest.end() - 1, b""


def _inside(offset: int, edits: Iterable[Edit]) -> bool:
    return any(start <= offset < end for start, end, _ in edits)


def _pair(name: str, alias: str) -> str:
    return name if name == alias else f"{_key(name)} as {_key(alias)}"


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
