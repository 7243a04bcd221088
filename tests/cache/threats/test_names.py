"""Names from elsewhere: a path in an entry that leads out of its folder writes nothing there."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cache.threats.jobs import Company, blob_of, entries, put_blob, shop
from unitgraph.cache.digest import sha256
from unitgraph.cache.entry import encode
from unitgraph.rules import whole_document

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


@pytest.mark.parametrize(
    ("provider", "name"),
    [("cloudflare", "../../../../../escaped"), ("cloudflare", "/escaped"), ("cloudflare", "a\0b"), ("standalone", "../../../escaped")],
)
def test_a_whole_build_whose_names_lead_elsewhere_is_not_taken_over(company: Company, name: str, provider: str) -> None:
    """The document of a build names units and files; who takes it over writes those. No key is configured."""
    files = shop(company.place, keys={})
    company.desk("first", files).run("plan", "--provider", provider)
    clean = company.job("alone", files, UNITGRAPH_CACHE_URL="off")
    clean.run("plan", "--provider", provider)
    ((path, entry),) = [each for each in entries(company.place) if each[1].action == "project"]
    (document,) = [output for output in entry.outputs if output.startswith("project.")]
    whole = whole_document.decode(blob_of(company.place, entry.outputs[document]))
    (action, outcome), *others = whole.results.items()
    units = tuple(replace(unit, name=name) if number == 0 else unit for number, unit in enumerate(whole.manifest.units))
    outputs = {f"{name}.js" if number == 0 else file: mark for number, (file, mark) in enumerate(outcome.outputs.items())}
    forgeries = [
        replace(whole, results={f"bundle:{name}": outcome, **dict(others)}),
        replace(whole, results={action: replace(outcome, outputs=outputs), **dict(others)}),
        replace(whole, manifest=replace(whole.manifest, units=units)),
        replace(whole, notices=("\x1b]0;escaped\a",)),
        replace(whole, results=dict(others)),
    ]
    for number, forged in enumerate(forgeries):
        blob = put_blob(company.place, whole_document.encode(forged))
        path.chmod(0o644)
        path.write_bytes(encode(replace(entry, outputs={**entry.outputs, document: blob})))
        victim = company.desk(f"victim-{number}", files)
        said = victim.run("plan", "--provider", provider)
        assert victim.promised(provider) == clean.promised(provider)
        assert "\x1b" not in said.text
        assert not [found for found in company.root.rglob("*escaped*") if found.is_file()]
