"""What can go wrong with providers, plans and applies."""

from collections.abc import Iterable
from pathlib import Path

from unitgraph.errors.base import UnitgraphError


class UnknownProvider(UnitgraphError):
    code = "unknown-provider"

    def __init__(self, name: str, *, known: Iterable[str]) -> None:
        super().__init__(f"No provider is called {name!r}.", remedy=f"Use one of: {', '.join(sorted(known))}.")


class ProviderNotAvailable(UnitgraphError):
    """A provider that is known by name, and that this version doesn't have."""

    code = "provider-not-available"

    def __init__(self, name: str, *, available: Iterable[str]) -> None:
        super().__init__(
            f"The provider {name!r} isn't available in this version of unitgraph.",
            remedy=f"Use `--provider` with one of: {', '.join(sorted(available))}.",
        )


class ProviderInvalid(UnitgraphError):
    """An entry point names something that isn't a provider."""

    code = "provider-invalid"

    def __init__(self, name: str, *, missing: Iterable[str]) -> None:
        super().__init__(
            f"What the entry point {name!r} loads isn't a provider: it has no {', '.join(missing)}.",
            remedy="Give it every member of unitgraph.providers.base.Provider, or update the package it comes from.",
        )


class PlanUnreadable(UnitgraphError):
    code = "plan-unreadable"

    def __init__(self, path: Path, *, detail: str) -> None:
        super().__init__(f"{path} isn't a plan that can be applied: {detail}.", remedy="Run `doit plan` again.")


class PlanStale(UnitgraphError):
    """What is deployed isn't what the plan was made against."""

    code = "plan-stale"

    def __init__(self, created_at: str, *, planned: int, found: int) -> None:
        super().__init__(
            f"The plan of {created_at} was made against release {planned}, but {found} is deployed, or what is "
            f"deployed was changed since.",
            remedy="Run `doit plan` again and look at what it says now.",
        )


class BuildMismatch(UnitgraphError):
    """The plan names other bytes than those that were handed over."""

    code = "build-mismatch"

    def __init__(self, name: str, *, planned: str | None, found: str | None) -> None:
        super().__init__(
            f"The plan is about another build of {name}: it names {planned}, and {found} was built.",
            remedy="Run `doit plan` again, then `doit apply`.",
        )


class OptionNotAvailable(UnitgraphError):
    """A setting that is known, and that this version doesn't do anything with."""

    code = "provider-option-not-available"

    def __init__(self, option: str) -> None:
        super().__init__(
            f"deploy.{option} in pikku.config.json isn't available in this version of unitgraph.",
            remedy=f"Remove deploy.{option}.",
        )


class CloudflareUploadUnavailable(UnitgraphError):
    code = "cloudflare-upload-unavailable"

    def __init__(self, folder: Path, *, units: Iterable[str]) -> None:
        first = next(iter(sorted(units)), "<unit>")
        super().__init__(
            "Uploading to Cloudflare isn't part of this version of unitgraph: it only builds what wrangler uploads.",
            remedy=f"Create what {folder / 'infra.json'} lists, then run `npx wrangler deploy --config "
            f"{folder / 'units' / first / 'wrangler.toml'}`, and the same for every other folder there.",
        )


class BadObjectsFile(UnitgraphError):
    """What was written down of a Worker's Durable Objects can't be read."""

    code = "durable-objects-unreadable"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} can't be read: it is {{\"units\": {{<unit>: [{{\"tag\", \"new\", \"deleted\"}}]}}}}.",
            remedy="Take it back from git; of a conflict keep the steps of both sides, those that are deployed first.",
        )


class CompileFailed(UnitgraphError):
    """Bun couldn't make an executable of the built units."""

    code = "compile-failed"

    def __init__(self, *, status: int, detail: str) -> None:
        super().__init__(
            f"Bun couldn't compile the executable (status {status}): {detail}",
            remedy="Mend what Bun says; the release that was there still runs.",
        )


class CheckFailed(UnitgraphError):
    """A new executable was built, and doesn't load its own units."""

    code = "release-check-failed"

    def __init__(self, *, status: int, detail: str) -> None:
        super().__init__(
            f"The new executable doesn't load its units (`--check` ended with status {status}): {detail}",
            remedy="Mend the error, which is in code that runs when a module is loaded; the release that was there "
            "still runs.",
        )


class ApplyLocked(UnitgraphError):
    """Another apply to the same place is running."""

    code = "apply-locked"

    def __init__(self, *, holder: str, folder: Path) -> None:
        super().__init__(
            f"Another apply to {folder} is running: {holder}.",
            remedy="Wait for it to end and run the command again; the lock goes with the process that holds it.",
        )


class OutputUnwritable(UnitgraphError):
    code = "output-unwritable"

    def __init__(self, folder: Path, *, detail: str) -> None:
        super().__init__(
            f"The release can't be written to {folder}: {detail}.",
            remedy="Free space there or make it writable, or set deploy.standalone.directory to another folder.",
        )


class ReleaseUnknown(UnitgraphError):
    code = "release-unknown"

    def __init__(self, release: str, *, known: Iterable[str]) -> None:
        listed = ", ".join(known) or "none is there yet"
        super().__init__(f"There is no release {release!r} to go back to.", remedy=f"Use one of: {listed}.")
