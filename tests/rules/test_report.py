"""The line at the end of a run: what was done, from where, how much was moved, and what took longest."""

import pytest

from unitgraph.cache.store import Traffic
from unitgraph.rules.action import How
from unitgraph.rules.critical_path import Step
from unitgraph.rules.journal import Summary
from unitgraph.rules.report import run_text

PATH = (Step("1", "analyse", 0.5), Step("2", "codegen:x", 0.01), Step("3", "strip", 0.2), Step("4", "bundle:x", 1.2))
CASES: dict[str, tuple[Summary, str]] = {
    "nothing": (Summary({}, Traffic(), 0.0312, ()), "nothing to build in 0.03 s\n"),
    "fresh": (Summary({How.FRESH: 2001}, Traffic(), 0.5, PATH), "2,001 up to date in 0.50 s\n"),
    "built": (
        Summary({How.RAN: 12, How.FAILED: 1}, Traffic(bytes_written=340_000), 2.309, PATH),
        "12 built, 1 failed, 340.0 KB written in 2.31 s; critical path 1.91 s: analyse → strip → bundle:x\n",
    ),
    "the longest five of many": (
        Summary({How.RAN: 1}, Traffic(), 3, tuple(Step(str(n), f"step {n}", n / 4) for n in (3, 1, 4, 1.5, 5, 9, 2.6))),
        "1 built in 3.00 s; critical path 6.53 s: step 3 → step 4 → step 5 → step 9 → step 2.6\n",
    ),
    "from this machine": (
        Summary({How.CACHED: 8}, Traffic(local=8, bytes_read=1_200_000), 1, ()), "8 from the cache, 1.2 MB read in 1.00 s\n",
    ),
    "from both": (
        Summary(
            {How.RAN: 12, How.CACHED: 988}, Traffic(local=8, remote=980, bytes_read=5, bytes_received=1_200_000, bytes_sent=340_000), 2.31, (),
        ),
        "12 built, 988 from the cache (980 remote, 8 local), 1.2 MB received, 340.0 KB sent in 2.31 s\n",
    ),
    "taken over in one look-up": (
        Summary({How.CACHED: 1000}, Traffic(remote=1, bytes_received=300_000), 0.3, ()),
        "1,000 from the cache (remote), 300.0 KB received in 0.30 s\n",
    ),
    "counts that don't add up": (
        Summary({How.CACHED: 10}, Traffic(remote=3, local=2), 1, ()), "10 from the cache (partly remote) in 1.00 s\n",
    ),
    "warnings and notes, each once": (
        Summary({How.FRESH: 1}, Traffic(warnings=["it is slow.", "it is slow."]), 1, (), ("missed: a.ts",)),
        "warning: it is slow.\nmissed: a.ts\n1 up to date in 1.00 s\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("summary", "expected"), CASES.values(), ids=CASES)
def test_a_run_ends_with_a_line(summary: Summary, expected: str) -> None:
    assert run_text(summary) == expected
