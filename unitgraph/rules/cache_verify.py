"""Whether the caches hold what they say: this machine's, byte by byte; the shared one's, as far as this project goes;
and, where it is asked for, whether building again gives the same bytes. Changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unitgraph.cache import doctor
from unitgraph.cache.doctor import WRONG, Fault, Findings
from unitgraph.cache.layout import Layout
from unitgraph.errors.store import CacheFolderUnusable
from unitgraph.rules import amounts, rebuild
from unitgraph.rules.amounts import counted, size_text
from unitgraph.rules.rebuild import Difference, Rebuilt
from unitgraph.rules.settings import settings
from unitgraph.rules.shared_check import SharedCheck, check


@dataclass(frozen=True, slots=True)
class Verified:
    """``shared`` is None where nothing is shared, ``rebuilt`` where it wasn't asked for."""

    folder: Path
    findings: Findings
    shared: SharedCheck | None
    rebuilt: Rebuilt | None

    @property
    def faults(self) -> list[Fault]:
        """What a lookup could stumble over; untidiness is the doctor's business."""
        return [fault for fault in self.findings.faults if fault.kind in WRONG]

    @property
    def status(self) -> int:
        shared = self.shared is None or self.shared.is_sound
        again = self.rebuilt is None or not (self.rebuilt.differences or self.rebuilt.failures)
        return 0 if shared and again and not self.faults else 1

    def document(self) -> dict[str, Any]:
        found = self.findings
        return {
            "folder": str(self.folder),
            "entries": found.entries,
            "blobs": found.blobs,
            "sizeBytes": found.bytes,
            "faults": [{"kind": each.kind, "path": each.path, "detail": each.what} for each in self.faults],
            "shared": None if self.shared is None else _shared_document(self.shared),
            "rebuilt": None if self.rebuilt is None else _rebuilt_document(self.rebuilt),
            "sound": self.status == 0,
        }

    def text(self) -> str:
        found = self.findings
        lines = [f"{fault.path} {fault.what}" for fault in self.faults]
        held = f"{counted(found.entries, 'result')}, {counted(found.blobs, 'blob')} ({size_text(found.bytes)})"
        lines.append(f"{held} in {self.folder}: {_outcome(len(self.faults))}")
        if self.faults:
            lines.append("'doit cache doctor' removes what is wrong; it is built again when it is needed.")
        if self.shared is not None:
            lines += _shared_lines(self.shared)
        if self.rebuilt is not None:
            lines += _rebuilt_lines(self.rebuilt)
        return "\n".join(lines) + "\n"


def verify(options: Mapping[str, Any], project: Path | None, now_ns: int) -> Verified:
    """Looks at all that there is. Raises CacheFolderUnusable, and what is wrong with the project where one is."""
    share = amounts.share(options["rebuild"], "--rebuild") if options["rebuild"] else 0
    cache = settings().cache
    try:
        findings = doctor.examine(Layout(cache), now_ns)
    except OSError as error:
        raise CacheFolderUnusable(cache, error.strerror or str(error)) from error
    if project is None and not share:
        return Verified(cache, findings, None, None)
    from unitgraph.rules.cache_layers import shared_url  # noqa: PLC0415 - for projects alone
    from unitgraph.rules.commands.session import engine_of  # noqa: PLC0415 - as above

    engine = engine_of(options, "cache verify")
    if not share and not shared_url(engine.project.config.deploy.cache, engine.settings.shared):
        return Verified(cache, findings, None, None)
    try:
        with engine.locked():
            keys = rebuild.keys_of(engine)
            again = rebuild.rebuild(engine, keys, rebuild.sample(keys, share, options["seed"])) if share else None
            return Verified(cache, findings, check(engine, keys), again)
    finally:
        engine.close()


def _shared_document(shared: SharedCheck) -> dict[str, Any]:
    return {
        "place": shared.place,
        "entries": shared.entries,
        "refused": [
            {"action": each.action, "tier": each.tier, "reason": each.reason, "detail": each.detail}
            for each in shared.refused
        ],
        "damaged": [{"action": each.action, "digest": each.digest} for each in shared.damaged],
        "trouble": shared.trouble or None,
    }


def _rebuilt_document(rebuilt: Rebuilt) -> dict[str, Any]:
    return {
        "units": list(rebuilt.units),
        "absent": list(rebuilt.absent),
        "differences": [
            {
                "unit": each.unit,
                "path": each.path,
                "key": each.key,
                "origin": each.origin,
                "held": each.held or None,
                "built": each.built or None,
                "offset": each.offset,
            }
            for each in rebuilt.differences
        ],
        "failures": [{"code": error.code, "message": error.message} for error in rebuilt.failures],
    }


def _shared_lines(shared: SharedCheck) -> list[str]:
    lines = [f"{each.action} in {each.tier}: {each.detail} [{each.reason}]" for each in shared.refused]
    lines += [f"{each.action}: its blob {each.digest} isn't there, or has other bytes" for each in shared.damaged]
    if shared.trouble:
        return [*lines, f"The shared cache wasn't looked at to its end: {shared.trouble}"]
    count = len(shared.refused) + len(shared.damaged)
    return [*lines, f"{counted(shared.entries, 'result')} of this project in {shared.place}: {_outcome(count)}"]


def _rebuilt_lines(rebuilt: Rebuilt) -> list[str]:
    lines = [line for each in rebuilt.differences for line in _difference_lines(each)]
    lines += [str(error) for error in rebuilt.failures]
    if rebuilt.absent:
        lines.append(f"In no cache, so there was nothing to compare with: {', '.join(rebuilt.absent)}")
    differing = len({each.unit for each in rebuilt.differences})
    end = f"{counted(differing, 'unit')} came out otherwise" if differing else "the same bytes"
    return [*lines, f"{counted(len(rebuilt.units), 'unit')} built again: {end}"]


def _difference_lines(each: Difference) -> list[str]:
    where = "" if each.offset is None else f"; they differ from byte {each.offset:,} on"
    return [
        f"{each.unit}: {each.path} isn't what the cache has (key {each.key[:12]}, {each.origin}){where}",
        f"    in the cache {each.held or 'no such file'}",
        f"    built again  {each.built or 'no such file'}",
    ]


def _outcome(faults: int) -> str:
    return counted(faults, "fault") if faults else "all is well"
