"""State under SIGKILL: a child runs batches and dies anywhere; what it had committed comes back whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headrace_state import MetadataLog, QueryState
from headrace_state.files import Files

CHILD = """
import sys
from pathlib import Path
from headrace_state import Files, MetadataLog, QueryState

folder = Path(sys.argv[1])
log = MetadataLog(folder / "commits", Files())
log.drop_torn_latest()
state = QueryState.open(folder / "state", ["t"], cache_bytes=8 << 20)
latest = log.latest()
state.bring_to(*((latest[0], latest[1][0]["delta"]) if latest else (-1, "")))
print("ready", flush=True)
while True:
    batch = state.version + 1
    view = state.begin(batch)
    keys = [(batch * 100 + n).to_bytes(4, "big") for n in range(100)]
    view.put_many("t", keys, keys)
    view.delete_many("t", [key for rows, _ in view.scan("t", None, (batch * 100 - 500).to_bytes(4, "big")
                    if batch > 5 else b"") for key in rows])
    uuid = state.seal(view)
    log.write(batch, {"delta": uuid})
    print(batch, flush=True)
    state.apply(uuid)
    if batch % 5 == 0:
        state.snapshot()
        state.purge(keep_batches=3)
        log.purge_below(batch - 10)
"""


@pytest.mark.crash
@pytest.mark.slow
def test_kill_between_any_two_steps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Rows of the last five batches are there, in whole batches, after each of several kills."""
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    reached = -1
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n", f"seed {seed}"
            for _ in range(chance.randrange(1, 25)):
                reached = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
        log = MetadataLog(tmp_path / "commits", Files())
        log.drop_torn_latest()
        latest = log.latest()
        assert latest is not None
        assert latest[0] >= reached, f"seed {seed}"
        state = QueryState.open(tmp_path / "state", ["t"], cache_bytes=8 << 20)
        state.bring_to(latest[0], latest[1][0]["delta"])
        rows = [key for keys, _ in state.begin(latest[0] + 1).scan("t", None, None) for key in keys]
        first = max(0, latest[0] - 5) if latest[0] > 5 else 0
        assert rows == [n.to_bytes(4, "big") for n in range(first * 100, latest[0] * 100 + 100)], f"seed {seed}"
        assert state.rows("t") == len(rows)
        state.close()
