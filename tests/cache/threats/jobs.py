"""Jobs that share a cache, as a CI system has them, and an attacker who can write to the place as he likes.

What the attacker wants is ``MARK`` in the code of another job. His compiler is the real one and puts it into every
bundle; his entries are made of good ones, and differ in one thing each.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.harness import Checkout, Finished, Tools
from tests.system.projects import SHOP
from unitgraph.cache import digest, signature
from unitgraph.cache.entry import Entry, Sealed, decode, encode
from unitgraph.cache.store import Blob
from unitgraph.rules import whole_document

MARK: Final = b"MARK_OF_THE_ATTACKER"
_CODE: Final = b';globalThis["' + MARK + b'"]=1;'

CI_PAIR, NEXT_PAIR, ATTACKER_PAIR = (signature.generate() for _ in range(3))
ATTACKER: Final = signature.read_private(ATTACKER_PAIR.private)
KEYS: Final = {"ci-1": CI_PAIR.public}


def shop(place: Path | str, keys: Mapping[str, str] = KEYS, **more: object) -> dict[str, str]:
    """The small project with a shared cache at ``place``."""
    config = json.loads(SHOP["pikku.config.json"])
    config["deploy"]["cache"] = {"url": str(place), "keys": dict(keys), **more}
    return {**SHOP, "pikku.config.json": json.dumps(config, indent=2)}


class Job(Checkout):
    """A checkout on a machine, with an environment that whoever set the job up has given it."""

    def __init__(self, root: Path, tools: Tools, cache: Path, environ: Mapping[str, str]) -> None:
        super().__init__(root, tools, cache)
        self.environ = dict(environ)

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.environ}

    def compromise(self) -> None:
        """From now on the job's compiler is the attacker's."""
        evil = self.root.parent / f"{self.root.name}.evil"
        evil.write_text(
            "#!/bin/sh\ncase \" $* \" in\n*' --bundle '*)\n"
            f"    exec '{self.tools.esbuild}' \"$@\" --footer:js='globalThis[\"{MARK.decode()}\"]=1';;\n"
            f"esac\nexec '{self.tools.esbuild}' \"$@\"\n"
        )
        evil.chmod(0o755)
        self.environ["UNITGRAPH_ESBUILD"] = str(evil)

    def promised(self, provider: str = "cloudflare") -> dict[str, str]:
        """Unit → the digest of the bundle that the plan would ship."""
        changes = json.loads(self.read(f".deploy/{provider}/plan.json"))["changes"]
        found = {change["name"]: change["bundle"] for change in changes if change["kind"] == "unit"}
        assert found
        assert all(found.values())
        return found

    def released(self) -> dict[str, str]:
        """Every file of a release with its digest, but for those that say when it was made."""
        found = self.shipped("standalone")
        return {path: mark for path, mark in found.items() if not path.startswith("releases/") or not path.endswith(".json")}

    def marked(self, provider: str = "cloudflare") -> list[str]:
        """The files of the build output that hold the attacker's mark."""
        folder = self.root / ".deploy" / provider
        found = (path for path in sorted(folder.rglob("*")) if path.is_file() and MARK in path.read_bytes())
        return [path.relative_to(folder).as_posix() for path in found]


