"""The cache of a project's builds, opened as configuration and environment say: this machine's, and one behind it.

What is wrong with the settings is an error, all of it at once, before anything is asked for. What is wrong with a place
is seen when it is used, and is a warning.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from unitgraph import __version__
from unitgraph.cache import signature
from unitgraph.cache.entry import Producer
from unitgraph.cache.local import LocalCache
from unitgraph.cache.remote.base import Backend, Connection
from unitgraph.cache.remote.late import Late
from unitgraph.cache.store import TRUSTED, Cache
from unitgraph.cache.tier import UNSIGNED, is_tier
from unitgraph.cache.trust import Trust, silent_reason
from unitgraph.errors import Place, Problems, UnitgraphError
from unitgraph.errors.cache import (
    CacheAddressInvalid,
    CacheKeyInvalid,
    CacheRevokedUnknown,
    CacheSigningKeyUnreadable,
    CacheTierInvalid,
    CacheTokenVariable,
    CacheTrustsNobody,
)
from unitgraph.errors.project import BadSetting
from unitgraph.rules import git
from unitgraph.rules.settings import CacheSettings, Settings
from unitgraph.units.config import CacheConfig, ConfigText
from unitgraph.units.project import Project

OFF: Final = "off"
_TIER: Final = "UNITGRAPH_CACHE_TIER"
_KEY: Final = "UNITGRAPH_CACHE_KEY"
_PLAIN: Final = frozenset({"http", "grpc", "redis"})        # schemes that encrypt nothing
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST: Final = 500       # of what a run is called


def open_cache(project: Project, chosen: Settings) -> Cache:
    """The layers that the settings ask for. Raises a UnitgraphError for what is wrong with them."""
    config = project.config.deploy.cache
    trust, token = read_trust(config, project.config_text, chosen.shared)
    url = shared_url(config, chosen.shared)
    near = LocalCache(
        chosen.cache,
        reads=[tier for tier in trust.near_reads if url or tier != UNSIGNED or tier == trust.tier],
        writes=trust.near_writes,
        generation=trust.generation,
        bound_bytes=chosen.cache_bytes,
    )
    if not url or not (config.read or config.write):
        return near
    from unitgraph.cache.shared import Manners, Shared  # noqa: PLC0415 - most projects share nothing
    from unitgraph.cache.uploads import CI, DESK  # noqa: PLC0415 - as above

    backend = _connected(url, token, chosen.cache)
    near.traffic.warnings.extend(cautions(config, chosen.shared, trust))
    manners = Manners(config.read, config.write, patience=CI if chosen.shared.run.is_ci else DESK)
    return Shared(near, backend, trust, _producer(project.root, chosen.shared), manners=manners)


def open_place(project: Project, chosen: Settings) -> tuple[Backend, Trust] | None:
    """The shared cache alone, for those who look into it, and whom to believe there; None where nothing is shared."""
    config = project.config.deploy.cache
    trust, token = read_trust(config, project.config_text, chosen.shared)
    url = shared_url(config, chosen.shared)
    return (_connected(url, token, chosen.cache), trust) if url else None


def _connected(url: str, token: str | None, own: Path) -> Backend:
    """The place at ``url``; never this machine's own folder, whose collections know nothing of what others put in."""
    from unitgraph.cache.remote import places  # noqa: PLC0415 - as above

    backend = places.connect(Connection(url, token))
    if backend.place.startswith("/") and os.path.realpath(backend.place) == os.path.realpath(own):
        raise CacheAddressInvalid(backend.place, "it is the folder of this machine's own cache")
    return backend


def shared_url(config: CacheConfig, given: CacheSettings) -> str:
    """Where the shared cache is, "" where there is none."""
    url = given.url or config.url or ""
    return "" if url == OFF else url


def read_trust(config: CacheConfig, text: ConfigText, given: CacheSettings) -> tuple[Trust, str | None]:
    """Whom the project's builds believe, and the token for the place. Raises everything that is wrong at once."""
    problems: list[UnitgraphError] = []
    keys, revoked = _keys(config, text, problems)
    tier = _tier(config, text, given, problems)
    if config.generation < 0:
        place, expected = text.place("deploy", "cache", "generation"), "a whole number from 0"
        problems.append(BadSetting(place, "generation", expected=expected, found=str(config.generation)))
    name = config.token_env
    if name is not None and ("CACHE" not in name or name == _KEY):
        problems.append(CacheTokenVariable(text.place("deploy", "cache", "tokenEnv"), name))
    signer = _signer(given, problems)
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    trust = Trust(keys, revoked, tier, config.generation, signer)
    return trust, given.variable(name) if name is not None else None


