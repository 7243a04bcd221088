"""One conformance a service, run by the same functions on Workers and in the executable; tests/runtime/services has the
cases, and runs them in one process."""

import re
from pathlib import Path

import pytest

from tests.cache.remote import servers
from tests.harness import Checkout
from tests.jobs.places import InProcess, InWorkers, Place, running
from tests.services.conftest import APP, GIVEN, SOURCES

SUITES = {
    "db": ("db.cases.ts", "dbCases"),
    "transactions": ("db.cases.ts", "transactionCases"),
    "no-transactions": ("db.cases.ts", "noTransactionCases"),
    "kv": ("kv.cases.ts", "kvCases"),
    "storage": ("storage.cases.ts", "storageCases"),
    "signed": ("storage.cases.ts", "signedCases"),
    "unsigned": ("storage.cases.ts", "unsignedCases"),
}


def cases(suite: str) -> list[str]:
    """The names of a suite's cases, as its source has them."""
    file, name = SUITES[suite]
    folder = APP if file.startswith("db") else SOURCES
    _, _, rest = (folder / file).read_text("utf-8").partition(f"export const {name}")
    found = re.findall(r"^  '((?:[^'\\]|\\.)+)': async", rest.partition("\n}\n")[0], re.MULTILINE)
    assert found
    return found


def run(place: Place, suite: str) -> None:
    answer = place.post(f"/run/{suite}", {})
    assert answer.status == 200, answer.body
    failed = {name: said for name, said in answer.json.items() if said != "ok"}
    assert not failed, "\n".join(f"{name}: {said}" for name, said in failed.items())
    assert sorted(answer.json) == sorted(cases(suite))


@pytest.mark.parametrize("suite", ["db", "no-transactions", "kv", "storage", "unsigned"])
def test_on_workers(workers: InWorkers, suite: str) -> None:
    run(workers, suite)


@pytest.mark.parametrize("suite", ["db", "transactions", "kv", "storage", "unsigned"])
def test_in_the_executable(process: InProcess, suite: str) -> None:
    run(process, suite)


@pytest.mark.parametrize("suite", ["db", "transactions", "kv", "storage", "unsigned"])
def test_in_a_server_without_workers(server: InProcess, suite: str) -> None:
    run(server, suite)


def test_in_a_bucket(program: Path, tmp_path: Path) -> None:
    """The executable with its objects in S3: moto's server, by Bun's client."""
    with servers.s3(tmp_path) as server:
        host, port = server.address
        url = f"s3://bucket?region=us-east-1&endpoint=http://{host}:{port}"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        with running(program, tmp_path / "data", GIVEN | {"STORAGE_URL": url, **keys}) as place:
            run(place, "storage")
            run(place, "signed")


def test_a_unit_holds_the_services_that_it_takes(checkout: Checkout, workers: InWorkers) -> None:
    """Told by what each service's code alone says."""
    marks = {"kv": b"getWithMetadata", "storage": b"createMultipartUpload", "db": b"D1 has no transactions"}
    wanted = {"kept-run-kv": ["kv"], "kept-run-storage": ["storage"], "kept-run-db": ["db"], "kept-plain": []}
    bundles = checkout.units()
    found = {unit: [name for name, mark in marks.items() if mark in bundles[unit]] for unit in wanted}
    assert found == wanted
    assert len(bundles["kept-plain"]) < min(len(bundles[unit]) for unit in wanted if wanted[unit])
