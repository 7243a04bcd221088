"""The names of the authoring surface, what each of them is for, and from where they are imported. Knows no file."""

import re
from collections.abc import Mapping
from typing import Final

from unitgraph.units.application import FunctionKind

FUNCTIONS: Final[Mapping[str, FunctionKind]] = {
    "pikkuFunc": "func",
    "pikkuSessionlessFunc": "sessionless",
    "pikkuVoidFunc": "void",
    "pikkuListFunc": "list",
    "pikkuChannelFunc": "channel",
    "pikkuChannelConnectionFunc": "channel-connection",
    "pikkuChannelDisconnectionFunc": "channel-disconnection",
    "pikkuMCPToolFunc": "mcp-tool",
    "pikkuMCPResourceFunc": "mcp-resource",
    "pikkuMCPPromptFunc": "mcp-prompt",
    "pikkuTriggerFunc": "trigger",
    "pikkuWorkflow": "workflow",
    "pikkuWorkflowFunc": "workflow",
    "pikkuWorkflowGraph": "workflow-graph",
    "pikkuAIAgent": "agent",
    "pikkuAgent": "agent",
}

# What may stand as a statement of its own, found by the name in its options rather than by an export.
STANDING: Final = frozenset({"pikkuAIAgent", "pikkuAgent"})

FACTORIES: Final[Mapping[str, str]] = {
    "pikkuConfig": "config",
    "pikkuServices": "services",
    "pikkuWireServices": "wire-services",
}

# Factories that are plain functions, as projects wrote them before there were calls around them: known by their names.
PLAIN_FACTORIES: Final[Mapping[str, str]] = {
    "createConfig": "config",
    "createSingletonServices": "services",
    "createWireServices": "wire-services",
    "createSessionServices": "wire-services",
}
# A name that others have, too: only with the type that says what it is.
ORDINARY: Final = frozenset({"createConfig"})
FACTORY_TYPES: Final = ("CreateConfig", "CreateSingletonServices", "CreateWireServices", "CreateSessionServices")

# Authored, no unit, but they take services.
HELPERS: Final = frozenset({"pikkuMiddleware", "pikkuPermission", "pikkuAuth", "pikkuCLIRender"})

# They give back what they are given.
WRAPPERS: Final = frozenset({"pikkuCLICommand", "defineHTTPRoutes", "defineSecret", "defineVariable"})

WIRINGS: Final = frozenset(
    {
        "wireHTTP", "wireHTTPRoutes", "wireQueueWorker", "wireScheduler", "wireChannel", "wireMCPTool",
        "wireMCPResource", "wireMCPPrompt", "wireTrigger", "wireTriggerSource", "wireCLI", "wireSecret",
        "wireVariable", "addHTTPMiddleware", "addHTTPPermission", "addMiddleware", "addPermission",
    }
)  # fmt: skip

# Middleware of the runtime that reads a secret: (the option that names it, the secret without that option).
READERS: Final[Mapping[str, str | None]] = {
    "authBearer": "JWT_SECRET",
    "authCookie": "SESSION_SECRET",
    "authAPIKey": None,
    "csrfToken": "SESSION_SECRET",
    "signedWebhook": None,
}

# Middleware of the runtime that takes services.
TAKERS: Final[Mapping[str, tuple[str, ...]]] = {"rateLimit": ("rateLimits",)}

# Middleware of the runtime that is looked at more closely than by its name.
READ: Final = frozenset((*READERS, *TAKERS))

# Built-in services that read a secret of their own.
SERVICE_SECRETS: Final[Mapping[str, str]] = {"jwt": "JWT_SECRET"}

NAMES: Final = frozenset((*FUNCTIONS, *FACTORIES, *HELPERS, *WRAPPERS, *WIRINGS, *READ))

_RUNTIME: Final = re.compile(r"(?:#pikku|@pikku/core)(?:/|$)|(?:^|/)\.pikku(?:/|$)|(?:^|/)pikku-[\w-]+\.gen(?:\.|$)")
_UNMISTAKABLE: Final = re.compile(r"pikku[A-Z]|wire(?:HTTP|Queue|Scheduler|Channel|MCP|Trigger|CLI)|.+HTTP")


def is_runtime(specifier: str) -> bool:
    """Whether a specifier means the authoring surface, whatever file holds it."""
    return _RUNTIME.search(specifier) is not None


def is_unmistakable(name: str) -> bool:
    """Whether a name that comes from elsewhere is likely to have come from the authoring surface before."""
    return name in NAMES and _UNMISTAKABLE.match(name) is not None
