"""tsconfig.json with what it extends: the options that change how a file resolves or compiles.

Knows nothing of type checking: every option that only tsc reads is ignored.
"""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.project import BadJson, BadTsconfig, TsconfigCycle, TsconfigMissing
from unitgraph.units import jsontext
from unitgraph.units.sources import Sources

# Options that esbuild reads from a tsconfig, and what each must be.
OPTIONS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "alwaysStrict": ("true or false", lambda value: isinstance(value, bool)),
    "experimentalDecorators": ("true or false", lambda value: isinstance(value, bool)),
    "jsx": (
        "one of preserve, react, react-jsx, react-jsxdev, react-native",
        lambda value: value in {"preserve", "react", "react-jsx", "react-jsxdev", "react-native"},
    ),
    "jsxFactory": ("a string", lambda value: isinstance(value, str)),
    "jsxFragmentFactory": ("a string", lambda value: isinstance(value, str)),
    "jsxImportSource": ("a string", lambda value: isinstance(value, str)),
    "preserveValueImports": ("true or false", lambda value: isinstance(value, bool)),
    "strict": ("true or false", lambda value: isinstance(value, bool)),
    "target": ("a string such as ES2022", lambda value: isinstance(value, str)),
    "useDefineForClassFields": ("true or false", lambda value: isinstance(value, bool)),
    "verbatimModuleSyntax": ("true or false", lambda value: isinstance(value, bool)),
}


@dataclass(frozen=True, slots=True)
class Tsconfig:
    """``base_url`` and the targets of ``paths`` are relative to the project's root; ``files`` were read for it."""

    options: Mapping[str, Any] = field(default_factory=dict)
    base_url: str | None = None
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def bundling(self) -> dict[str, Any]:
        """What a bundler must know, as a tsconfig of the root: for ``--tsconfig-raw``, the same on every machine."""
        options: dict[str, Any] = dict(sorted(self.options.items()))
        if self.base_url is not None:
            options["baseUrl"] = _dotted(self.base_url)
        if self.paths:
            # Beside a baseUrl, a bundler takes the targets of paths as relative to it.
            options["paths"] = {
                pattern: [_dotted(posixpath.relpath(target, self.base_url or ".")) for target in targets]
                for pattern, targets in sorted(self.paths.items())
            }
        return {"compilerOptions": options}


def read_tsconfig(
    sources: Sources, path: str, *, asked: Place | None
) -> tuple[Tsconfig, tuple[UnitgraphError, ...]]:
    """The tsconfig at a path; ``asked`` is the place that names it, None where only the default is looked for."""
    problems: list[UnitgraphError] = []
    if not sources.is_file(path):
        if asked is not None:
            problems.append(TsconfigMissing(asked, path))
        return Tsconfig(), tuple(problems)
    reading = _Reading(sources, posixpath.dirname(path), problems)
    merged = reading.load(path, ())
    # An explicit baseUrl wins over the folder of the file that gives the paths, even where another file gives it.
    anchor = merged.base_url if merged.base_url is not None else merged.paths_folder
    paths = {
        pattern: tuple(reading.under(anchor, target) for target in targets)
        for pattern, targets in merged.paths.items()
    }
    return Tsconfig(merged.options, merged.base_url, paths, tuple(dict.fromkeys(reading.files))), tuple(problems)


@dataclass(slots=True)
class _Merged:
    options: dict[str, Any] = field(default_factory=dict)
    base_url: str | None = None
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    paths_folder: str = ""


@dataclass(slots=True)
class _Text:
    path: str
    text: str
    offsets: Mapping[jsontext.Path, int]

    def place(self, *key: str | int) -> Place:
        return Place(self.path, *jsontext.position(self.text, self.offsets.get(key, 0)))


