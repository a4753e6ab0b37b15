"""A disk that is full in the middle of a batch, on a small volume of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.crash.conftest import NewJob
from tests.crash.stream import APPEND, DATA_BATCHES, STATELESS, UPDATE, Event, Kind, expected

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 16 MB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
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
@pytest.mark.parametrize(
    ("kind", "sink"),
    [(UPDATE, "kafka"), (APPEND, "parquet"), (STATELESS, "parquet")],
    ids=["update-kafka", "append-parquet", "stateless-parquet"],
)
def test_a_full_disk_ends_the_query_without_half_a_batch_and_it_goes_on_with_space(
    point: str, kind: Kind, sink: str, volume: Path, new_job: NewJob, filled: str, events: Sequence[Event]
) -> None:
    """Exit 74; batches are published whole or not at all, and run again when there is space."""
    job = new_job(kind, filled, sink)
    job.settings["checkpoint"]["location"] = str(volume / "checkpoints")
    if sink == "parquet":
        job.query["sink"]["options"]["path"] = str(volume / "out")
    child = job.start("--available-now", failpoint=f"{point}:stop")
    child.wait_for_log(f"failpoint {point.split(':')[0]} reached")
    filler = fill(volume)
    child.signal(signal.SIGCONT)
    ended = child.wait()
    assert ended.code == 74, ended.log
    assert "DISK_FULL" in ended.log
    done = len(job.batches())
    assert done < DATA_BATCHES
    assert job.published() in [expected(kind, events, batches) for batches in (done, done + 1)]
    filler.unlink()
    job.finish()
    assert job.published() == expected(kind, events)
