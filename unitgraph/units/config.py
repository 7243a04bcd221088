"""``pikku.config.json``: its settings, parsed into frozen data, with every mistake named at its place.

Knows the file's shape and nothing of the project around it. The reader works from the annotations of the
dataclasses below, and so does the JSON Schema: reading a configuration is part of every command's start,
where importing pydantic and building its models would cost 100 ms of CPU.
"""

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from unitgraph.errors import Place, UnitgraphError
from unitgraph.errors.project import (
    BadJson,
    BadSetting,
    DuplicateKey,
    UnknownDefaultProvider,
    UnknownEnvironment,
    UnknownKey,
)
from unitgraph.units import jsontext, names

FILE: Final = "pikku.config.json"

# npm names of the reference's adapters → the built-in provider. Any other value of ``deploy.providers`` names a
# built-in provider itself, or an entry point of the group ``unitgraph.providers``.
PROVIDER_NAMES: Final[Mapping[str, str]] = {
    "@pikku/deploy-cloudflare": "cloudflare",
    "@pikku/deploy-serverless": "aws",
    "@pikku/deploy-azure": "azure",
    "@pikku/deploy-standalone": "standalone",
}
BUILT_IN: Final = ("aws", "azure", "cloudflare", "standalone")
FALLBACK_PROVIDER: Final = "standalone"
_DOCUMENT_ROUTE: Final = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """A shared cache; the token's value is in the environment variable ``token_env``.

    ``keys`` maps ids to public keys whose entries are believed, unless ``revoked`` names the id. Another ``generation``
    finds nothing of the one before. What is left out of ``tier`` is decided by whether there are keys.
    """

    url: str | None = None
    token_env: str | None = None
    tier: str | None = None
    read: bool = True
    write: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    revoked: tuple[str, ...] = ()
    generation: int = 0


COLLECTOR: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables that say where spans go."""


@dataclass(frozen=True, slots=True)
class StateConfig:
    url: str | None = None


@dataclass(frozen=True, slots=True)
class CloudflareConfig:
    """``secrets_store`` maps ids of secrets to the store that has them, as its id, or ``id/name`` where it is called
    otherwise there."""

    account_id: str | None = None
    compatibility_date: str | None = None
    compatibility_flags: tuple[str, ...] = ()
    domain: str | None = None
    dispatch_namespace: str | None = None
    logpush: bool = False
    observability: bool = True
    placement: Literal["off", "smart"] = "off"
    secrets_store: Mapping[str, str] = field(default_factory=dict)
    workers_dev: bool = True


@dataclass(frozen=True, slots=True)
class StandaloneConfig:
    """``target`` is a platform that Bun compiles for, such as ``bun-linux-arm64``; None: this machine's. ``data`` is
    where the process keeps jobs and times, as a path there; None: the place that the system has for it."""

    host: str = "127.0.0.1"
    port: int = 3000
    target: str | None = None
    directory: str | None = None
    data: str | None = None
    shutdown_timeout_s: int = 30


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Who has models of agents. ``api_key`` is the id of a secret; None: nothing is sent."""

    protocol: Literal["openai", "anthropic"] = "openai"
    base_url: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """What one environment (``--env staging``) has otherwise; what is None stays as in ``deploy``."""

    provider: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    state: StateConfig | None = None
    cloudflare: CloudflareConfig | None = None
    standalone: StandaloneConfig | None = None


@dataclass(frozen=True, slots=True)
class DeployConfig:
    providers: Mapping[str, str] = field(default_factory=dict)
    default_provider: str | None = None
    default_target: Literal["serverless", "server"] = "serverless"
    serverless_incompatible: tuple[str, ...] = ()
    cache: CacheConfig = CacheConfig()
    state: StateConfig = StateConfig()
    environments: Mapping[str, EnvironmentConfig] = field(default_factory=dict)
    cloudflare: CloudflareConfig = CloudflareConfig()
    standalone: StandaloneConfig = StandaloneConfig()
    models: Mapping[str, ModelConfig] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """The name, as written under ``providers``, of the one used without ``--provider``."""
        return self.default_provider or next(iter(self.providers), FALLBACK_PROVIDER)

    def within(self, environment: str) -> "DeployConfig":
        """The same with what one environment has otherwise; "" is no environment. Raises UnknownEnvironment."""
        if not environment:
            return self
        if environment not in self.environments:
            raise UnknownEnvironment(environment, known=self.environments)
        chosen = self.environments[environment]
        return dataclasses.replace(
            self,
            default_provider=chosen.provider or self.default_provider,
            state=chosen.state or self.state,
            cloudflare=chosen.cloudflare or self.cloudflare,
            standalone=chosen.standalone or self.standalone,
        )

    def variables(self, environment: str) -> Mapping[str, str]:
        """The values that an environment gives to variables."""
        return self.environments[environment].variables if environment in self.environments else {}

    @property
    def has_collector(self) -> bool:
        """Whether any environment names a collector for spans, which Workers have code for only then."""
        chosen = self.environments.values()
        stores = (self.cloudflare, *(each.cloudflare for each in chosen if each.cloudflare is not None))
        named = (*(each.variables for each in chosen), *(each.secrets_store for each in stores))
        return any(name in each for each in named for name in COLLECTOR)

    def adapter(self, provider: str) -> str:
        """The built-in provider, or the entry point, that a provider's name stands for."""
        value = self.providers.get(provider, provider)
        return PROVIDER_NAMES.get(value, value)


