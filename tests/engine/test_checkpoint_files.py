"""Engine: small files of a checkpoint that are not what was written there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.parts import Notes, OpenQuery, feed

from headrace.config.quantities import TriggerKind
from headrace.engine.checkpoint import Checkpoint
from headrace.engine.loop import LoopLimits, QueryLoop
from headrace.engine.startup import recover
from headrace.errors import StreamError


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["metadata", "query"])
def test_a_file_that_was_changed_is_named_and_can_be_put_back(
    name: str, content: bytes, open_query: OpenQuery, tmp_path: Path
) -> None:
    """The refusal holds no lock, so that the next start finds the folder free."""
    parts = open_query()
    feed(parts, [1])
    QueryLoop(parts, LoopLimits(TriggerKind.AVAILABLE_NOW), Notes()).run(recover(parts))
    parts.close()
    path = tmp_path / "checkpoints" / "q" / name
    good = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(StreamError) as caught:
        open_query()
    assert str(caught.value) == (
        f"[CHECKPOINT_CORRUPT] {path} is not what this release wrote there. "
        "Restore it from a backup of the checkpoint folder."
    )
    path.write_bytes(good)
    again = open_query()
    recover(again)


@pytest.mark.parametrize("content", [b"", b"[1]"])
def test_the_start_of_a_source_is_checked_too(content: bytes, tmp_path: Path) -> None:
    """It is read as long as no batch was planned."""
    checkpoint = Checkpoint(tmp_path / "q")
    checkpoint.remember_start("s", {"a": 1})
    path = tmp_path / "q" / "sources" / "s"
    path.write_bytes(content)
    with pytest.raises(StreamError, match="is not what this release wrote there"):
        checkpoint.start_of("s")
    checkpoint.close()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("q", "a file stands where a folder is needed"),
        ("q/below", "Not a directory"),
        ("/proc/nowhere/q", "no folder can be made there"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_where_no_folder_can_be_is_an_error_of_the_disk(tmp_path: Path, place: str, said: str) -> None:
    """Exit code 74, and the path."""
    (tmp_path / "q").touch()
    with pytest.raises(StreamError) as caught:
        Checkpoint(tmp_path / place)
    assert (caught.value.code, caught.value.exit_code, caught.value.message) == (
        "IO_FAILED",
        74,
        f"state cannot be read or written ({said}): {tmp_path / place}",
    )
