"""What is wrong, for a terminal and for a browser: each problem with its place and the lines around it. Pure.

Source text is hostile: on the page everything is escaped, and the page may run its own script alone.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import Final

from unitgraph.errors import Place, Problems, UnitgraphError

Read = Callable[[str], str | None]
"""The text of a file of the project, by its path; None where there is none."""

_AROUND: Final = 2
_WIDEST: Final = 160
_SCRIPT: Final = (
    "const seen=document.documentElement.dataset.edition;"
    "new EventSource('/__unitgraph/dev/events?seen='+seen).onmessage=()=>location.reload()"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_STYLE: Final = (
    ":root{color-scheme:light dark}h1{font-size:1.2rem}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem}"
    "pre{padding:.8rem 1rem;overflow:auto;border:1px solid #8886;border-radius:.4rem;line-height:1.45}"
    "section{margin:2rem 0}.place,code{font-family:ui-monospace,monospace}mark{background:#f5533d40;color:inherit}"
    "small{opacity:.7}"
)


def flat(errors: Sequence[UnitgraphError]) -> list[UnitgraphError]:
    """Each problem by itself."""
    return [one for error in errors for one in (error.problems if isinstance(error, Problems) else (error,))]


def text(errors: Sequence[UnitgraphError], read: Read) -> str:
    """For a terminal."""
    return "\n".join("\n".join([str(error), *_lines(error.place, read)]) for error in flat(errors)) + "\n"


def page(errors: Sequence[UnitgraphError], read: Read) -> str:
    """For a browser; ``{{edition}}`` stands for the front's count, and comes before anything of the project's."""
    count = len(flat(errors))
    head = "1 problem" if count == 1 else f"{count} problems"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; connect-src 'self'"
    return (
        f'<!doctype html><html lang="en" data-edition="{{{{edition}}}}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f"<title>{head}</title><style>{_STYLE}</style></head><body><h1>{head}</h1>"
        f"{''.join(_section(error, read) for error in flat(errors))}"
        f"<p><small>The last version that was good goes on answering everybody but browsers. "
        f"This page goes away by itself.</small></p><script>{_SCRIPT}</script></body></html>\n"
    )


def _section(error: UnitgraphError, read: Read) -> str:
    place = f'<p class="place">{escape(str(error.place))}</p>' if error.place else ""
    lines = "\n".join(
        f"<mark>{escape(line)}</mark>" if line.startswith(">") else escape(line) for line in _lines(error.place, read)
    )
    excerpt = f"<pre>{lines}</pre>" if lines else ""
    words = "\n".join(getattr(error, "said", ()))
    said = f"<pre>{escape(words)}</pre>" if words else ""
    return (
        f"<section>{place}<p>{escape(error.message)} <code>[{escape(error.code)}]</code></p>{said}{excerpt}"
        f"<p>{escape(error.remedy)}</p></section>"
    )


def _lines(place: Place | None, read: Read) -> Iterator[str]:
    """The lines around a place, the one that is meant with a mark in front."""
    source = read(place.path) if place is not None else None
    if place is None or source is None:
        return
    lines = source.splitlines()
    first = max(1, place.line - _AROUND)
    last = min(len(lines), place.line + _AROUND)
    for number in range(first, last + 1):
        mark = ">" if number == place.line else " "
        shown = lines[number - 1].expandtabs(4)[:_WIDEST]
        yield f"{mark} {number:>{len(str(last))}} | {''.join(sign if sign.isprintable() else '?' for sign in shown)}"