def _keys(
    config: CacheConfig, text: ConfigText, problems: list[UnitgraphError]
) -> tuple[dict[str, bytes], frozenset[str]]:
    """Fingerprint → key, and the fingerprints of the revoked ones."""
    found: dict[str, bytes] = {}
    for name, written in config.keys.items():
        place = text.place("deploy", "cache", "keys", name)
        if not _ID.fullmatch(name):
            problems.append(CacheKeyInvalid(place, name, "its name isn't letters, digits, '.', '_' and '-'"))
            continue
        try:
            found[name] = signature.read_public(written)
        except ValueError as error:
            problems.append(CacheKeyInvalid(place, name, str(error)))
    for index, name in enumerate(config.revoked):
        if name not in config.keys:
            place = text.place("deploy", "cache", "revoked", index)
            problems.append(CacheRevokedUnknown(place, name, known=config.keys))
    revoked = (signature.fingerprint(found[name]) for name in config.revoked if name in found)
    return {signature.fingerprint(key): key for key in found.values()}, frozenset(revoked)


def _tier(config: CacheConfig, text: ConfigText, given: CacheSettings, problems: list[UnitgraphError]) -> str:
    """What the environment says goes before what the checkout says, which a pull request may have changed."""
    tier = given.tier or config.tier or ""
    setting = _TIER if given.tier else "deploy.cache.tier"
    place: Place | None = None if given.tier or not tier else text.place("deploy", "cache", "tier")
    if tier and not is_tier(tier):
        problems.append(CacheTierInvalid(setting, tier, place))
    if tier == TRUSTED and not config.keys:
        problems.append(CacheTrustsNobody(setting, place))
    return tier


def _signer(given: CacheSettings, problems: list[UnitgraphError]) -> signature.PrivateKey | None:
    if not given.key:
        return None
    try:
        return signature.read_private(given.key)
    except ValueError as error:
        problems.append(CacheSigningKeyUnreadable(str(error)))
    except OSError as error:
        problems.append(CacheSigningKeyUnreadable(f"its file can't be read ({error.strerror})"))
    return None


def cautions(config: CacheConfig, given: CacheSettings, trust: Trust) -> Iterator[str]:
    """What works, and isn't what somebody means to do."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - for shared caches only

    url = shared_url(config, given)
    parts = urlsplit(url)
    secret = parts.password or (config.token_env and given.variable(config.token_env))
    if secret and parts.scheme.lower() in _PLAIN and not _is_loopback(parts.hostname or ""):
        yield (
            f"The credentials of the shared cache at {parts.hostname} go over the network unencrypted: "
            "use an address with TLS."
        )
    if parts.password and url == config.url:
        yield "deploy.cache.url holds a password, for everybody to read who can read the project: use tokenEnv."
    if trust.signer is not None and trust.is_untrusted:
        yield (
            f"This build is {trust.tier} and has {_KEY} all the same: whoever can change what it runs can sign as you. "
            "Give that key to builds of protected branches alone."
        )
    elif trust.signer is not None and config.write and trust.writes != TRUSTED:
        yield silent_reason(trust) or f"{_KEY} signs nothing: deploy.cache.keys names no key that would be believed."


def _is_loopback(host: str) -> bool:
    import ipaddress  # noqa: PLC0415 - for shared caches only

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _producer(root: Path, given: CacheSettings) -> Callable[[], Producer]:
    """Who builds here; git is asked once, when the first result goes out."""

    def made() -> Producer:
        found = git.checkout(root)
        commit = (found.commit or "") + ("+changes" if found.commit and found.dirty else "")
        return Producer(__version__, *map(_plain, (given.run.label, commit, given.run.ref or found.branch)))

    return Late(made)


def _plain(text: str) -> str:
    """As an entry may hold it."""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]
