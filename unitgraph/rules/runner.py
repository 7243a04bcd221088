"""Runs the graph: order by need, early cutoff by key, batches on a thread pool, one commit a finished action.

Knows actions and keys, not what they build. A failed action fails alone: what needs it is left out, the rest goes on.
"""

import errno
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

from unitgraph.cache import digest
from unitgraph.cache.key import Key
from unitgraph.cache.store import ActionCache, Blobs, Made
from unitgraph.errors import UnitgraphError
from unitgraph.errors.build import DependencyFailed, DiskFull, InputChanged
from unitgraph.rules.action import Action, Finished, How, Pool, Result
from unitgraph.rules.database import Database, Record
from unitgraph.rules.memo import Memo

Listener = Callable[[Result], None]
Outcomes = Mapping[str, Finished | UnitgraphError]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where results are looked up and kept."""

    database: Database
    memo: Memo
    blobs: Blobs
    actions: ActionCache


def run(
    actions: Iterable[Action], stores: Stores, *, jobs: int, listener: Listener = lambda _: None,
    records: Mapping[str, Record] | None = None,
) -> dict[str, Result]:  # fmt: skip
    """Brings every action up to date; returns how each ended, by name. ``records`` are the database's, if at hand."""
    table = {action.name: action for action in actions}
    return _Run(table, stores, jobs, listener, stores.database.records() if records is None else records).all()


class _Run:
    def __init__(
        self, table: Mapping[str, Action], stores: Stores, jobs: int, listener: Listener, records: Mapping[str, Record]
    ) -> None:
        self._table = table
        self._stores = stores
        self._jobs = jobs
        self._listener = listener
        self._records = records
        self._results: dict[str, Result] = {}
        self._keys: dict[str, Key] = {}
        self._waiting: defaultdict[int, deque[Action]] = defaultdict(deque)
        self._running: dict[Future[Outcomes], Sequence[Action]] = {}
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
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self._results

    def _prepare_ready(self) -> None:
        """Settles what needs no work, runs what is done here, and queues the rest by kind."""
        while ready := self._order.get_ready():
            for name in ready:
                action = self._table[name]
                settled = self._settle(action)
                if settled:
                    self._finish(settled)
                elif action.rule.pool is Pool.HERE:
                    self._record([action], _guarded(action.rule.run, [action.subject]))
                else:
                    self._waiting[id(action.rule)].append(action)

    def _settle(self, action: Action) -> Result | None:
        """The result where no work is needed: a need failed, the key is the last one, or the cache holds it."""
        for need in action.needs:
            if need in self._results and self._results[need].how is How.FAILED:
                return Result(action.name, How.FAILED, error=DependencyFailed(action.name, need))
        try:
            key = self._keys[action.name] = action.rule.key(action.subject)
        except UnitgraphError as error:
            return Result(action.name, How.FAILED, error=error)
        record = self._records.get(action.name)
        if record and record.key == key.digest and action.rule.intact(action.subject, record):
            return Result(action.name, How.FRESH, key, record.outputs, record.facts)
        return self._restore(action, key)

    def _restore(self, action: Action, key: Key) -> Result | None:
        held = self._stores.actions.get(key.digest) if action.rule.is_shared else None
        if held is None:
            return None
        outputs = {path: self._stores.blobs.get(name) for path, name in held.outputs.items()}
        whole = {path: data for path, data in outputs.items() if data is not None}
        if len(whole) < len(outputs):
            return None
        try:
            action.rule.place(action.subject, whole)
        except OSError as error:
            return Result(action.name, How.FAILED, key, error=_disk(error, action.name))
        self._stores.database.save_action(action.name, key, held.outputs, held.facts)
        return Result(action.name, How.CACHED, key, held.outputs, held.facts)

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        """Keeps one batch more at hand than run, so that nobody waits while results are recorded."""
        for waiting in self._waiting.values():
            while waiting and len(self._running) <= self._jobs:
                rule = waiting[0].rule
                share = -(-len(waiting) // max(1, self._jobs - len(self._running)))
                taken = [waiting.popleft() for _ in range(min(rule.batch, share, len(waiting)))]
                future = pool.submit(_guarded, rule.run, [action.subject for action in taken])
                self._running[future] = taken

    def _collect(self) -> None:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in done:
            self._record(self._running.pop(future), future.result())

    def _record(self, actions: Sequence[Action], outcomes: Outcomes) -> None:
        for action in actions:
            self._finish(self._accept(action, outcomes[action.subject]))

    def _accept(self, action: Action, outcome: Finished | UnitgraphError) -> Result:
        """Checks the inputs once more, keeps the outputs, and commits."""
        key = self._keys[action.name]
        if isinstance(outcome, UnitgraphError):
            return Result(action.name, How.FAILED, key, error=outcome)
        moved = self._stores.memo.moved(outcome.inputs)
        if moved:
            return Result(action.name, How.FAILED, key, error=InputChanged(moved[0]))
        facts = {**_measured(outcome.outputs), **outcome.facts}
        try:
            keep = self._stores.blobs.put if action.rule.is_shared else digest.sha256
            names = {path: keep(data) for path, data in outcome.outputs.items()}
            action.rule.place(action.subject, outcome.outputs)
            if action.rule.is_shared:
                self._stores.actions.put(key.digest, Made(names, facts))
        except OSError as error:
            return Result(action.name, How.FAILED, key, error=_disk(error, action.name))
        self._stores.database.save_action(action.name, key, names, facts)
        return Result(action.name, How.RAN, key, names, facts)

    def _finish(self, result: Result) -> None:
        self._results[result.name] = result
        self._listener(result)
        self._order.done(result.name)


def _measured(outputs: Mapping[str, bytes]) -> dict[str, object]:
    return {
        "sizes": {path: len(data) for path, data in outputs.items()},
        "local": {path: digest.local(data) for path, data in outputs.items()},
    }


def _guarded(run: Callable[[Sequence[str]], Outcomes], subjects: Sequence[str]) -> Outcomes:
    """One error of the whole batch is the error of each."""
    try:
        return run(subjects)
    except UnitgraphError as error:
        return dict.fromkeys(subjects, error)


def _disk(error: OSError, name: str) -> UnitgraphError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(error.filename or name)
    raise error
