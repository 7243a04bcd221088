"""Runs the graph: order by need, early cutoff by key, batches on a thread pool, one commit a finished action.

Knows actions and keys, not what they build. A failed action fails alone: what needs it is left out, the rest goes on.
What another process of this machine is already making is awaited rather than made twice.
"""

import errno
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Final, cast

from unitgraph.cache import digest
from unitgraph.cache.key import Key
from unitgraph.cache.store import BUILT, Blob, Cache, Made
from unitgraph.errors import UnitgraphError
from unitgraph.errors.build import DependencyFailed, DiskFull, InputChanged
from unitgraph.rules.action import Action, Finished, How, Pool, Result, Work
from unitgraph.rules.database import Database, Record
from unitgraph.rules.memo import Memo

Listener = Callable[[Result], None]
Outcomes = Mapping[str, Finished | UnitgraphError]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where results are looked up and kept."""

    database: Database
    memo: Memo
    cache: Cache


@dataclass(frozen=True, slots=True)
class Demand:
    """What a run's results are for. Without ``bytes`` it is enough to know the digests of what a shared cache holds;
    ``trusted_only`` takes nothing that an untrusted build has made elsewhere."""

    bytes: bool = True
    trusted_only: bool = False


PLACED: Final = Demand()


@dataclass(frozen=True, slots=True)
class _Done:
    """What a batch came to."""

    outcomes: Outcomes
    work: Work


def run(
    actions: Iterable[Action], stores: Stores, *, jobs: int, listener: Listener = lambda _: None,
    records: Mapping[str, Record] | None = None, demand: Demand = PLACED,
) -> dict[str, Result]:  # fmt: skip
    """Brings every action up to date; returns how each ended, by name. ``records`` are the database's, if at hand."""
    table = {action.name: action for action in actions}
    held = stores.database.records() if records is None else records
    return _Run(table, stores, jobs, listener, held, demand).all()


