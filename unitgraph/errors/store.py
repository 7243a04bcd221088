"""What can be wrong with a command on this machine's cache, or with its folder."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from unitgraph.errors.base import UnitgraphError


class UnknownCacheTask(UnitgraphError):
    """``doit cache`` was asked for something that it doesn't do."""

    code = "cache-task-unknown"

    def __init__(self, name: str, *, known: Iterable[str], near: Sequence[str]) -> None:
        remedy = f"Did you mean {' or '.join(near)}?" if near else f"Use one of: {', '.join(known)}."
        super().__init__(f"'cache' has no {name!r}.", remedy=remedy)


class CacheOptionMisplaced(UnitgraphError):
    """An option of another task of ``doit cache``; taken silently it would seem to have had its effect."""

    code = "cache-option-misplaced"

    def __init__(self, option: str, task: str, *, takes: Iterable[str]) -> None:
        known = ", ".join(sorted(takes))
        super().__init__(f"'cache {task}' has no option {option}.", remedy=f"Leave it out. It takes: {known}.")


class CacheArgumentsTooMany(UnitgraphError):
    code = "cache-arguments-too-many"

    def __init__(self, task: str, words: Sequence[str]) -> None:
        super().__init__(
            f"'cache {task}' takes no further words, and was given: {' '.join(words)}.",
            remedy=f"Type 'doit help cache' to see what 'cache {task}' takes.",
        )


class AmountInvalid(UnitgraphError):
    """A size, an age or a share that can't be read; ``setting`` is the option or variable that it was given to."""

    code = "amount-invalid"

    def __init__(self, setting: str, text: str, *, example: str) -> None:
        super().__init__(f"{setting} is {text!r}, which can't be read.", remedy=f"Write it like {example}.")


class CacheFolderUnusable(UnitgraphError):
    """The command is about the folder itself, so there is no going on without it."""

    code = "cache-folder-unusable"

    def __init__(self, folder: Path, detail: str) -> None:
        super().__init__(
            f"The cache's folder {folder} can't be worked on: {detail}.",
            remedy="Run 'doit cache doctor' as the folder's owner, or name another folder with UNITGRAPH_CACHE.",
        )


class KeyFileExists(UnitgraphError):
    """A key that is overwritten is lost, and with it the means to sign."""

    code = "key-file-exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is there already and isn't overwritten.", remedy="Name a file that isn't there yet.")
