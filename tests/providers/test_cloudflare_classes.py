"""The steps of a Worker's Durable Objects over the life of a project: what is deployed is added to and never changed."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.providers.samples import SHOP, target
from unitgraph.errors.provider import BadObjectsFile
from unitgraph.providers import cloudflare
from unitgraph.providers.cloudflare import classes
from unitgraph.units.model import Manifest, Service, Workflow

UNIT = "shop-ship-order"


def manifest(*, limits: bool = False, queue: bool = True, workflow: bool = False) -> Manifest:
    """The shop, in which one unit works on a queue, counts callers, or has a workflow."""
    more = (Service("rate-limit", "rateLimits"),) if limits else ()
    units = tuple(replace(unit, services=(*unit.services, *more)) if unit.name == UNIT else unit for unit in SHOP.units)
    return replace(
        SHOP, units=units, queues=SHOP.queues if queue else tuple(each for each in SHOP.queues if each.consumer_unit != UNIT),
        workflows=(Workflow("ship", "ship", UNIT, ()),) if workflow else (),
    )  # fmt: skip


def written(of: Manifest, before: str, root: Path) -> tuple[str, list[dict[str, Any]]]:
    """The file after a build, and the migrations of the unit."""
    files = cloudflare.files(of, replace(target(root, "cloudflare"), objects=before))
    toml = tomllib.loads(files[f"units/{UNIT}/wrangler.toml"].decode())
    return files.get(classes.FILE, b"").decode(), toml.get("migrations", [])


def test_a_class_that_comes_later_has_a_step_of_its_own(tmp_path: Path) -> None:
    first, steps = written(manifest(), "", tmp_path)
    assert steps == [{"tag": "unitgraph-1", "new_sqlite_classes": ["JobLedger"]}]
    assert written(manifest(), first, tmp_path) == (first, steps), "nothing new: nothing added"
    second, steps = written(manifest(limits=True), first, tmp_path)
    assert steps == [
        {"tag": "unitgraph-1", "new_sqlite_classes": ["JobLedger"]},
        {"tag": "unitgraph-2", "new_sqlite_classes": ["RateLimitBucket"]},
    ]
    assert second != first
    assert written(manifest(limits=True), second, tmp_path) == (second, steps)
    assert written(manifest(limits=True), first, tmp_path) == (second, steps), "the same everywhere"


def test_a_class_that_goes_is_deleted_and_may_come_again(tmp_path: Path) -> None:
    text, _ = written(manifest(limits=True), "", tmp_path)
    text, steps = written(manifest(limits=True, queue=False), text, tmp_path)
    assert steps[1:] == [{"tag": "unitgraph-2", "deleted_classes": ["JobLedger"]}]
    text, steps = written(manifest(limits=True), text, tmp_path)
    assert steps[2:] == [{"tag": "unitgraph-3", "new_sqlite_classes": ["JobLedger"]}]


def test_runs_of_workflows_are_deleted_by_people_alone(tmp_path: Path) -> None:
    text, steps = written(manifest(workflow=True), "", tmp_path)
    assert steps == [{"tag": "unitgraph-1", "new_sqlite_classes": ["JobLedger", "WorkflowRun"]}]
    assert written(manifest(), text, tmp_path) == (text, steps)
    (note,) = classes.notes(manifest(), text, "out")
    assert "No workflow is in shop-ship-order any more" in note
    document = json.loads(text)
    document["units"][UNIT].append({"tag": "mine", "deleted": ["WorkflowRun"]})
    text, steps = written(manifest(), json.dumps(document), tmp_path)
    assert steps[1:] == [{"tag": "mine", "deleted_classes": ["WorkflowRun"]}]
    assert classes.notes(manifest(), text, "out") == []


def test_it_is_said_until_it_is_written_down(tmp_path: Path) -> None:
    text, _ = written(manifest(), "", tmp_path)
    (note,) = classes.notes(manifest(), "", ".deploy/cloudflare")
    assert note.startswith("durable-objects.json isn't there: copy .deploy/cloudflare/durable-objects.json here")
    assert classes.notes(manifest(), text, "out") == []
    assert len(classes.notes(manifest(limits=True), text, "out")) == 1
    none = replace(SHOP, queues=(), scheduled_tasks=())
    assert classes.render(none, "") == ""
    assert classes.notes(none, "", "out") == []


def test_what_is_gone_stays_written_down(tmp_path: Path) -> None:
    """Nobody has taken the Worker away, and it may come again."""
    text, _ = written(manifest(), "", tmp_path)
    rest = replace(SHOP, units=tuple(unit for unit in SHOP.units if unit.name != UNIT), queues=())
    assert UNIT in json.loads(classes.render(rest, text))["units"]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"units": []}', '{"units": {"a": [{"new": []}]}}', '{"units": {"a": [{"tag": 1}]}}',
     '{"units": {"a": [{"tag": "x", "new": "JobLedger"}]}}', '{"units": {"a": [{"tag": "x", "renamed": []}]}}',
     "<<<<<<< HEAD\n{}"],
)  # fmt: skip
def test_what_cant_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadObjectsFile):
        classes.read(text)
