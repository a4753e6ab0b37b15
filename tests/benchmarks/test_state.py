"""Benchmarks: what is measured of a query with much state, and the right answers it is held against."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.stateful.jobs import headrace_job
from benchmarks.stateful.killed import Job, folder_bytes, run_killed
from benchmarks.stateful.loads import StateLoad

JOB = """
import os, pathlib, sys, threading
commits = pathlib.Path(sys.argv[1]) / "commits"
commits.mkdir(parents=True, exist_ok=True)
done = len(list(commits.iterdir()))
for number in range(done, 8):
    unfinished = commits / f"unfinished-{number}"
    unfinished.write_text("done")
    if done == 0:
        os.utime(unfinished, (1000 + number / 2, 1000 + number / 2))
    unfinished.rename(commits / str(number))
    if done == 0 and number == 3:
        threading.Event().wait()  # for the kill
"""


def test_a_killed_job_is_started_again_and_runs_to_its_end(tmp_path: Path) -> None:
    """Every batch is committed once; the second process goes on behind the kill."""
    command: list[str | Path] = [sys.executable, "-c", JOB, tmp_path / "checkpoint"]
    job = Job(command, tmp_path / "log", tmp_path / "checkpoint", [tmp_path], batch_rows=100, kill_at=4)
    seen = run_killed(job)
    assert sorted(file.name for file in (tmp_path / "checkpoint" / "commits").iterdir()) == list("01234567")
    assert (seen.rows_per_second, seen.late_rows_per_second) == (200.0, 200.0)
    assert seen.recovery_s > 0


def test_a_file_with_two_names_takes_its_disk_once(tmp_path: Path) -> None:
    """Snapshots are hard links."""
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    once = folder_bytes(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert folder_bytes(tmp_path) == once >= 100_000


def test_the_kill_comes_behind_four_fifths_of_the_batches(tmp_path: Path) -> None:
    """21 batches of 2 topics, the last one short."""
    load = StateLoad("join", {"lefts": "l", "rights": "r"}, "SELECT 1", "append", "1 hour", 4_100, frozenset())
    job = headrace_job(load, "localhost:9092", "sink", tmp_path, 100)
    assert (load.batches(100), job.kill_at, job.batch_rows) == (21, 16, 200)
    assert "watermark: {column: ts, delay: 1 hour}" in (tmp_path / "pipeline.yaml").read_text()