@dataclass(frozen=True, slots=True)
class OpenApiConfig:
    """What the document of the HTTP interface says of the whole; None: the project's name, its package's version.
    Where there is a ``route``, the application answers with the document there."""

    title: str | None = None
    version: str | None = None
    description: str | None = None
    servers: tuple[str, ...] = ()
    route: str | None = None


@dataclass(frozen=True, slots=True)
class EntrypointConfig:
    """How one program is reached besides the executable: over a channel at ``route``, by a client that is written to
    ``path``. None of ``name``: the program's. ``wire_path`` is where others write the channel; here nobody does."""

    type: Literal["local", "channel"] = "local"
    name: str | None = None
    route: str | None = None
    path: str | None = None
    wire_path: str | None = None


@dataclass(frozen=True, slots=True)
class CliConfig:
    entrypoints: Mapping[str, tuple[EntrypointConfig, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """``openapi`` None: there is no such document."""

    src_directories: tuple[str, ...] = ("src",)
    tsconfig: str | None = None         # None: ./tsconfig.json where there is one
    out_dir: str = ".pikku"
    openapi: OpenApiConfig | None = None
    cli: CliConfig = CliConfig()
    deploy: DeployConfig = DeployConfig()


@dataclass(frozen=True, slots=True)
class ConfigText:
    """The text of a configuration and where its keys stand."""

    path: str
    text: str
    offsets: Mapping[jsontext.Path, int]

    def place(self, *key: str | int) -> Place:
        """Where a setting stands; of one that isn't there, where the nearest setting around it does."""
        path: jsontext.Path = key
        while path not in self.offsets:
            path = path[:-1]
        return Place(self.path, *jsontext.position(self.text, self.offsets[path]))


def parse_config(text: str, path: str = FILE) -> tuple[Config, ConfigText, tuple[UnitgraphError, ...]]:
    """The configuration, the places of its settings, and everything that is wrong with it."""
    try:
        data = jsontext.parse_strict(text)
    except jsontext.NotJson as error:
        where = Place(path, error.line, error.column)
        return Config(), ConfigText(path, "", {(): 0}), (BadJson(where, error.detail, strict=True),)
    offsets, twice = jsontext.offsets(text.replace("\ufeff", " ", 1))
    source = ConfigText(path, text, offsets)
    problems: list[UnitgraphError] = [
        DuplicateKey(Place(path, *jsontext.position(text, offset)), str(key[-1])) for key, offset in twice
    ]
    if isinstance(data, dict):
        data.pop("$schema", None)
    reader = _Reader(source, problems)
    config: Config = reader.read(Config, data, ())
    route = config.openapi.route if config.openapi is not None else None
    if route is not None and not _DOCUMENT_ROUTE.fullmatch(route):
        expected = "a path without parameters, such as '/openapi.json'"
        where = source.place("openapi", "route")
        problems.append(BadSetting(where, "openapi.route", expected=expected, found=repr(route)))
    problems.extend(_entrypoints(config, source))
    chosen = config.deploy.default_provider
    known = (*BUILT_IN, *config.deploy.providers)
    if chosen is not None and chosen not in known:
        problems.append(UnknownDefaultProvider(source.place("deploy", "defaultProvider"), chosen, known=set(known)))
    return config, source, tuple(problems)


def _entrypoints(config: Config, source: ConfigText) -> Iterator[UnitgraphError]:
    """Clients are written where no source of a person's can be."""
    for program, entries in config.cli.entrypoints.items():
        for index, entry in enumerate(entries):
            key = ("cli", "entrypoints", program, index)
            if entry.name is not None and not names.is_name(entry.name):
                expected = "a name of letters, digits, '.', '_' and '-'"
                yield BadSetting(source.place(*key, "name"), "name", expected=expected, found=repr(entry.name))
            path = entry.path
            if path is not None and entry.type == "channel" and not _is_generated(path, config):
                expected = f"a .js, .mjs or .ts file in {config.out_dir}, or one called *.gen.* outside of sources"
                yield BadSetting(source.place(*key, "path"), "path", expected=expected, found=repr(path))


def _is_generated(path: str, config: Config) -> bool:
    inner = path.removeprefix("./")
    folders = [posixpath.normpath(each) for each in config.src_directories]
    is_plain = posixpath.normpath(inner) == inner and not inner.startswith(("/", "..")) and "\\" not in inner
    is_ours = inner.startswith(f"{posixpath.normpath(config.out_dir)}/")
    is_source = any(folder == "." or inner.startswith(f"{folder}/") for folder in folders)
    is_apart = ".gen." in posixpath.basename(inner) and not is_source
    return is_plain and inner.endswith((".js", ".mjs", ".ts")) and (is_ours or is_apart)


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_SCALARS: Final[Mapping[Any, tuple[str, str]]] = {
    str: ("a string", "string"),
    bool: ("true or false", "boolean"),
    int: ("a whole number", "integer"),
}
_INVALID: Final = object()


@cache
def _hints(model: type) -> Mapping[str, Any]:
    return get_type_hints(model)


class _Reader:
    """Reads a value as the type that an annotation names, and collects what doesn't fit."""

    def __init__(self, source: ConfigText, problems: list[UnitgraphError]) -> None:
        self._source = source
        self._problems = problems

    def read(self, kind: Any, value: Any, path: jsontext.Path) -> Any:
        if kind in _SCALARS:
            return value if type(value) is kind else self._wrong(_SCALARS[kind][0], value, path)
        if dataclasses.is_dataclass(kind):
            return self._model(kind, value, path)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            allowed = " or ".join(repr(choice) for choice in arguments)
            return value if value in arguments else self._wrong(allowed, value, path)
        if origin is UnionType:
            inner = next(argument for argument in arguments if argument is not NoneType)
            return None if value is None else self.read(inner, value, path)
        if origin is tuple:
            if not isinstance(value, list):
                return self._wrong("an array", value, path)
            items = [self.read(arguments[0], item, (*path, index)) for index, item in enumerate(value)]
            return tuple(item for item in items if item is not _INVALID)
        if not isinstance(value, dict):
            return self._wrong("an object", value, path)
        entries = {name: self.read(arguments[1], item, (*path, name)) for name, item in value.items()}
        return {name: item for name, item in entries.items() if item is not _INVALID}

    def _model(self, kind: Any, value: Any, path: jsontext.Path) -> Any:
        if not isinstance(value, dict):
            self._wrong("an object", value, path)
            return kind()
        types = {camel(name): (name, hint) for name, hint in _hints(kind).items()}
        arguments: dict[str, Any] = {}
        for key, item in value.items():
            if key not in types:
                self._problems.append(UnknownKey(self._source.place(*path, key), key, known=types))
                continue
            name, hint = types[key]
            read = self.read(hint, item, (*path, key))
            if read is not _INVALID:
                arguments[name] = read
        return kind(**arguments)

    def _wrong(self, expected: str, value: Any, path: jsontext.Path) -> Any:
        name = ".".join(str(part) for part in path) or "the configuration"
        found = jsontext.shown(value)
        self._problems.append(BadSetting(self._source.place(*path), name, expected=expected, found=found))
        return _INVALID


def config_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the configuration, for editors."""
    schema = _schema(Config)
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FILE, **schema}


def _schema(kind: Any) -> dict[str, Any]:
    if kind in _SCALARS:
        return {"type": _SCALARS[kind][1]}
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]  # is_dataclass also accepts instances; kind is a class
        properties = {camel(name): _schema(hint) for name, hint in hints.items()}
        for entry in dataclasses.fields(kind):
            if isinstance(entry.default, (str, bool, int, tuple)) and entry.default != ():
                properties[camel(entry.name)]["default"] = entry.default
        return {"type": "object", "properties": properties, "additionalProperties": False}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is UnionType:
        return _schema(next(argument for argument in arguments if argument is not NoneType))
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    return {"type": "object", "additionalProperties": _schema(arguments[1])}


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(config_schema(), indent=2) + "\n")
