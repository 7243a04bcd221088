"""What can be wrong with the shared cache as it is configured. What a cache does wrong later is a warning, no error."""

from collections.abc import Iterable

from unitgraph.errors.base import Place, UnitgraphError


class UnknownCacheScheme(UnitgraphError):
    """The shared cache's address begins with something that names no kind of place."""

    code = "cache-scheme-unknown"

    def __init__(self, scheme: str, *, known: Iterable[str]) -> None:
        super().__init__(
            f"No shared cache is reached by {scheme!r}.",
            remedy=f"Use an absolute path, or an address that begins with one of: {', '.join(sorted(known))}.",
        )


class CacheAddressInvalid(UnitgraphError):
    """The shared cache's address can't be used as it stands; ``place`` is without credentials."""

    code = "cache-address-invalid"

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(
            f"The shared cache's address {place} can't be used: {detail}.",
            remedy="Mend deploy.cache.url in pikku.config.json, or UNITGRAPH_CACHE_URL where that is set.",
        )


class CacheLibraryMissing(UnitgraphError):
    """The kind of shared cache that is configured needs a library that isn't installed by default."""

    code = "cache-library-missing"

    def __init__(self, scheme: str, *, library: str, extra: str) -> None:
        super().__init__(
            f"A shared cache at {scheme}:// needs {library}, which isn't installed.",
            remedy=f"Run: pip install 'unitgraph[{extra}]'",
        )


class CacheKeyInvalid(UnitgraphError):
    """A public key of the configuration can't be used."""

    code = "cache-key-invalid"

    def __init__(self, place: Place, name: str, detail: str) -> None:
        super().__init__(
            f"The public key {name!r} of deploy.cache.keys can't be used: {detail}.",
            remedy="Write the public line that 'doit cache keygen' prints: ed25519:… with 44 characters of base64.",
            place=place,
        )


class CacheRevokedUnknown(UnitgraphError):
    """Something is revoked that isn't among the keys, so a wrong name would revoke nothing."""

    code = "cache-revoked-unknown"

    def __init__(self, place: Place, name: str, *, known: Iterable[str]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"deploy.cache.revoked names {name!r}, and deploy.cache.keys has no such key; it has: {names}.",
            remedy="Correct the name, or take it out: a key that isn't listed is believed by nobody.",
            place=place,
        )


class CacheTierInvalid(UnitgraphError):
    """The tier of this build is none; ``setting`` is where it was said."""

    code = "cache-tier-invalid"

    def __init__(self, setting: str, tier: str, place: Place | None = None) -> None:
        super().__init__(
            f"{setting} is {tier!r}, which is no tier.",
            remedy="Write 'trusted', or 'untrusted:' and a name in lower case, such as 'untrusted:pr-17'.",
            place=place,
        )


class CacheTrustsNobody(UnitgraphError):
    """The trusted tier is asked for, and no key says what is to be trusted."""

    code = "cache-trusts-nobody"

    def __init__(self, setting: str, place: Place | None = None) -> None:
        super().__init__(
            f"{setting} is 'trusted', and deploy.cache.keys names no key whose results could be.",
            remedy="Make a key with 'doit cache keygen' and put its public line there, or leave the tier out.",
            place=place,
        )


class CacheSigningKeyUnreadable(UnitgraphError):
    """UNITGRAPH_CACHE_KEY holds no private key; its value is never repeated."""

    code = "cache-signing-key-unreadable"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The private key of UNITGRAPH_CACHE_KEY can't be used: {detail}.",
            remedy="Set it to the private line that 'doit cache keygen' printed or to the path of a file with it, or "
            "take it away where nothing is to be signed.",
        )


class CacheTokenVariable(UnitgraphError):
    """A configuration asks for an environment variable that isn't a cache's to be sent to a cache."""

    code = "cache-token-variable"

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(
            f"deploy.cache.tokenEnv names {name!r}; what that holds would be sent to the cache's address.",
            remedy="Name a variable for this purpose, with CACHE in its name, such as UNITGRAPH_CACHE_TOKEN.",
            place=place,
        )
