"""What can go wrong while a project runs on this machine."""

from collections.abc import Iterable, Sequence

from unitgraph.errors.base import UnitgraphError


class DevElsewhere(UnitgraphError):
    """A provider that has no local runtime of its own."""

    code = "dev-elsewhere"

    def __init__(self, provider: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"Units of the provider {provider!r} can't be run on this machine.",
            remedy=f"Use `--provider` with one of: {', '.join(sorted(known))}.",
        )


class DevPortTaken(UnitgraphError):
    code = "dev-port-taken"

    def __init__(self, port: int, *, detail: str) -> None:
        super().__init__(
            f"Port {port} of this machine can't be listened on: {detail}.",
            remedy="End what listens there, or choose another one with `--port`; 0 takes any that is free.",
        )


class DevRunning(UnitgraphError):
    """Two of them would write into one folder of data."""

    code = "dev-running"

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"`doit dev` already runs this project for {provider}.",
            remedy="End it first, or run another provider beside it.",
        )


class DevNotRunning(UnitgraphError):
    code = "dev-not-running"

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"`doit dev` doesn't run this project for {provider}.",
            remedy="Start it with `doit dev` in another terminal, or name the provider that it runs with `--provider`.",
        )


class DevNotFired(UnitgraphError):
    """The running project refused, or what was fired has failed; the message is its own."""

    code = "dev-not-fired"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message.rstrip('.')}.", remedy="See what `doit dev` printed, and the names in `doit info`.")


class DevDataInvalid(UnitgraphError):
    code = "dev-data-invalid"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The data of the job isn't JSON: {detail}.", remedy="Quote it for the shell, as in --data '{\"id\": 1}'."
        )


class DevNotStarted(UnitgraphError):
    """What was built doesn't run; the version before it goes on."""

    code = "dev-not-started"

    def __init__(self, why: str, said: Sequence[str]) -> None:
        super().__init__(
            f"What was built doesn't start: {why.rstrip('.')}.",
            remedy="Mend it and save; secrets and variables come from the environment and from the file .env.",
        )
        self.said = tuple(said)

    def __str__(self) -> str:
        return _with_said(super().__str__(), self.said)


class DevEnded(UnitgraphError):
    """The units' process ended by itself."""

    code = "dev-ended"

    def __init__(self, why: str, said: Sequence[str]) -> None:
        super().__init__(f"{why.rstrip('.')}.", remedy="Mend what ended it and save.")
        self.said = tuple(said)

    def __str__(self) -> str:
        return _with_said(super().__str__(), self.said)


def _with_said(text: str, said: Sequence[str]) -> str:
    """The last words of a process between what happened and what to do."""
    head, _, remedy = text.partition("\n")
    return "\n".join([head, *(f"    {line}" for line in said), remedy])


class DevFrontEnded(UnitgraphError):
    """The process that keeps the port is gone."""

    code = "dev-front-ended"

    def __init__(self, status: int) -> None:
        super().__init__(
            f"The process that keeps the port ended with status {status}.", remedy="Start `doit dev` again."
        )