class _Reading:
    def __init__(self, sources: Sources, folder: str, problems: list[UnitgraphError]) -> None:
        self._sources = sources
        self._folder = folder       # what ${configDir} means in every file
        self._problems = problems
        self.files: list[str] = []

    def load(self, path: str, chain: tuple[str, ...]) -> _Merged:
        merged = _Merged()
        self.files.append(path)
        raw = self._sources.read(path).decode("utf-8", "replace").removeprefix("\ufeff")
        try:
            data = jsontext.parse_lenient(raw)
        except jsontext.NotJson as error:
            self._problems.append(BadJson(Place(path, error.line, error.column), error.detail, strict=False))
            return merged
        plain = jsontext.plain(raw)
        source = _Text(path, plain, jsontext.offsets(plain)[0])
        if not isinstance(data, dict):
            self._problems.append(BadTsconfig(Place(path, 1, 1), "tsconfig", expected="an object"))
            return merged
        for key, specifier in self._extended(data.get("extends"), source):
            base = self._find(posixpath.dirname(path), specifier)
            if base is None:
                self._problems.append(TsconfigMissing(source.place(*key), specifier))
            elif base in (*chain, path):
                self._problems.append(TsconfigCycle(source.place(*key), (*chain, path, base)))
            else:
                inherited = self.load(base, (*chain, path))
                merged.options |= inherited.options
                merged.base_url = inherited.base_url if inherited.base_url is not None else merged.base_url
                if inherited.paths:
                    merged.paths, merged.paths_folder = inherited.paths, inherited.paths_folder
        self._own(data.get("compilerOptions", {}), source, merged)
        return merged

    def _extended(self, value: Any, source: _Text) -> list[tuple[jsontext.Path, str]]:
        if value is None:
            return []
        if isinstance(value, str):
            return [(("extends",), value)]
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return [(("extends", index), item) for index, item in enumerate(value)]
        self._problems.append(BadTsconfig(source.place("extends"), "extends", expected="a path or an array of paths"))
        return []

    def _own(self, options: Any, source: _Text, merged: _Merged) -> None:
        top = "compilerOptions"
        if not isinstance(options, dict):
            self._problems.append(BadTsconfig(source.place(top), top, expected="an object"))
            return
        for name, (expected, fits) in OPTIONS.items():
            if name in options:
                if fits(options[name]):
                    merged.options[name] = options[name]
                else:
                    self._problems.append(BadTsconfig(source.place(top, name), name, expected=expected))
        folder = posixpath.dirname(source.path)
        base = options.get("baseUrl")
        if isinstance(base, str):
            merged.base_url = self.under(folder, base)
        elif base is not None:
            self._problems.append(BadTsconfig(source.place(top, "baseUrl"), "baseUrl", expected="a path"))
        if "paths" in options:
            merged.paths, merged.paths_folder = self._paths(options["paths"], source), folder

    def under(self, folder: str, path: str) -> str:
        path = path.replace("${configDir}", posixpath.relpath(self._folder or ".", folder or "."))
        return posixpath.normpath(posixpath.join(folder, path))

    def _paths(self, paths: Any, source: _Text) -> dict[str, tuple[str, ...]]:
        key = ("compilerOptions", "paths")
        if not isinstance(paths, dict):
            self._problems.append(BadTsconfig(source.place(*key), "paths", expected="an object"))
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for pattern, targets in paths.items():
            fits = isinstance(targets, list) and all(isinstance(target, str) for target in targets)
            if fits and pattern.count("*") <= 1 and all(target.count("*") <= 1 for target in targets):
                found[pattern] = tuple(targets)
            else:
                expected = "an array of paths with at most one * each"
                self._problems.append(BadTsconfig(source.place(*key, pattern), pattern, expected=expected))
        return found

    def _find(self, folder: str, specifier: str) -> str | None:
        if specifier.startswith((".", "/")):
            return self._file(self.under(folder, specifier))
        level = folder
        while True:
            found = self._file(posixpath.normpath(posixpath.join(level, "node_modules", specifier)))
            if found is not None:
                return found
            absolute = posixpath.normpath(self._sources.absolute(level or "."))
            if absolute == "/":
                return None
            level = posixpath.normpath(posixpath.join(level, ".."))

    def _file(self, path: str) -> str | None:
        candidates = (path, f"{path}.json", posixpath.join(path, "tsconfig.json"))
        return next((candidate for candidate in candidates if self._sources.is_file(candidate)), None)


def _dotted(path: str) -> str:
    return path if path.startswith((".", "/")) else f"./{path}"
