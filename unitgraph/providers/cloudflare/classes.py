"""Which class of Durable Objects stands under which tag of a Worker's migrations. Pure.

Cloudflare runs the steps behind the tag that a deployed Worker has. So what was deployed is only ever added to, and
what that was is written down in a file of the project: nothing else says which step a class came with.
https://developers.cloudflare.com/durable-objects/reference/durable-objects-migrations/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from unitgraph.errors.provider import BadObjectsFile
from unitgraph.providers.cloudflare.bindings import RUNS, objects

if TYPE_CHECKING:
    from unitgraph.units.model import Manifest, Unit

FILE: Final = "durable-objects.json"
_ABOUT: Final = "Which classes of Durable Objects came with which step. Kept by people: commit it with what needs it."
_KEYS: Final = frozenset(("tag", "new", "deleted"))


@dataclass(frozen=True, slots=True)
class Step:
    tag: str
    new: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        return {"tag": self.tag} | {key: list(found) for key in ("new", "deleted") if (found := getattr(self, key))}

    def migration(self) -> dict[str, Any]:
        """As wrangler has it."""
        said = {"new_sqlite_classes": list(self.new), "deleted_classes": list(self.deleted)}
        return {"tag": self.tag} | {key: found for key, found in said.items() if found}


History = tuple[Step, ...]


def read(text: str) -> Mapping[str, History]:
    """What was written down, by unit. Raises BadObjectsFile."""
    try:
        found = json.loads(text)["units"] if text else {}
        return {unit: tuple(map(_step, steps)) for unit, steps in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadObjectsFile(FILE) from error


def _step(found: Mapping[str, Any]) -> Step:
    if not _KEYS.issuperset(found) or not isinstance(found["tag"], str):
        raise ValueError(found)
    lists = [found.get(key, []) for key in ("new", "deleted")]
    if any(not isinstance(names, list) or any(not isinstance(name, str) for name in names) for names in lists):
        raise TypeError(found)
    return Step(found["tag"], tuple(lists[0]), tuple(lists[1]))


def grown(unit: "Unit", manifest: "Manifest", written: Mapping[str, History]) -> History:
    """The steps of a unit's Worker: those that were written down, and one more where its classes are others now."""
    before = written.get(unit.name, ())
    needed = {kind.class_name for kind in objects(unit, manifest)}
    there = _there(before)
    new, gone = sorted(needed - there), sorted(there - needed - {RUNS.class_name})
    if not new and not gone:
        return before
    return (*before, Step(f"unitgraph-{len(before) + 1}", tuple(new), tuple(gone)))


def render(manifest: "Manifest", text: str) -> str:
    """The file as it is to be; "" where no Worker has ever had such a class."""
    written = read(text)
    own = {unit.name: grown(unit, manifest, written) for unit in manifest.units if unit.target != "server"}
    every = {name: steps for name, steps in sorted({**written, **own}.items()) if steps}
    if not every:
        return ""
    lines = [
        f"    {json.dumps(name)}: [{', '.join(json.dumps(step.document()) for step in steps)}]"
        for name, steps in every.items()
    ]
    return f'{{\n  "about": {json.dumps(_ABOUT)},\n  "units": {{\n' + ",\n".join(lines) + "\n  }\n}\n"


def notes(manifest: "Manifest", text: str, folder: str) -> list[str]:
    """What somebody should do about it."""
    found = []
    if render(manifest, text) != text:
        what = "says otherwise than the project now" if text else "isn't there"
        found.append(
            f"{FILE} {what}: copy {folder}/{FILE} here and commit it with the change, before it is deployed. It says "
            f"which classes of Durable Objects a Worker has had."
        )
    written = read(text)
    kept = [
        unit.name
        for unit in manifest.units
        if RUNS.class_name in _there(written.get(unit.name, ()))
        and RUNS.class_name not in {kind.class_name for kind in objects(unit, manifest)}
    ]
    if kept:
        found.append(
            f"No workflow is in {', '.join(kept)} any more, whose runs Cloudflare keeps, so it refuses the Worker. "
            f'Where they may go, add {{"tag": "…", "deleted": ["{RUNS.class_name}"]}} to its steps in {FILE}.'
        )
    return found


def _there(history: History) -> set[str]:
    found: set[str] = set()
    for step in history:
        found = (found | set(step.new)) - set(step.deleted)
    return found
