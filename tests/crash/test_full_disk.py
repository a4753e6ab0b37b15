"""A disk that is full in the middle of a batch of three queries, on a small volume of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.crash.conftest import NewCrowd
from tests.crash.job import Cell
from tests.crash.stream import APPEND, DATA_BATCHES, STATELESS, UPDATE, Event, expected

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

CELLS: dict[str, Cell] = {
    "update_kafka": (UPDATE, "kafka"),
    "append_parquet": (APPEND, "parquet"),
    "stateless_parquet": (STATELESS, "parquet"),
}


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 32 MB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if os.geteuid() == 0 else None
    if done is None or done.returncode != 0:
        pytest.skip(f"a small volume cannot be mounted here: {done.stderr.strip() if done else 'not root'}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write a file that takes all space there is, and return it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return filler


@pytest.mark.parametrize("point", ["after_progress:2", "after_compute:3"])
def test_a_full_disk_ends_queries_without_half_a_batch_and_they_go_on_with_space(
    point: str, volume: Path, new_crowd: NewCrowd, events: Sequence[Event]
) -> None:
    """Exit 74; batches are published whole or not at all, and run again when there is space."""
    job = new_crowd(CELLS)
    job.settings["checkpoint"]["location"] = str(volume / "checkpoints")
    for name, (_, sink) in CELLS.items():
        if sink == "parquet":
            job.queries[name]["sink"]["options"]["path"] = str(volume / "out" / name)
    child = job.start("--available-now", failpoint=f"{point}:stop")
    place, times = point.split(":")
    child.wait_for_stop(place, int(times))
    filler = fill(volume)
    child.signal(signal.SIGCONT)
    ended = child.wait()
    assert ended.code == 74, ended.log
    failed = {line["query"]: line["error_class"] for line in ended.events("query failed")}
    assert failed == dict.fromkeys(CELLS, "DISK_FULL"), ended.log
    done = {name: len(job.batches(name)) for name in CELLS}
    assert max(done.values()) < DATA_BATCHES
    for name, (kind, _) in CELLS.items():
        assert job.published(name) in [expected(kind, events, done[name] + more) for more in (0, 1)], name
    filler.unlink()
    job.finish()
    assert {name: job.published(name) for name in CELLS} == {
        name: expected(kind, events) for name, (kind, _) in CELLS.items()
    }