class _Run:
    def __init__(
        self, table: Mapping[str, Action], stores: Stores, jobs: int, listener: Listener,
        records: Mapping[str, Record], demand: Demand,
    ) -> None:  # fmt: skip
        self._table = table
        self._stores = stores
        self._jobs = jobs
        self._listener = listener
        self._records = records
        self._demand = demand
        self._results: dict[str, Result] = {}
        self._keys: dict[str, Key] = {}
        self._waiting: defaultdict[int, deque[Action]] = defaultdict(deque)
        self._elsewhere: list[Action] = []
        self._running: dict[Future[_Done], Sequence[Action]] = {}
        needs = {name: [need for need in action.needs if need in table] for name, action in table.items()}
        self._order = TopologicalSorter(needs)
        self._order.prepare()

    def all(self) -> dict[str, Result]:
        with ThreadPoolExecutor(max_workers=self._jobs, thread_name_prefix="action") as pool:
            try:
                while self._order.is_active():
                    self._prepare_ready()
                    self._submit(pool)
                    if self._running:
                        self._collect()
                    elif self._elsewhere:
                        self._await_others()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                self._stores.cache.release(key.digest for key in self._keys.values())
        return self._results

    def _prepare_ready(self) -> None:
        """Settles what needs no work, runs what is done here, and queues the rest by kind."""
        while ready := self._order.get_ready():
            unknown, away = [], []
            for name in ready:
                action = self._table[name]
                settled = self._settle(action)
                if settled is None:
                    unknown.append(action)
                elif settled.placed or not action.rule.is_shared:
                    self._finish(settled)
                else:
                    away.append((action, settled))
            unknown += self._fetch_near(away)
            for action in self._restore([action for action in unknown if action.rule.is_shared]):
                self._waiting[id(action.rule)].append(action)
            for action in unknown:
                if action.rule.is_shared:
                    continue
                if action.rule.pool is Pool.HERE:
                    self._record([action], _timed(action.rule.run, [action.subject]))
                else:
                    self._waiting[id(action.rule)].append(action)

    def _settle(self, action: Action) -> Result | None:
        """The result where nothing has to be made or looked up: a need failed, or the key is that of the last run."""
        for need in action.needs:
            if need in self._results and self._results[need].how is How.FAILED:
                return Result(action.name, How.FAILED, error=DependencyFailed(action.name, need))
        try:
            key = self._keys[action.name] = action.rule.key(action.subject)
        except UnitgraphError as error:
            return Result(action.name, How.FAILED, error=error)
        record = self._records.get(action.name)
        if record is None or record.key != key.digest:
            return None
        origin = str(record.facts.get("origin", BUILT))
        if not self._stores.cache.believes(origin, trusted_only=self._demand.trusted_only):
            return None
        away = record.facts.get("placed") is False
        is_known = not self._demand.bytes if away else action.rule.intact(action.subject, record)
        if not is_known:
            return None
        return Result(action.name, How.FRESH, key, record.outputs, record.facts, origin=origin, placed=not away)

    def _fetch_near(self, away: Sequence[tuple[Action, Result]]) -> list[Action]:
        """Places of what is known by digest alone that which this machine has; what came from elsewhere may stay there.
        Returns what was made on this machine and is here no more."""
        outputs = {action.name: _blobs(result) for action, result in away}
        wanted = {blob for blobs in outputs.values() for blob in blobs.values()}
        data = self._stores.cache.fetch(wanted, near=True) if wanted else {}
        lost = []
        for action, result in away:
            blobs = outputs[action.name]
            if all(blob.digest in data for blob in blobs.values()):
                made = Made(blobs, result.facts, result.origin)
                self._finish(self._take(action, made, data, time.monotonic()))
            elif result.origin == BUILT:
                lost.append(action)
            else:
                self._finish(result)
        return lost

    def _restore(self, actions: Sequence[Action], *, near: bool = False) -> list[Action]:
        """Takes from the cache what it holds, and returns the rest."""
        if not actions:
            return []
        cache, demand = self._stores.cache, self._demand
        began = time.monotonic()
        keys = [self._keys[action.name].digest for action in actions]
        found = cache.look_up(keys, trusted_only=demand.trusted_only, near=near)
        wanted = {blob for made in found.values() for blob in made.outputs.values()}
        data = cache.fetch(wanted, near=near or not demand.bytes) if wanted else {}
        rest = []
        for action, key in zip(actions, keys, strict=True):
            made = found.get(key)
            whole = made is not None and all(blob.digest in data for blob in made.outputs.values())
            if made is None or (not whole and demand.bytes):
                rest.append(action)
            else:
                self._finish(self._take(action, made, data if whole else None, began))
        return rest

    def _take(self, action: Action, made: Made, data: Mapping[str, bytes] | None, began: float) -> Result:
        """Places the outputs that the cache holds; without ``data`` only their digests are known from now on."""
        key = self._keys[action.name]
        try:
            if data is None:
                action.rule.withdraw(action.subject, made.outputs)
            else:
                action.rule.place(action.subject, {path: data[blob.digest] for path, blob in made.outputs.items()})
        except OSError as error:
            return Result(action.name, How.FAILED, key, error=_disk(error, action.name))
        names = {path: blob.digest for path, blob in made.outputs.items()}
        sizes = {path: blob.size for path, blob in made.outputs.items()}     # whatever the facts say
        facts = {**made.facts, "sizes": sizes, "origin": made.origin, "placed": data is not None}
        self._stores.database.save_action(action.name, key, names, facts)
        return Result(
            action.name, How.CACHED, key, names, facts, work=_work(began), origin=made.origin, placed=data is not None
        )

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        """Keeps one batch more at hand than run, so that nobody waits while results are recorded."""
        for waiting in self._waiting.values():
            while waiting and len(self._running) <= self._jobs:
                rule = waiting[0].rule
                share = -(-len(waiting) // max(1, self._jobs - len(self._running)))
                taken = self._claimed([waiting.popleft() for _ in range(min(rule.batch, share, len(waiting)))])
                taken = self._readied(taken)
                if taken:
                    future = pool.submit(_timed, rule.run, [action.subject for action in taken])
                    self._running[future] = taken

    def _claimed(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Those that are ours to run: nobody else is at them, and nobody has finished them meanwhile."""
        if not actions[0].rule.is_shared:
            return actions
        keys = {self._keys[action.name].digest for action in actions}
        claimed = self._stores.cache.claim(sorted(keys))
        self._elsewhere += [action for action in actions if self._keys[action.name].digest not in claimed]
        ours = [action for action in actions if self._keys[action.name].digest in claimed]
        return self._restore(ours, near=True)

    def _readied(self, actions: Sequence[Action]) -> Sequence[Action]:
        """Those for whose work everything is there now."""
        if not actions:
            return actions
        try:
            actions[0].rule.make_ready([action.subject for action in actions])
        except UnitgraphError as error:
            for action in actions:
                self._finish(Result(action.name, How.FAILED, self._keys[action.name], error=error))
            return []
        return actions

    def _await_others(self) -> None:
        """Waits until another process is done with one of its actions, and queues all of them again."""
        self._stores.cache.await_others([self._keys[action.name].digest for action in self._elsewhere])
        for action in self._restore(self._elsewhere, near=True):
            self._waiting[id(action.rule)].append(action)
        self._elsewhere = []

    def _collect(self) -> None:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in done:
            self._record(self._running.pop(future), future.result())

    def _record(self, actions: Sequence[Action], done: _Done) -> None:
        for action in actions:
            self._finish(self._accept(action, done))

    def _accept(self, action: Action, done: _Done) -> Result:
        """Checks the inputs once more, keeps the outputs, and commits."""
        key = self._keys[action.name]
        outcome = done.outcomes[action.subject]
        if isinstance(outcome, UnitgraphError):
            return Result(action.name, How.FAILED, key, error=outcome, work=done.work)
        moved = self._stores.memo.moved(outcome.inputs)
        if moved:
            return Result(action.name, How.FAILED, key, error=InputChanged(moved[0]), work=done.work)
        facts = {**_measured(outcome.outputs), **outcome.facts}
        blobs = {path: Blob(digest.sha256(data), len(data)) for path, data in outcome.outputs.items()}
        names = {path: blob.digest for path, blob in blobs.items()}
        try:
            action.rule.place(action.subject, outcome.outputs)
            if action.rule.is_shared:
                data = {blobs[path].digest: content for path, content in outcome.outputs.items()}
                self._stores.cache.keep(key.digest, action.name, Made(blobs, facts), data)
        except OSError as error:
            return Result(action.name, How.FAILED, key, error=_disk(error, action.name), work=done.work)
        own = self._stores.cache.own
        recorded = {**facts, "origin": own}     # a copy: what was kept may still be on its way
        self._stores.database.save_action(action.name, key, names, recorded)
        return Result(action.name, How.RAN, key, names, recorded, work=done.work, origin=own)

    def _finish(self, result: Result) -> None:
        self._results[result.name] = result
        if result.key is not None and self._table[result.name].rule.is_shared:
            self._stores.cache.release([result.key.digest])
        self._listener(result)
        self._order.done(result.name)


def _blobs(result: Result) -> dict[str, Blob]:
    sizes = cast("Mapping[str, int]", result.facts["sizes"])
    return {path: Blob(name, sizes[path]) for path, name in result.outputs.items()}


def _measured(outputs: Mapping[str, bytes]) -> dict[str, object]:
    return {
        "sizes": {path: len(data) for path, data in outputs.items()},
        "local": {path: digest.local(data) for path, data in outputs.items()},
    }


def _timed(run: Callable[[Sequence[str]], Outcomes], subjects: Sequence[str]) -> _Done:
    """One error of the whole batch is the error of each."""
    began = time.monotonic()
    try:
        outcomes = run(subjects)
    except UnitgraphError as error:
        outcomes = dict.fromkeys(subjects, error)
    return _Done(outcomes, _work(began))


def _work(began: float) -> Work:
    return Work(began, time.monotonic(), threading.current_thread().name)


def _disk(error: OSError, name: str) -> UnitgraphError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(error.filename or name)
    raise error
