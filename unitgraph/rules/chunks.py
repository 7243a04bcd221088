"""Names for shared chunks that depend on nothing but what is in them.

esbuild's own hashes cover the inputs' paths relative to the working folder, so they differ between checkouts.
A chunk's name here is the digest of its text and of every chunk reached from it, which chunks that import each
other in a circle have too. Knows text, not JavaScript.
"""

import re
from collections.abc import Mapping

from unitgraph.cache import digest

NAMES = "chunks/unitgraph-[hash]"
_TOKEN = re.compile(rb"unitgraph-[A-Z0-9]{8}")
_EXPORTS = re.compile(rb"export\{([\w$, ]+)\};\s*\Z")
"""What a chunk gives to others, at its end: esbuild's order there comes from files that aren't in it."""



def rename(outputs: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same outputs with stable chunk names, in their paths and in the texts that import them."""
    outputs = {path: _EXPORTS.sub(_in_order, data) for path, data in outputs.items()}
    code = {path: data for path, data in outputs.items() if not path.endswith(".map")}      # maps name places
    texts = {match[0]: data for path, data in code.items() if (match := _TOKEN.search(path.encode()))}
    plain = {token: digest.sha256(_TOKEN.sub(b"", data)) for token, data in texts.items()}
    needs = {token: [found for found in _TOKEN.findall(data) if found in texts] for token, data in texts.items()}
    names = {token: f"c-{digest.of(_reached(token, needs, plain))[:16]}".encode() for token in texts}
    replace = lambda match: names.get(match[0], match[0])  # noqa: E731 - used twice below, and nowhere else
    renamed = (
        (_TOKEN.sub(replace, path.encode()).decode(), _TOKEN.sub(replace, data)) for path, data in outputs.items()
    )
    return dict(sorted(renamed))        # by their new names: the old ones are others on every machine


def _in_order(match: re.Match[bytes]) -> bytes:
    return b"export{" + b",".join(sorted(match[1].split(b","))) + b"};\n"


def _reached(token: bytes, needs: Mapping[bytes, list[bytes]], plain: Mapping[bytes, str]) -> list[str]:
    """The digests of ``token`` and of all behind it, in the order in which their texts name them."""
    seen = {token: None}
    pending = [token]
    while pending:
        for need in needs[pending.pop()]:
            if need not in seen:
                seen[need] = None
                pending.append(need)
    return [plain[one] for one in seen]
