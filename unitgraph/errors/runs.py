"""What can be wrong with a command on runs of workflows, and with where they are kept."""

from collections.abc import Iterable, Sequence

from unitgraph.errors.base import UnitgraphError

_SHOWN = 12


class TaskUnknown(UnitgraphError):
    """A command of several tasks was asked for another one."""

    code = "task-unknown"

    def __init__(self, command: str, name: str, *, known: Iterable[str], near: Sequence[str]) -> None:
        remedy = f"Did you mean {' or '.join(near)}?" if near else f"Use one of: {', '.join(known)}."
        super().__init__(f"{command!r} has no {name!r}.", remedy=remedy)


class OptionMisplaced(UnitgraphError):
    """An option of another task of the same command; taken silently it would seem to have had its effect."""

    code = "option-misplaced"

    def __init__(self, option: str, task: str, *, takes: Iterable[str]) -> None:
        known = ", ".join(sorted(takes))
        super().__init__(f"{task!r} has no option {option}.", remedy=f"Leave it out. It takes: {known}.")


class RunIdMissing(UnitgraphError):
    code = "run-id-missing"

    def __init__(self, task: str) -> None:
        super().__init__(
            f"{task!r} is about a run, and none is named.",
            remedy=f"Type 'doit {task} ID'; 'doit runs list' has the ids.",
        )


class WordsTooMany(UnitgraphError):
    code = "words-too-many"

    def __init__(self, task: str, words: Sequence[str]) -> None:
        command = task.partition(" ")[0]
        super().__init__(
            f"{task!r} can't do anything with: {' '.join(words)}.",
            remedy=f"Type 'doit help {command}' to see what it takes.",
        )


class TimeInvalid(UnitgraphError):
    code = "time-invalid"

    def __init__(self, option: str, text: str) -> None:
        super().__init__(
            f"{option} is {text!r}, which is no time.",
            remedy="Write how long ago, as 2h or 7d, or when, as 2026-01-31 or 2026-01-31T12:00Z.",
        )


class StatusUnknown(UnitgraphError):
    code = "run-status-unknown"

    def __init__(self, text: str, *, known: Iterable[str]) -> None:
        super().__init__(f"No run has the status {text!r}.", remedy=f"Use one or more of: {','.join(known)}.")


class RunsPlaceUnknown(UnitgraphError):
    """What was given as the store of runs is no folder, file or server."""

    code = "runs-place-unknown"

    def __init__(self, store: str) -> None:
        super().__init__(
            f"There are no runs at {store}: it is no folder, no export and no URL.",
            remedy="Give '--store' a data folder, a file of 'doit runs export', or the URL of a server or deployment.",
        )


class RunsMissing(UnitgraphError):
    """A data folder or a database that no process of the project has kept runs in."""

    code = "runs-missing"

    def __init__(self, where: str, what: str) -> None:
        super().__init__(
            f"There are no runs in {where}: it has no {what}.",
            remedy="Give '--store' the folder or server that the process uses, or '--dev' for what 'doit dev' keeps.",
        )


class RunsUnusable(UnitgraphError):
    """The store can't be reached, or can't be read."""

    code = "runs-unusable"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(
            f"The runs at {place} can't be read: {why.rstrip('.')}.",
            remedy="Look whether the server runs and may be reached from here, or name another one with '--store'.",
        )


class RunsTokenWrong(UnitgraphError):
    """A deployment answers about its runs, and not to us."""

    code = "runs-token-wrong"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} tells nobody of its runs without its token.",
            remedy="Set UNITGRAPH_DASHBOARD_TOKEN to the value that the deployment has.",
        )


class RunsUnanswered(UnitgraphError):
    """Something answers, and knows of no runs."""

    code = "runs-unanswered"

    def __init__(self, url: str, status: int) -> None:
        super().__init__(
            f"{url} doesn't answer about runs: status {status}.",
            remedy="Give the deployment UNITGRAPH_DASHBOARD_TOKEN, and look whether the URL leads to it.",
        )


class ExportUnwritable(UnitgraphError):
    code = "export-unwritable"

    def __init__(self, file: str, detail: str) -> None:
        super().__init__(
            f"The export can't be written to {file}: {detail}.",
            remedy="Give '--file' a path in a folder that there is.",
        )


class RunsExportBroken(UnitgraphError):
    code = "runs-export-broken"

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(
            f"Line {line} of {file} is no run: {why.rstrip('.')}.",
            remedy="Write the file anew with 'doit runs export'.",
        )


class RunsReadOnly(UnitgraphError):
    """An export is a copy: nobody goes on with what is changed in it."""

    code = "runs-read-only"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is an export, whose runs nobody goes on with.", remedy="Name the store itself with '--store'."
        )


class ReplayEnded(UnitgraphError):
    """The process that replays runs is gone; what it said stands above."""

    code = "replay-ended"

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The process that runs the workflows' code again ended with status {status}.",
            remedy="Mend what the code does as it is loaded; what it printed stands above.",
        )


class RunUnknown(UnitgraphError):
    code = "run-unknown"

    def __init__(self, run: str, place: str) -> None:
        super().__init__(
            f"There is no run {run} at {place}.",
            remedy="Type 'doit runs list' to see which there are; the first letters of an id are enough.",
        )


class RunAmbiguous(UnitgraphError):
    code = "run-ambiguous"

    def __init__(self, run: str, ids: Sequence[str]) -> None:
        super().__init__(
            f"{len(ids)} runs begin with {run}: {', '.join(ids[:_SHOWN])}.",
            remedy="Name one of them with more letters.",
        )


class RunEnded(UnitgraphError):
    code = "run-ended"

    def __init__(self, run: str, status: str) -> None:
        super().__init__(
            f"The run {run} has ended: it is {status}.", remedy=f"Type 'doit runs fork {run}' to do it again."
        )


class RunNotPaused(UnitgraphError):
    code = "run-not-paused"

    def __init__(self, run: str, status: str) -> None:
        super().__init__(
            f"The run {run} isn't paused: it is {status}.",
            remedy=f"Leave it, it goes on by itself; one that has ended begins anew with 'doit runs fork {run}'.",
        )


class StepUnknown(UnitgraphError):
    code = "run-step-unknown"

    def __init__(self, run: str, step: str, *, known: Sequence[str]) -> None:
        steps = ", ".join(map(repr, known[:_SHOWN])) or "none yet"
        super().__init__(
            f"The run {run} has done no step {step!r}.",
            remedy=f"Use one of its steps: {steps}; or leave '--from' out to begin anew.",
        )


class RunIdTaken(UnitgraphError):
    code = "run-id-taken"

    def __init__(self, run: str) -> None:
        super().__init__(f"There is a run {run} already.", remedy="Give another id to '--as', or leave it out.")
