"""State room: what a query remembers between batches, and the logs that survive a crash.

Gives sorted tables of bytes with one write a batch, the redo log of their changes, snapshots, metadata logs, a folder
lock, and codecs between Arrow batches and bytes. Imports nothing of ours; knows no SQL, Kafka or configuration.
"""

from headrace_state.codec.keys import KeyCodec, distinct_keys
from headrace_state.codec.packing import items_of
from headrace_state.codec.rows import RowCodec
from headrace_state.delta import Changes, Delta, DeltaHeader, TableChanges, chain, read_delta, write_delta
from headrace_state.errors import StateError, StateErrorKind
from headrace_state.files import Files
from headrace_state.job_thread import JobThread
from headrace_state.lock import FolderLock
from headrace_state.log import JsonObject, JsonValue, MetadataLog
from headrace_state.overlay import StateBatch
from headrace_state.query_state import Brought, QueryState
from headrace_state.reading import committed_copy
from headrace_state.snapshot import Snapshot, Snapshots
from headrace_state.store.contract import StateStore
from headrace_state.store.opening import StoreKind, open_store

__all__ = [
    "Brought",
    "Changes",
    "Delta",
    "DeltaHeader",
    "Files",
    "FolderLock",
    "JobThread",
    "JsonObject",
    "JsonValue",
    "KeyCodec",
    "MetadataLog",
    "QueryState",
    "RowCodec",
    "Snapshot",
    "Snapshots",
    "StateBatch",
    "StateError",
    "StateErrorKind",
    "StateStore",
    "StoreKind",
    "TableChanges",
    "chain",
    "committed_copy",
    "distinct_keys",
    "items_of",
    "open_store",
    "read_delta",
    "write_delta",
]
