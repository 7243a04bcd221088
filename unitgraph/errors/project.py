"""What can be wrong with a project's own files: configuration, tsconfig, package.json, lockfile, imports."""

from collections.abc import Iterable
from difflib import get_close_matches

from unitgraph.errors.base import Place, UnitgraphError


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the given one, or None where none is alike."""
    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    found = get_close_matches(name.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


class ProjectNotFound(UnitgraphError):
    code = "project-not-found"

    def __init__(self, start: str) -> None:
        super().__init__(
            f"No pikku.config.json in {start!r} or any folder above it.",
            remedy="Change to the project's folder, name it with -d DIR, or start one with 'doit init'.",
        )


class BadJson(UnitgraphError):
    code = "bad-json"

    def __init__(self, place: Place, detail: str, *, strict: bool) -> None:
        allowed = "plain JSON (no comments, no trailing commas)" if strict else "JSON"
        super().__init__(f"This is not {allowed}: {detail}.", remedy="Mend the file at this place.", place=place)


class UnreadableFile(UnitgraphError):
    code = "unreadable-file"

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(
            f"The file cannot be read: {detail}.",
            remedy="Check that the file is there and that you may read it, then run the command again.",
            place=Place(path, 1, 1),
        )


class SourceVanished(UnitgraphError):
    code = "source-vanished"

    def __init__(self, path: str) -> None:
        super().__init__(
            "The file was there when the project was listed and is gone now.",
            remedy="Run the command again once whatever moves files in the project has finished.",
            place=Place(path, 1, 1),
        )


class UnknownKey(UnitgraphError):
    code = "config-unknown-key"

    def __init__(self, place: Place, key: str, *, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest(key, names)
        super().__init__(
            f"No setting is called {key!r} here.",
            remedy=f"Did you mean {near!r}?" if near else f"Known here: {', '.join(names)}.",
            place=place,
        )


class DuplicateKey(UnitgraphError):
    code = "config-duplicate-key"

    def __init__(self, place: Place, key: str) -> None:
        super().__init__(f"{key!r} is given twice.", remedy="Keep one of the two.", place=place)


class BadSetting(UnitgraphError):
    code = "config-bad-value"

    def __init__(self, place: Place, key: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"{key!r} should be {expected}, and is {found}.", remedy=f"Write {expected} here.", place=place
        )


class BadMigration(UnitgraphError):
    code = "migration-unreadable"

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(
            f"This migration can't be used: {why}.",
            remedy="Name migrations like 0001_books.sql, and write them in UTF-8.",
            place=place,
        )


class MissingFolder(UnitgraphError):
    code = "source-directory-missing"

    def __init__(self, place: Place, folder: str, *, near: str | None) -> None:
        super().__init__(
            f"There is no folder {folder!r}.",
            remedy=f"Did you mean {near!r}?" if near else "Make the folder, or take it out of srcDirectories.",
            place=place,
        )


class UnknownDefaultProvider(UnitgraphError):
    code = "config-unknown-provider"

    def __init__(self, place: Place, name: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"'deploy.providers' has no {name!r}.",
            remedy=f"Add it there, or use one of: {', '.join(sorted(known))}.",
            place=place,
        )


class UnknownEnvironment(UnitgraphError):
    code = "unknown-environment"

    def __init__(self, name: str, *, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known))
        super().__init__(
            f"The configuration has no environment called {name!r}.",
            remedy=f"Use one of: {names}." if names else "Add it under deploy.environments in pikku.config.json.",
        )


class PackageJsonMissing(UnitgraphError):
    code = "package-json-missing"

    def __init__(self, path: str) -> None:
        super().__init__(
            "The project has no package.json, whose name every unit's name starts with.",
            remedy='Write one: {"name": "my-app", "private": true, "type": "module"}.',
            place=Place(path, 1, 1),
        )


class ProjectUnnamed(UnitgraphError):
    code = "project-unnamed"

    def __init__(self, place: Place, name: object) -> None:
        found = f"the name {name!r}, which has no letter or digit" if isinstance(name, str) else "no name"
        super().__init__(
            f"package.json has {found}; every unit's name starts with it.",
            remedy='Add one, such as "name": "my-app".',
            place=place,
        )


class TsconfigMissing(UnitgraphError):
    code = "tsconfig-missing"

    def __init__(self, place: Place, wanted: str) -> None:
        super().__init__(
            f"The tsconfig {wanted!r} is not there.",
            remedy="Correct the path, or install the package that holds it.",
            place=place,
        )


class TsconfigCycle(UnitgraphError):
    code = "tsconfig-cycle"

    def __init__(self, place: Place, chain: Iterable[str]) -> None:
        super().__init__(
            f"This 'extends' leads back to itself: {' → '.join(chain)}.",
            remedy="Take one of these 'extends' out.",
            place=place,
        )


class BadTsconfig(UnitgraphError):
    code = "tsconfig-bad-value"

    def __init__(self, place: Place, key: str, *, expected: str) -> None:
        super().__init__(f"{key!r} should be {expected}.", remedy=f"Write {expected} here.", place=place)


class BadLockfile(UnitgraphError):
    code = "lockfile-unreadable"

    def __init__(self, place: Place, detail: str, *, install: str) -> None:
        super().__init__(
            f"The lockfile cannot be read: {detail}.",
            remedy=f"Write it anew with '{install}' (a merge conflict is resolved by doing so, too).",
            place=place,
        )


class PackageNotInstalled(UnitgraphError):
    code = "package-not-installed"

    def __init__(self, name: str, *, declared: bool, install: str, add: str, place: Place | None = None) -> None:
        super().__init__(
            f"The package {name!r} is not installed"
            + ("." if declared else ", and neither package.json nor the lockfile names it."),
            remedy=f"Run '{install}'." if declared else f"Run '{add} {name}', or correct the import.",
            place=place,
        )


class UnresolvedImport(UnitgraphError):
    code = "unresolved-import"

    def __init__(self, place: Place, specifier: str, *, reason: str, near: Iterable[str] = ()) -> None:
        close = ", ".join(repr(name) for name in near)
        super().__init__(
            f"{specifier!r} leads nowhere: {reason}.",
            remedy=f"Did you mean {close}?" if close else "Correct the specifier, or add what it names.",
            place=place,
        )
