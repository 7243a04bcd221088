"""What can go wrong while the graph is built."""

from collections.abc import Sequence

from unitgraph.errors.base import Place, UnitgraphError


class EsbuildFailed(UnitgraphError):
    """esbuild ended without a message of its own."""

    code = "esbuild-failed"

    def __init__(self, status: int, output: str) -> None:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        said = f" It said: {output.strip()[-500:]}" if output.strip() else ""
        super().__init__(f"esbuild {how}.{said}", remedy="Run the command again; see that memory isn't short.")
        self.status = status
        self.output = output


class BundleOutOfMemory(UnitgraphError):
    """One unit alone takes more memory than there is; batches of several were made smaller before."""

    code = "bundle-out-of-memory"

    def __init__(self, unit: str, *, read_bytes: int, available_bytes: int | None) -> None:
        had = "" if available_bytes is None else f", with {available_bytes / 1e6:,.0f} MB of memory available"
        super().__init__(
            f"esbuild ran out of memory on unit {unit} alone, whose sources in the project are "
            f"{read_bytes / 1e6:,.1f} MB{had}.",
            remedy="Give the build more memory, or import less: read large data at run time rather than import it.",
        )
        self.unit = unit


class BundleFailed(UnitgraphError):
    """esbuild refused the sources of one unit; the message is esbuild's."""

    code = "bundle-failed"

    def __init__(self, unit: str, message: str, place: Place | None) -> None:
        remedy = "Mend the source at that place."
        super().__init__(f"Unit {unit} can't be bundled: {message}", remedy=remedy, place=place)
        self.unit = unit


class PageFailed(UnitgraphError):
    """esbuild refused a page's script; the message is esbuild's."""

    code = "page-failed"

    def __init__(self, entry: str, message: str, place: Place | None) -> None:
        super().__init__(f"{entry} can't be bundled: {message}", remedy="Mend the source at that place.", place=place)
        self.entry = entry


class UndeclaredInput(UnitgraphError):
    """A bundle holds a file that analysis didn't know of, so that its key would not change with it."""

    code = "undeclared-input"

    def __init__(self, unit: str, paths: Sequence[str]) -> None:
        super().__init__(
            f"The bundle of {unit} read what analysis did not declare: {', '.join(paths)}.",
            remedy="Import it with a constant specifier, as in import('./name'): then it is seen without running code.",
        )


class InputChanged(UnitgraphError):
    """A file was edited while an action read it: its output is neither recorded nor shipped."""

    code = "input-changed"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} changed while it was being built; the result was thrown away.", remedy="Run the command again."
        )


class GeneratedDiffers(UnitgraphError):
    """What another build says was generated for a unit isn't what is generated here: one of the two is broken."""

    code = "generated-differs"

    def __init__(self, unit: str) -> None:
        super().__init__(
            f"What the cache says was generated for {unit!r} isn't what is generated here.",
            remedy="Delete .deploy/cache and run 'doit cache doctor', then build again; please report it.",
        )


class UnknownTask(UnitgraphError):
    """The command line names a task or a unit that isn't there."""

    code = "unknown-task"

    def __init__(self, name: str, near: Sequence[str]) -> None:
        remedy = f"Did you mean {' or '.join(near)}?" if near else "See the names with 'doit list --all'."
        super().__init__(f"No task or unit is called {name!r}.", remedy=remedy)


class DependencyFailed(UnitgraphError):
    """An action was left out because one that it needs failed."""

    code = "dependency-failed"

    def __init__(self, action: str, needed: str) -> None:
        super().__init__(f"{action} was not run, since {needed} failed.", remedy=f"Mend {needed} first.")


class DiskFull(UnitgraphError):
    """The file system has no room left for an output."""

    code = "disk-full"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"No space is left to write {path}; nothing there is half-written.",
            remedy="Free some space and run the command again: what had finished is kept.",
        )


class OutputEscapes(UnitgraphError):
    """A recorded output names a place outside its folder."""

    code = "output-escapes"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The cache holds an output named {name!r}, which lies outside its folder; it was refused.",
            remedy="Empty the cache folder: it has been tampered with or damaged.",
        )


class PlanOutdated(UnitgraphError):
    """A saved plan names bundles that the sources no longer give."""

    code = "plan-outdated"

    def __init__(self, moved: Sequence[str]) -> None:
        shown = ", ".join(moved[:5]) + (" …" if len(moved) > 5 else "")
        super().__init__(
            f"The plan was made from other sources; {shown} would differ.",
            remedy="Run 'doit plan' again, look at it, and apply that.",
        )


class OwnTaskFailed(UnitgraphError):
    """A task of the project's own dodo.py failed; doit has said how."""

    code = "own-task-failed"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"A task of dodo.py failed, or what it needs: {', '.join(names)}.",
            remedy=f"See what it printed, mend it, or run it alone with 'doit {names[0]}'.",
        )


class NameMissing(UnitgraphError):
    """A command that explains one thing was given none, or several."""

    code = "name-missing"

    def __init__(self, command: str) -> None:
        super().__init__(
            f"'{command}' explains one task or unit at a time.",
            remedy=f"Type 'doit {command} UNIT'; 'doit info' lists them.",
        )
