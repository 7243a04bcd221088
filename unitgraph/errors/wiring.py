"""What can be wrong with wirings and declarations: routes, schedules, names that are taken or can't be used."""

from unitgraph.errors.base import Place, UnitgraphError


class UnknownMethod(UnitgraphError):
    code = "http-method-unknown"

    def __init__(self, place: Place, method: str) -> None:
        super().__init__(
            f"{method!r} is no HTTP method.",
            remedy="Use one of: get, post, put, patch, delete, head, options.",
            place=place,
        )


class BadRoute(UnitgraphError):
    code = "http-route-invalid"

    def __init__(self, place: Place, route: str, why: str) -> None:
        super().__init__(
            f"{route!r} is no route: {why}.", remedy="Write it as '/books/:id' or '/files/*'.", place=place
        )


class DuplicateRoute(UnitgraphError):
    code = "http-route-twice"

    def __init__(self, place: Place, route: str, other_route: str, other: Place) -> None:
        super().__init__(
            f"{route} is also wired at {other}, as {other_route}: no request could tell them apart.",
            remedy="Remove one of the two, or change its route.",
            place=place,
        )


class RouteOverExposed(UnitgraphError):
    code = "http-route-reserved"

    def __init__(self, place: Place, route: str, function: str) -> None:
        super().__init__(
            f"{route} is where the exposed function {function!r} answers.",
            remedy="Choose another route, or take expose: true from the function.",
            place=place,
        )


class BadCron(UnitgraphError):
    code = "schedule-invalid"

    def __init__(self, place: Place, schedule: str, why: str) -> None:
        super().__init__(
            f"{schedule!r} is no schedule: {why}.",
            remedy="Write five fields: minute, hour, day of month, month, day of week, as in '0 3 * * *'.",
            place=place,
        )


class BadName(UnitgraphError):
    code = "name-invalid"

    def __init__(self, place: Place, what: str, name: str) -> None:
        super().__init__(
            f"{what} can't be called {name!r}.",
            remedy="Use letters a-z, digits, '-', '_' and '.', a letter or digit first and last, 63 at most.",
            place=place,
        )


class BadIdentifier(UnitgraphError):
    code = "secret-id-invalid"

    def __init__(self, place: Place, what: str, name: str) -> None:
        super().__init__(
            f"{name!r} can't be the id of a {what}, which is read as an environment variable.",
            remedy="Use letters, digits and _, no digit first: STRIPE_API_KEY.",
            place=place,
        )


class DuplicateQueue(UnitgraphError):
    code = "queue-worker-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"The queue {name!r} has a worker at {other} already.",
            remedy="Keep one worker a queue; it may call the other function.",
            place=place,
        )


class ReservedQueue(UnitgraphError):
    code = "queue-name-reserved"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"The queue {name!r} belongs to workflows.", remedy="Choose another name for the queue.", place=place
        )


class OwnDeadLetters(UnitgraphError):
    code = "queue-dead-letters-own"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"The queue {name!r} is its own dead-letter queue: what failed would come round for ever.",
            remedy=f"Name another one, such as '{name}-dead'.",
            place=place,
        )


class BadOption(UnitgraphError):
    code = "option-invalid"

    def __init__(self, place: Place, option: str, expected: str, found: object) -> None:
        super().__init__(
            f"{option!r} is {found!r} and must be {expected}.", remedy=f"Write {expected}.", place=place
        )


class DuplicateSchedule(UnitgraphError):
    code = "schedule-name-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"A scheduled task called {name!r} is also at {other}.",
            remedy="Give one of them another 'name'.",
            place=place,
        )


class DuplicateChannel(UnitgraphError):
    code = "channel-name-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"A channel called {name!r} is also at {other}.", remedy="Give one of them another 'name'.", place=place
        )


class DuplicateChannelRoute(UnitgraphError):
    code = "channel-route-twice"

    def __init__(self, place: Place, route: str, other: Place) -> None:
        super().__init__(
            f"The route {route!r} is that of a channel at {other}, too.",
            remedy="Give one of them another 'route'.",
            place=place,
        )


