"""The digest of a source file without its comments, types and formatting: what a bundle really depends on.

esbuild itself does the stripping, so two files with one stripped digest are one file to the bundler.
Memoised by the digest of the raw file; files that esbuild doesn't strip stand for themselves.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from unitgraph.cache import digest
from unitgraph.errors.build import InputChanged
from unitgraph.rules import esbuild
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo

_SCRIPTS = frozenset((".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"))
_OPTIONS = ("--minify-whitespace", "--minify-syntax", "--legal-comments=none", "--charset=utf8")
_AT_ONCE = 2000
_ANNOTATION = re.compile(rb"[@#]__(?:PURE|NO_SIDE_EFFECTS)__")
"""The comments that change a bundle: they steer tree shaking, and minified text doesn't have them."""


class Stripper:
    """Stripped digests under ``root``. ``options`` are those which change how a file is read (tsconfig)."""

    def __init__(
        self,
        root: Path,
        database: Database,
        binary: Callable[[], Path],
        memo: Memo,
        options: tuple[str, ...],
        version: str,
    ) -> None:
        self._root = root
        self._database = database
        self._binary = binary
        self._memo = memo
        self._options = (*_OPTIONS, *options)
        self._salt = digest.of([version, self._options])
        self._known: dict[str, str] = {}

    def digest(self, path: str) -> str:
        """The SHA-256 of ``path`` as stripped; call ``load`` with all paths first."""
        return self._known[path]

    def load(self, paths: Iterable[str]) -> None:
        """Makes the digests of ``paths`` known: from the memo, or by one run of esbuild for all that are new."""
        wanted = [path for path in paths if path not in self._known]
        keys = {path: f"{self._salt}{PurePosixPath(path).suffix}{self._memo.digest(path)}" for path in wanted}
        held = self._database.stripped(keys.values())
        self._known.update((path, held[key]) for path, key in keys.items() if key in held)
        new = [path for path in wanted if keys[path] not in held]
        if new:
            made = self._strip(new)
            moved = self._memo.moved(new)
            if moved:
                raise InputChanged(moved[0])
            self._known.update(made)
            self._database.save_stripped((keys[path], name) for path, name in made.items())

    def _strip(self, paths: list[str]) -> dict[str, str]:
        scripts = [path for path in paths if PurePosixPath(path).suffix in _SCRIPTS]
        made = {path: self._content(path) for path in paths if PurePosixPath(path).suffix not in _SCRIPTS}
        for start in range(0, len(scripts), _AT_ONCE):
            made.update(self._strip_scripts(scripts[start : start + _AT_ONCE]))
        annotated = [path for path in scripts if _ANNOTATION.search((self._root / path).read_bytes())]
        if annotated:
            printed = self._strip_scripts(annotated, printed=True)
            made.update((path, digest.of([made[path], printed[path]])) for path in annotated)
        return made

    def _strip_scripts(self, paths: list[str], *, printed: bool = False) -> Mapping[str, str]:
        """``printed``: with annotations, and without any white space, that in strings included."""
        names = {str(number): path for number, path in enumerate(paths)}
        options = [option for option in self._options if not (printed and option == "--minify-whitespace")]
        built = esbuild.build(self._binary(), names, options, root=self._root)
        if not built.errors:
            texts = {path: built.outputs[f"{number}.js"] for number, path in names.items()}
            return {path: digest.sha256(b"".join(text.split()) if printed else text) for path, text in texts.items()}
        broken = {error.place.path for error in built.errors if error.place} & set(paths)
        if not broken:
            return {path: self._content(path) for path in paths}
        rest = [path for path in paths if path not in broken]
        kept = {path: self._content(path) for path in broken}
        return kept | (dict(self._strip_scripts(rest, printed=printed)) if rest else {})

    def _content(self, path: str) -> str:
        """A file that can't be stripped stands for itself; its own bundle will say what is wrong with it."""
        return digest.sha256((self._root / path).read_bytes())
