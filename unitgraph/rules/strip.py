"""The digest of a source file without its comments, types and formatting: what a bundle really depends on.

esbuild itself does the stripping, so two files with one stripped digest are one file to the bundler.
Memoised by the digest of the raw file; files that esbuild doesn't strip stand for themselves.
The stripped text itself is what bundles are made from, so that nothing else can reach them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from unitgraph.cache import digest
from unitgraph.errors.build import InputChanged
from unitgraph.rules import esbuild
from unitgraph.rules.database import Database
from unitgraph.rules.memo import Memo

_SCRIPTS = frozenset((".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"))
_OPTIONS = ("--minify-whitespace", "--minify-syntax", "--legal-comments=none", "--charset=utf8")
_AT_ONCE = 250         # what esbuild does for one of many entries grows with their number
_AMBIGUOUS = re.compile(rb"<[^<>()]*>\s*[(`]")
"""What JavaScript may hold that means something else in TypeScript: a<b>(c). Such a file stands for itself."""

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
        self._salt = digest.of([version, self._options, digest.sha256(Path(__file__).read_bytes())])
        self._known: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}

    def digest(self, path: str) -> str:
        """The SHA-256 of ``path`` as stripped; call ``load`` with all paths first."""
        return self._known[path]

    def lacking(self, paths: Iterable[str]) -> list[str]:
        """Those of ``paths`` whose digests neither this run nor the memo knows."""
        wanted = [path for path in paths if path not in self._known]
        keys = {path: self._key(path) for path in wanted}
        held = self._database.stripped(keys.values())
        self._known.update((path, held[key]) for path, key in keys.items() if key in held)
        return [path for path in wanted if path not in self._known]

    def load(self, paths: Iterable[str]) -> None:
        """Makes the digests of ``paths`` known: from the memo, or by one run of esbuild for all that are new."""
        new = self.lacking(paths)
        if new:
            made = self._strip(new)
            self._known.update(made)
            self._database.save_stripped((self._key(path), name) for path, name in made.items())

    def _key(self, path: str) -> str:
        return f"{self._salt}{PurePosixPath(path).suffix}{self._memo.digest(path)}"

    def known(self) -> Iterator[tuple[str, str, str]]:
        """What is known: salt, path, stripped digest."""
        return ((self._salt, path, name) for path, name in self._known.items())

    def texts(self, paths: Iterable[str]) -> tuple[dict[str, bytes], list[str]]:
        """The stripped texts of files whose digests are known, and those of the files that stand for themselves."""
        paths = list(paths)
        missing = [path for path in paths if path not in self._texts and PurePosixPath(path).suffix in _SCRIPTS]
        if missing:
            for path, name in self._strip(missing).items():
                if self._known[path] != name:
                    raise InputChanged(path)
        return (
            {path: self._texts[path] for path in paths if path in self._texts},
            [path for path in paths if path not in self._texts],
        )

    def _strip(self, paths: list[str]) -> dict[str, str]:
        """Path → digest; the texts are kept."""
        scripts = [path for path in paths if PurePosixPath(path).suffix in _SCRIPTS]
        made: dict[str, str] = {}
        for start in range(0, len(scripts), _AT_ONCE):
            texts = self._run(scripts[start : start + _AT_ONCE], self._options)
            made.update((path, digest.sha256(text)) for path, text in texts.items())
            self._texts.update(texts)
        annotated = [path for path in made if _ANNOTATION.search((self._root / path).read_bytes())]
        if annotated:
            options = [option for option in self._options if option != "--minify-whitespace"]
            for path, text in self._run(annotated, options).items():
                made[path] = digest.of([made[path], digest.sha256(b"".join(text.split()))])
                self._texts[path] = text
        made.update((path, self._content(path)) for path in paths if path not in made)
        moved = self._memo.moved(paths)
        if moved:
            raise InputChanged(moved[0])
        return made

    def _run(self, paths: list[str], options: Sequence[str]) -> dict[str, bytes]:
        """The texts of those that can be stripped."""
        names = {str(number): path for number, path in enumerate(paths)}
        built = esbuild.build(self._binary(), names, options, root=self._root)
        if not built.errors:
            texts = {path: built.outputs[f"{number}.js"] for number, path in names.items()}
            return {path: text for path, text in texts.items() if not _AMBIGUOUS.search(text)}
        broken = {error.place.path for error in built.errors if error.place} & set(paths)
        rest = [path for path in paths if path not in broken]
        return self._run(rest, options) if broken and rest else {}

    def _content(self, path: str) -> str:
        """A file that can't be stripped stands for itself; its own bundle will say what is wrong with it."""
        return digest.sha256((self._root / path).read_bytes())