class RouteOverChannel(UnitgraphError):
    code = "http-route-of-channel"

    def __init__(self, place: Place, route: str, channel: str) -> None:
        super().__init__(
            f"{route} is where the channel {channel!r} is opened, which is a GET, too.",
            remedy="Give one of them another route.",
            place=place,
        )


class DuplicateAgent(UnitgraphError):
    code = "agent-name-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"An agent called {name!r} is also at {other}.", remedy="Give one of them another 'name'.", place=place
        )


class DuplicateMcp(UnitgraphError):
    code = "mcp-name-twice"

    def __init__(self, place: Place, kind: str, name: str, other: Place) -> None:
        super().__init__(
            f"The MCP {kind} {name!r} is also at {other}.", remedy="Give one of them another name.", place=place
        )


class BadMcpUri(UnitgraphError):
    code = "mcp-uri-invalid"

    def __init__(self, place: Place, uri: str) -> None:
        super().__init__(
            f"{uri!r} is no URI of an MCP resource.",
            remedy="Write a scheme and what follows it, 'books://shelf', or a template, 'books://{id}'.",
            place=place,
        )


class RouteOverMcp(UnitgraphError):
    code = "http-route-of-mcp"

    def __init__(self, place: Place, route: str, other: Place) -> None:
        super().__init__(
            f"{route} is where the MCP server answers, which {other} makes part of the project.",
            remedy="Give the route another path.",
            place=place,
        )


class DuplicateTrigger(UnitgraphError):
    code = "trigger-name-twice"

    def __init__(self, place: Place, what: str, name: str, other: Place) -> None:
        super().__init__(
            f"The {what} {name!r} is also at {other}.", remedy="Give one of them another 'name'.", place=place
        )


class TriggerWithoutTarget(UnitgraphError):
    code = "trigger-target-missing"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"The trigger source {name!r} has no function to call.",
            remedy=f"Add wireTrigger({{ name: '{name}', func: … }}).",
            place=place,
        )


class BadParameters(UnitgraphError):
    code = "cli-parameters-invalid"

    def __init__(self, place: Place, given: str, why: str) -> None:
        super().__init__(
            f"{given!r} are no parameters of a command: {why}.",
            remedy="Write <name>, then [name], and [name...] or <name...> as the last.",
            place=place,
        )


class BadCommandOption(UnitgraphError):
    code = "cli-option-invalid"

    def __init__(self, place: Place, name: str, why: str) -> None:
        super().__init__(
            f"A command's option can't be called {name!r}: {why}.",
            remedy="Use letters, digits and '-', a letter first; its short name is one letter or digit of its own.",
            place=place,
        )


class DuplicateProgram(UnitgraphError):
    code = "cli-program-twice"

    def __init__(self, place: Place, name: str, other: Place) -> None:
        super().__init__(
            f"A command line called {name!r} is also at {other}.",
            remedy="Put their commands in one wireCLI.",
            place=place,
        )


class UnknownProgram(UnitgraphError):
    code = "cli-program-unknown"

    def __init__(self, place: Place, name: str, near: str | None) -> None:
        super().__init__(
            f"'cli.entrypoints' names {name!r}, and no command line is called that.",
            remedy=f"Did you mean {near!r}?" if near else "Remove it, or write wireCLI with this 'program'.",
            place=place,
        )


class DuplicateFactory(UnitgraphError):
    code = "factory-twice"

    def __init__(self, place: Place, call: str, other: Place) -> None:
        super().__init__(
            f"{call} is called here and at {other}.", remedy="Keep one of them; there is one a project.", place=place
        )


class DuplicateSecret(UnitgraphError):
    code = "secret-declared-twice"

    def __init__(self, place: Place, what: str, name: str, other: Place) -> None:
        super().__init__(
            f"The {what} {name!r} is declared otherwise at {other}.",
            remedy="Declare it once, and import that.",
            place=place,
        )


class UnknownIncompatible(UnitgraphError):
    code = "serverless-incompatible-unknown"

    def __init__(self, place: Place, name: str, near: str | None) -> None:
        super().__init__(
            f"'serverlessIncompatible' names {name!r}, and no function or service is called that.",
            remedy=f"Did you mean {near!r}?" if near else "Remove it, or name a function or a service.",
            place=place,
        )
