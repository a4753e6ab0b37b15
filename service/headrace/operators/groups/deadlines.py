"""Room 7: keys by the time at which something of theirs is due.

Takes keys with times in ms; gives the keys whose time has come, earliest first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace_state import KeyCodec, StateBatch

Deadline = tuple[int, bytes]
"""A time in ms since the epoch, and the bytes of a key."""


class Deadlines:
    """A state table of (time, key), in the order of time; a key may stand in it several times.

    Args:
        table: Its name in the state.
        keys: Encodes the keys.
    """

    def __init__(self, table: str, keys: KeyCodec) -> None:
        self._table = table
        self._keys = keys
        self._codec = KeyCodec(pa.schema([pa.field("due", pa.int64()), *keys.schema]), 0)

    def change(self, gone: Sequence[Deadline], new: Sequence[Deadline], state: StateBatch) -> None:
        """Take deadlines away and add others."""
        kept = set(new)
        state.delete_many(self._table, self._encoded([each for each in gone if each not in kept]))
        state.put_many(self._table, self._encoded(new), [key for _, key in new])

    def upto(self, time_ms: int, state: StateBatch) -> list[Deadline]:
        """Return what is due at a time or before, earliest first."""
        places: list[bytes] = []
        owners: list[bytes] = []
        for some_places, some_owners in state.scan(self._table, *self._codec.upto(time_ms)):
            places += some_places
            owners += some_owners
        return list(zip(self._times(places), owners, strict=True))

    def first_ms(self, state: StateBatch) -> int | None:
        """Return the earliest time, None when nothing is due ever."""
        for places, _ in state.scan(self._table, None, None):
            return self._times(places[:1])[0]
        return None

    def _times(self, places: list[bytes]) -> list[int]:
        times: list[int] = self._codec.decode(places).column(0).to_pylist() if places else []
        return times

    def _encoded(self, deadlines: Sequence[Deadline]) -> list[bytes]:
        if not deadlines:
            return []
        due = pa.array([time for time, _ in deadlines], pa.int64())
        owners = self._keys.decode([key for _, key in deadlines])
        return self._codec.encode(pa.table([due, *owners.columns], schema=self._codec.schema))
