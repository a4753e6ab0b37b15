"""Ground floor: the errors of headrace and the one table of their codes.

    Exception
      StreamError        one finding: code, message, domain, retry, position, hint, Spark's condition
        SupersededError  another instance owns the query; close without writing (exit 75)
        IndoubtError     the outcome of a commit is unknown; reopen the sink and let recovery decide
      StreamErrors       several findings of one file or query, in file order

The engine decides from domain and retry, never from the class; subclasses exist only where someone catches them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from enum import Enum

from headrace.dataclass import dataclass
from headrace.values import Position


class Domain(Enum):
    """Who can mend it: the author of the pipeline, the world outside, or us."""

    USER = "user"
    EXTERNAL = "external"
    INTERNAL = "internal"


class Retry(Enum):
    """What the engine does next: stop, or restart the query after a pause."""

    NEVER = "never"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """What one code means: a line for the reference page, who mends it, the exit code of a process it ends."""

    summary: str
    domain: Domain
    exit_code: int
    retry: Retry = Retry.NEVER


_U, _X, _I = Domain.USER, Domain.EXTERNAL, Domain.INTERNAL

ERRORS: dict[str, ErrorClass] = {
    "AUTHENTICATION_FAILED": ErrorClass("A broker refused the credentials or what they may do.", _X, 77),
    "BROKER_UNAVAILABLE": ErrorClass("No Kafka broker answered.", _X, 69, Retry.BACKOFF),
    "CHECKPOINT_CORRUPT": ErrorClass("A checkpoint file fails its checksum or cannot be read.", _X, 78),
    "CHECKPOINT_DISAGREES": ErrorClass("Checkpoint and sink tell different histories.", _X, 78),
    "CHECKPOINT_INCOMPATIBLE": ErrorClass("The query changed in a way its checkpoint cannot follow.", _U, 78),
    "CHECKPOINT_LOCKED": ErrorClass("Another process uses the checkpoint folder.", _U, 73),
    "CONFIG_DUPLICATE_KEY": ErrorClass("A key stands twice in one mapping of the pipeline file.", _U, 78),
    "CONFIG_FILE_UNREADABLE": ErrorClass("The pipeline file cannot be read or is no YAML.", _U, 78),
    "CONFIG_INVALID_VALUE": ErrorClass("A value of the pipeline file is not allowed.", _U, 78),
    "CONFIG_MISSING_KEY": ErrorClass("A required key of the pipeline file is absent.", _U, 78),
    "CONFIG_PLAIN_SECRET": ErrorClass("A secret stands in plain text in the pipeline file.", _U, 78),
    "CONFIG_SECRET_UNRESOLVED": ErrorClass("A secret's environment variable or file does not exist.", _U, 78),
    "CONFIG_UNKNOWN_KEY": ErrorClass("A key of the pipeline file is not known.", _U, 78),
    "DATA_LOSS": ErrorClass("Offsets the query still needed are gone from the source.", _X, 65),
    "DATA_MALFORMED": ErrorClass("A record cannot be decoded and the policy is to fail.", _U, 65),
    "DISK_FULL": ErrorClass("A write failed for lack of space.", _X, 74),
    "FAILPOINT": ErrorClass("A failpoint set for a test raised.", _I, 70),
    "FUNCTION_FAILED": ErrorClass(
        "Python code that the pipeline file names raised, gave what it may not, or ended its process.", _U, 1
    ),
    "INTERNAL": ErrorClass("A bug in headrace; please report it with the message and the pipeline file.", _I, 70),
    "IO_FAILED": ErrorClass("A file could not be read or written.", _X, 74),
    "PLUGIN_OPTION_INVALID": ErrorClass("An option of a source, sink, table or format is not allowed.", _U, 78),
    "PLUGIN_UNKNOWN": ErrorClass("No installed plugin has this format name.", _U, 78),
    "QUERY_FAILED": ErrorClass("A query ended with an error.", _U, 1),
    "SINK_FAILED": ErrorClass("The sink did not accept a batch.", _X, 1, Retry.BACKOFF),
    "SOURCE_CHANGED": ErrorClass("A topic was deleted or recreated since the last batch.", _X, 65),
    "SOURCE_FAILED": ErrorClass("The source could not be read.", _X, 1, Retry.BACKOFF),
    "SQL_ANALYSIS": ErrorClass("The SQL does not resolve against its inputs.", _U, 78),
    "SQL_RUNTIME": ErrorClass("An expression failed on a row of the data.", _U, 1),
    "SQL_SYNTAX": ErrorClass("The SQL cannot be parsed.", _U, 78),
    "SQL_UNSUPPORTED": ErrorClass("The SQL uses something headrace refuses.", _U, 78),
    "STATE_CORRUPT": ErrorClass("The local state fails a checksum.", _X, 74, Retry.BACKOFF),
    "STATE_LOST": ErrorClass("The sink is ahead of the checkpoint and the state is gone.", _X, 78),
    "STREAMING_UNSUPPORTED": ErrorClass("Structured Streaming does not allow this query in this output mode.", _U, 78),
    "STREAM_AGGREGATE_WITHOUT_WATERMARK": ErrorClass("Append mode groups by nothing that has a watermark.", _U, 78),
    "STREAM_ANTI_JOIN": ErrorClass("An anti join has a stream on the right.", _U, 78),
    "STREAM_COMPLETE_WITHOUT_AGGREGATE": ErrorClass("Complete mode is asked of a query without an aggregate.", _U, 78),
    "STREAM_DEDUPLICATE_WITHOUT_WATERMARK": ErrorClass("within_watermark has an input without a watermark.", _U, 78),
    "STREAM_DISTINCT_AGGREGATE": ErrorClass("An aggregate over a stream has DISTINCT.", _U, 78),
    "STREAM_EXCEPT": ErrorClass("EXCEPT has a stream on the right.", _U, 78),
    "STREAM_FULL_JOIN_TABLE": ErrorClass(
        "A full outer join has a stream on one side and a table on the other.", _U, 78
    ),
    "STREAM_FUNCTION_MODE": ErrorClass("A stateful function's output mode does not go with the query.", _U, 78),
    "STREAM_INTERSECT": ErrorClass("INTERSECT has a stream.", _U, 78),
    "STREAM_JOIN_MODE": ErrorClass("A join of two streams does not have this output mode.", _U, 78),
    "STREAM_JOIN_UNBOUNDED": ErrorClass("An outer or semi join of two streams could never decide its rows.", _U, 78),
    "STREAM_JOIN_WITHOUT_EQUALITY": ErrorClass("A join of two streams has no equality between them.", _U, 78),
    "STREAM_LEFT_JOIN_TABLE": ErrorClass(
        "A left outer or semi join has a table on the left and a stream on the right.", _U, 78
    ),
    "STREAM_LIMIT_IN_UPDATE": ErrorClass("LIMIT stands in update mode.", _U, 78),
    "STREAM_MISSING": ErrorClass("The query reads no stream.", _U, 78),
    "STREAM_OFFSET": ErrorClass("OFFSET stands over a stream.", _U, 78),
    "STREAM_OVER": ErrorClass("A window function stands over a stream.", _U, 78),
    "STREAM_RIGHT_JOIN_TABLE": ErrorClass(
        "A right outer join has a stream on the left and a table on the right.", _U, 78
    ),
    "STREAM_ROW_NUMBERS": ErrorClass("monotonically_increasing_id() stands over a stream.", _U, 78),
    "STREAM_SESSION_IN_UPDATE": ErrorClass("Update mode groups by session_window().", _U, 78),
    "STREAM_SESSION_WITHOUT_KEY": ErrorClass("session_window() is the only grouping key.", _U, 78),
    "STREAM_SEVERAL_FUNCTIONS": ErrorClass("Several stateful functions are not all in append mode.", _U, 78),
    "STREAM_SORT": ErrorClass("ORDER BY stands elsewhere than over an aggregate in complete mode.", _U, 78),
    "STREAM_STATE_OVER_UPDATES": ErrorClass(
        "A stateful operator reads rows that may lie behind the watermark.", _U, 78
    ),
    "STREAM_TIMEOUT_WITHOUT_WATERMARK": ErrorClass("timeout: event_time has an input without a watermark.", _U, 78),
    "STREAM_TWO_EVENT_TIMES": ErrorClass("Two watermarked columns reach one stateful operator.", _U, 78),
    "STREAM_UNION_TABLE": ErrorClass("A union has a stream and a table.", _U, 78),
    "SUPERSEDED": ErrorClass("Another instance took over this query.", _X, 75),
    "TRANSACTION_INDOUBT": ErrorClass("The outcome of a commit is unknown.", _X, 1, Retry.BACKOFF),
}
"""Every code, sorted; stable across releases. Append in place, never rename."""


class StreamError(Exception):
    """One finding.

    Args:
        code: A key of ERRORS.
        message: What is wrong, the value seen, what is allowed; one or two sentences.
        at: File, line and column, where there is one.
        hint: What to type instead.
        condition: Spark's error condition, such as ``UNRESOLVED_COLUMN.WITH_SUGGESTION``, where Spark names one.
        retry: Overrides the table's reaction.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        at: Position | None = None,
        hint: str | None = None,
        condition: str | None = None,
        retry: Retry | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at
        self.hint = hint
        self.condition = condition
        self.retry = retry or ERRORS[code].retry

    @property
    def domain(self) -> Domain:
        """Who can mend it."""
        return ERRORS[self.code].domain

    @property
    def exit_code(self) -> int:
        """The exit code of a process that ends with this error."""
        return ERRORS[self.code].exit_code

    @property
    def name(self) -> str:
        """What it is called on a terminal: Spark's condition, or our code where Spark has no lasting name for it."""
        is_lasting = self.condition is not None and not self.condition.startswith("_LEGACY_")
        return str(self.condition) if is_lasting else self.code

    def located(self, at: Position) -> StreamError:
        """Return the same error with a position, kept if it has one already."""
        self.at = self.at or at
        return self

    def __str__(self) -> str:
        where = f" {self.at}" if self.at else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"[{self.name}]{where} {self.message}{hint}"


class SupersededError(StreamError):
    """Another instance owns the query now; the engine closes without writing and exits 75."""

    def __init__(self, message: str) -> None:
        super().__init__("SUPERSEDED", message)


class IndoubtError(StreamError):
    """The outcome of a commit is unknown; the engine reopens the sink, reads its marker and decides.

    `is_timeout` tells that the transaction was open for longer than the broker allows.
    """

    def __init__(self, message: str, *, is_timeout: bool = False) -> None:
        super().__init__("TRANSACTION_INDOUBT", message)
        self.is_timeout = is_timeout


class StreamErrors(Exception):
    """Every finding of one file or query, in file order; never empty."""

    def __init__(self, errors: Iterable[StreamError]) -> None:
        self.errors: Sequence[StreamError] = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))

    @property
    def exit_code(self) -> int:
        """The exit code of the first finding."""
        return self.errors[0].exit_code


def did_you_mean(seen: str, allowed: Iterable[str]) -> str:
    """Return ``Did you mean "x"?`` for the closest allowed name, or the allowed names, or an empty text."""
    names = sorted(allowed)
    close = difflib.get_close_matches(seen, names, n=1)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"Allowed: {', '.join(names)}." if names else ""
