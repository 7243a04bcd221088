"""Names from elsewhere: a path in an entry that leads out of its folder writes nothing there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cache.threats.jobs import Company, entries, put_blob, shop
from unitgraph.cache.digest import sha256

EVIL = b"globalThis.escaped=1"


def leads_to(company: Company) -> dict[str, Callable[[Path], str]]:
    """Paths that would end at ``target``, or anywhere but in the output folder."""
    return {
        "up": lambda target: "../" * 12 + str(target).lstrip("/"),
        "absolute": str,
        "inside and up": lambda target: "units/" + "../" * 13 + str(target).lstrip("/"),
        "backslashes": lambda target: "..\\" * 12 + str(target).replace("/", "\\"),
        "drive": lambda target: f"C:{target}",
        "NUL": lambda target: f"index.js\0{target}",
        "line": lambda target: f"index.js\n{target}",
    }


@pytest.mark.parametrize("form", ["up", "absolute", "inside and up", "backslashes", "drive", "NUL", "line"])
def test_a_path_that_leads_elsewhere_is_refused_with_its_entry(company: Company, form: str) -> None:
    """No key is configured, so nothing but the path itself is wrong with the entry, and its checksum is good."""
    files = shop(company.place, keys={})
    company.desk("first", files).plan()
    clean = company.clean(files)
    target = company.root / "escaped.js"
    blob = put_blob(company.place, EVIL)
    for path, _ in list(entries(company.place)):
        body = json.loads(path.read_bytes().partition(b"\n")[0])
        body["outputs"] = {**body["outputs"], leads_to(company)[form](target): [blob.digest, blob.size]}
        line = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        path.chmod(0o644)
        path.write_bytes(line + b"\n" + sha256(b"unitgraph cache entry\0" + line).encode())
    victim = company.desk("victim", files)
    said = victim.run("plan", "--provider", "cloudflare")
    assert "they can't be read" in said.err
    assert victim.promised() == clean
    assert not target.exists()
    assert not [path for path in company.root.rglob("*escaped*") if path.is_file()]


@pytest.mark.parametrize("namespace", ["../../ac", "/etc", "a/b", "..", "", "PR", "a\nb"])
def test_a_namespace_names_no_folder_elsewhere(company: Company, namespace: str) -> None:
    job = company.pull_request("pr")
    job.environ["UNITGRAPH_CACHE_TIER"] = f"untrusted:{namespace}"
    said = job.run("plan", status=1)
    assert "cache-tier-invalid" in said.err
    assert not company.place.exists()
