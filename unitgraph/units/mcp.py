"""What the wirings of an MCP server say besides their function: names, URIs, and what clients are told of them."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from unitgraph.errors.source import MissingOption
from unitgraph.errors.wiring import BadMcpUri
from unitgraph.units.application import McpShown
from unitgraph.units.draft import Draft, Entries
from unitgraph.units.evaluate import Scope
from unitgraph.units.facts import Span

ROUTE: Final = "/mcp"
"""Where the server answers."""

Kind = Literal["tool", "resource", "prompt"]
KINDS: Final[Mapping[str, Kind]] = {"wireMCPTool": "tool", "wireMCPResource": "resource", "wireMCPPrompt": "prompt"}

_STATIC: Final = frozenset(
    ("func", "name", "uri", "title", "summary", "description", "mimeType", "size", "annotations")
)
"""Options that nobody needs at run time where the function is: the server has them."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[^\s\x00-\x1f\x7f\"<>\\^`{|}]|\{\w+\})+")
"""A URI (RFC 3986), or a template of one with ``{name}`` for what may stand in one part of it."""


def name(draft: Draft, settled: Scope, entries: Entries, call: str) -> str | None:
    """The name of a tool or prompt, or the URI of a resource; None where there is none, or where it can't be one."""
    kind = KINDS[call]
    if kind != "resource":
        return draft.name(entries["name"].value, f"an MCP {kind}") if "name" in entries else None
    if "uri" not in entries:
        draft.report(MissingOption(draft.at(settled), call, "uri"))
        return None
    uri = draft.string(entries["uri"].value, f"'uri' of {call}")
    if uri is not None and not _URI.fullmatch(uri):
        draft.report(BadMcpUri(draft.at(entries["uri"].value), uri))
        return None
    return uri


def needed(entries: Entries) -> tuple[bool, list[Span]]:
    """Whether the function's unit needs anything of the options, and the spans of what it doesn't."""
    spans = [Span(entry.start, entry.end) for key, entry in entries.items() if entry.own and key in _STATIC]
    return any(key not in _STATIC for key in entries), spans


def shown(draft: Draft, entries: Entries, call: str) -> McpShown:
    """What clients are told; what isn't constant they aren't, which is said."""
    is_resource = KINDS[call] == "resource"
    size = _constant(draft, entries, "size", call)
    hints = draft.entries(entries["annotations"].value, f"'annotations' of {call}") if "annotations" in entries else {}
    read = {key: draft.quiet(entry.value) for key, entry in sorted((hints or {}).items())}
    return McpShown(
        title=_text(draft, entries, "title", call),
        description=_text(draft, entries, "description", call),
        name=_text(draft, entries, "name", call) if is_resource else None,
        mime_type=_text(draft, entries, "mimeType", call),
        size=size if type(size) is int else None,
        annotations=tuple((key, value) for key, value in read.items() if isinstance(value, (str, bool))),
    )


def _text(draft: Draft, entries: Entries, key: str, call: str) -> str | None:
    value = _constant(draft, entries, key, call)
    return value if isinstance(value, str) else None


def _constant(draft: Draft, entries: Entries, key: str, call: str) -> Any:
    entry = entries.get(key)
    if entry is None:
        return None
    value = draft.quiet(entry.value)
    if value is None:
        draft.notices.append(f"{draft.at(entry.value)}: {key!r} of {call} isn't constant, so clients aren't told it.")
    return value