class Company:
    """Everybody's jobs, each on a machine of its own unless it is told otherwise."""

    def __init__(self, root: Path, tools: Tools) -> None:
        self.root = root
        self.tools = tools
        self.place = root / "place"

    def job(self, name: str, files: Mapping[str, str], *, machine: str = "", **environ: str) -> Job:
        job = Job(self.root / name / "work", self.tools, self.root / "machines" / (machine or name), environ)
        job.write(files)
        return job

    def main(self, name: str, files: Mapping[str, str] | None = None, *, machine: str = "") -> Job:
        """A job of a protected branch: it alone has the private key."""
        files = files or shop(self.place)
        return self.job(name, files, machine=machine, CI="true", UNITGRAPH_CACHE_KEY=CI_PAIR.private)

    def pull_request(self, name: str, files: Mapping[str, str] | None = None, *, machine: str = "", number: int = 1) -> Job:
        """A job for a pull request, whose tier the CI system sets, not the checkout."""
        files = files or shop(self.place)
        return self.job(name, files, machine=machine, CI="true", UNITGRAPH_CACHE_TIER=f"untrusted:pr-{number}")

    def desk(self, name: str, files: Mapping[str, str] | None = None, *, machine: str = "") -> Job:
        """Somebody's own machine."""
        return self.job(name, files or shop(self.place), machine=machine)

    def clean(self, files: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a plan promises without any cache."""
        alone = self.job("alone", files or shop(self.place), UNITGRAPH_CACHE_URL="off")
        alone.plan()
        return alone.promised()


def taken_over(said: Finished) -> bool:
    """Whether a plan took anything from a shared cache."""
    return "remote" in said.err


# What the attacker does to a place that he can write to: a folder, here.

Forge = Callable[[bytes, Entry], bytes]
"""Of an entry as it is held, and of what the attacker wants it to be: the bytes that he puts there."""


def entries(place: Path) -> Iterator[tuple[Path, Entry]]:
    for path in sorted((place / "ac").rglob("*")):
        if path.is_file():
            sealed = decode(path.read_bytes())
            assert isinstance(sealed, Sealed)
            yield path, sealed.entry


def put_blob(place: Path, data: bytes) -> Blob:
    name = digest.sha256(data)
    path = place / "cas" / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Blob(name, len(data))


def blob_of(place: Path, blob: Blob) -> bytes:
    return (place / "cas" / blob.digest[:2] / blob.digest).read_bytes()


def poison(place: Path, forge: Forge) -> int:
    """Every entry now leads to marked code, and the whole build's document to marked bundles; how many were changed."""
    swapped: dict[str, Blob] = {}
    held = list(entries(place))
    for path, entry in held:
        if entry.action.startswith("bundle:"):
            outputs = {name: put_blob(place, blob_of(place, blob) + _CODE) for name, blob in entry.outputs.items()}
            swapped |= {entry.outputs[name].digest: outputs[name] for name in outputs}
            _replace(path, forge(path.read_bytes(), _with(place, entry, outputs)))
    for path, entry in held:
        if entry.action == "project":
            _replace(path, forge(path.read_bytes(), _marked_project(place, entry, swapped)))
        elif not entry.action.startswith("bundle:"):
            path.unlink()
    assert swapped, "there is something to poison"
    return len(swapped)


def _with(place: Path, entry: Entry, outputs: Mapping[str, Blob]) -> Entry:
    """The entry with other outputs, and facts that go with them: the attacker makes no mistakes."""
    local = {name: digest.local(blob_of(place, blob)) for name, blob in outputs.items()}
    facts = {**entry.facts, "sizes": {name: blob.size for name, blob in outputs.items()}, "local": local}
    return replace(entry, outputs=outputs, facts=facts)


def _marked_project(place: Path, entry: Entry, swapped: Mapping[str, Blob]) -> Entry:
    (name,) = (name for name in entry.outputs if name.startswith("project."))
    whole = whole_document.decode(blob_of(place, entry.outputs[name]))
    results = {}
    for action, outcome in whole.results.items():
        outputs = {path: swapped.get(mark, Blob(mark, size)) for path, (mark, size) in outcome.outputs.items()}
        facts = _with(place, replace(entry, facts=outcome.facts), outputs).facts
        pairs = {path: (blob.digest, blob.size) for path, blob in outputs.items()}
        results[action] = replace(outcome, outputs=pairs, facts=facts)
    document = put_blob(place, whole_document.encode(replace(whole, results=results)))
    return replace(entry, outputs={**entry.outputs, name: document})


def _replace(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def unsigned(_: bytes, wanted: Entry) -> bytes:
    return encode(wanted)


def own_key(_: bytes, wanted: Entry) -> bytes:
    return encode(wanted, ATTACKER)


def anothers_name(_: bytes, wanted: Entry) -> bytes:
    """Says that the company has signed it, and has the attacker's signature."""
    body, _, seal = encode(wanted, _Impostor(wanted.signer)).partition(b"\n")
    return body + b"\n" + seal


def old_signature(held: bytes, wanted: Entry) -> bytes:
    """The signature of the good entry below the bad one."""
    body = encode(wanted, _Impostor(wanted.signer)).partition(b"\n")[0]
    return body + b"\n" + held.partition(b"\n")[2]


def other_tier(_: bytes, wanted: Entry) -> bytes:
    """An entry as a pull request may write it, where trusted ones are."""
    return encode(replace(wanted, tier="untrusted:pr-1"))


class _Impostor:
    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def sign(self, message: bytes) -> bytes:
        return ATTACKER.sign(message)


FORGERIES: Final[Mapping[str, tuple[Forge, str]]] = {
    "unsigned": (unsigned, "nobody has signed them"),
    "own key": (own_key, "a key that deploy.cache.keys doesn't have"),
    "another's name": (anothers_name, "their signature is false"),
    "old signature": (old_signature, "their signature is false"),
    "other tier": (other_tier, "nobody has signed them"),
}
"""How a forger goes about it, and what his victim says."""


def copied(place: Path, to: Path) -> Path:
    shutil.copytree(place, to)
    return to
