"""A good file becomes a whole Pipeline; its values know where they stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.config.load import load
from headrace.config.pipeline import Pipeline
from headrace.config.plugin_options import built_options
from headrace.config.quantities import Refresh, RefreshKind, Trigger, TriggerKind
from headrace.config.secrets import redacted
from headrace.contract import PluginKind
from headrace.errors import StreamErrors
from headrace.values import Position

WHOLE = """\
version: 1
name: activity
x-client: &client {wire.servers: "localhost:9092", wire.password: "${env:PW}"}
sources:
  events:
    format: pond
    options: {<<: *client, subscribe: events, startingOffsets: earliest}
    decode: {format: twig, schema: "Creation_Time BIGINT, gt STRING", on_error: dead_letter}
tables:
  users: {format: leaf, options: {path: users}, refresh: 5 minutes}
  cities: {schema: "name STRING", rows: [{name: no}, {name: 2024-01-01}]}
views:
  - name: activity
    sql: !file activity.sql
    watermark: {column: event_time, delay: 10 seconds}
  - name: once
    deduplicate: {input: activity, columns: [User, event_time], within_watermark: true}
queries:
  counts:
    sql: |
      SELECT window.start AS start
      FROM activity
    output_mode: UPDATE
    trigger: {processing_time: 1 second}
    sink: {format: pond, options: {topic: counts}, encode: {format: twig, key: gt}}
checkpoint: {location: ./checkpoints}
settings: {spark.sql.ansi.enabled: false}
on_failure: stop_all
"""


@pytest.fixture
def pipeline(write: Callable[[str], Path]) -> Pipeline:
    """The whole file, loaded."""
    path = write(WHOLE)
    (path.parent / "activity.sql").write_text("SELECT 1\n  FROM events\n")
    return load(path, environment={"PW": "hunter2"})


SHOWN = {
    "version": 1,
    "name": "activity",
    "sources": {
        "events": {
            "format": "pond",
            "options": {
                "wire.servers": "localhost:9092",
                "wire.password": "***",
                "subscribe": "events",
                "startingOffsets": "earliest",
            },
            "decode": {
                "format": "twig",
                "schema": "Creation_Time BIGINT, gt STRING",
                "on_error": "dead_letter",
                "options": {},
            },
        }
    },
    "tables": {
        "users": {"format": "leaf", "options": {"path": "FOLDER/users"}, "refresh": "5 minutes"},
        "cities": {
            "options": {},
            "schema": "name STRING",
            "rows": [{"name": "no"}, {"name": "2024-01-01"}],
            "refresh": "never",
        },
    },
    "views": [
        {
            "name": "activity",
            "sql": "SELECT 1\n  FROM events\n",
            "watermark": {"column": "event_time", "delay": "10 seconds"},
        },
        {
            "name": "once",
            "deduplicate": {"input": "activity", "columns": ["User", "event_time"], "within_watermark": True},
        },
    ],
    "queries": {
        "counts": {
            "sql": "SELECT window.start AS start\nFROM activity\n",
            "output_mode": "update",
            "trigger": {"processing_time": "1 second"},
            "sink": {
                "format": "pond",
                "options": {"topic": "counts"},
                "partition_by": [],
                "encode": {"format": "twig", "key": ["gt"], "options": {}},
            },
        }
    },
    "checkpoint": {
        "location": "./checkpoints",
        "durability": "local",
        "snapshot_every_batches": 50,
        "keep_batches": 100,
    },
    "settings": {"spark.sql.ansi.enabled": "false"},
    "extensions": [],
    "functions": {},
    "on_failure": {
        "policy": "stop_all",
        "restart": {"attempts": 5, "backoff": "1 second", "max_backoff": "1 minute"},
    },
}
"""The whole file with defaults, as `redacted` shows it; FOLDER stands for the file's folder."""


def test_a_whole_file_is_shown_with_defaults_and_without_secrets(pipeline: Pipeline) -> None:
    """What is shown holds every key the file may have a value for."""
    shown = json.loads(json.dumps(redacted(pipeline)).replace(str(pipeline.folder), "FOLDER"))
    assert shown == SHOWN


def test_the_checkpoint_folder_starts_at_the_file(pipeline: Pipeline) -> None:
    """The working directory does not choose the checkpoint."""
    assert pipeline.checkpoint_location == str(pipeline.folder / "checkpoints")


def test_values_know_their_place_and_views_go_by_name(pipeline: Pipeline) -> None:
    """A place that the file does not hold is that of the nearest mapping around it."""
    file = str(pipeline.path)
    assert pipeline.at("queries", "counts", "output_mode") == Position(file, 23, 18)
    assert pipeline.at("views", "once", "deduplicate", "columns") == Position(file, 17, 45)
    assert pipeline.at("queries", "counts", "nowhere", "deeper") == Position(file, 20, 5)


def test_a_place_inside_sql_is_a_place_in_its_file(pipeline: Pipeline) -> None:
    """Block scalars start in the next line with an indent; !file texts are their own file."""
    assert pipeline.sql_position(("queries", "counts", "sql"), 2, 6) == Position(str(pipeline.path), 22, 12)
    sql_file = str(pipeline.folder / "activity.sql")
    assert pipeline.sql_position(("views", "activity", "sql"), 2, 3) == Position(sql_file, 2, 3)


def test_secrets_are_plain_only_where_a_plugin_is_built(pipeline: Pipeline) -> None:
    """Every other text of the pipeline masks them."""
    options = pipeline.sources["events"].options
    _, built = built_options(PluginKind.SOURCE, "pond", options)
    assert built.passed == {"wire.servers": "localhost:9092", "wire.password": "hunter2"}
    assert pipeline.secret_texts() == frozenset({"hunter2"})
    assert "hunter2" not in repr(pipeline) + str(options) + str(redacted(pipeline))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"processing_time": "1 second"}, Trigger(TriggerKind.PROCESSING_TIME, 1_000_000, "1 second")),
        ({"available_now": True}, Trigger(TriggerKind.AVAILABLE_NOW)),
        ("once", Trigger(TriggerKind.ONCE)),
        ("as_soon_as_possible", Trigger()),
    ],
)
def test_triggers_are_words_or_mappings(written: object, expected: Trigger) -> None:
    """A mapping has one key."""
    assert Trigger.of(written) == expected


def test_refresh_is_a_word_or_a_duration() -> None:
    """The words are never and every_batch."""
    assert [Refresh.of(text) for text in ("never", "every_batch", "2 s")] == [
        Refresh(),
        Refresh(RefreshKind.EVERY_BATCH),
        Refresh(RefreshKind.INTERVAL, 2_000_000, "2 s"),
    ]


def test_overrides_replace_values_by_dotted_path(write: Callable[[str], Path]) -> None:
    """Option names hold dots, views go by name, new options take the rest of the path."""
    path = write(WHOLE.replace("!file activity.sql", "SELECT 1"))
    overrides = [
        "queries.counts.output_mode=append",
        "sources.events.options.wire.servers=kafka:9092",
        "sources.events.options.wire.linger.ms=5",
        "views.once.deduplicate.columns=[gt]",
        "queries.counts.trigger=once",
    ]
    pipeline = load(path, overrides=overrides, environment={"PW": "x"})
    shown = redacted(pipeline)
    assert shown["queries"]["counts"]["output_mode"] == "append"
    assert shown["queries"]["counts"]["trigger"] == "once"
    assert shown["views"][1]["deduplicate"]["columns"] == ["gt"]
    assert shown["sources"]["events"]["options"] == {
        "wire.servers": "kafka:9092",
        "wire.password": "***",
        "subscribe": "events",
        "startingOffsets": "earliest",
        "wire.linger.ms": 5,
    }
    assert pipeline.at("queries", "counts", "output_mode") == Position("--set", 1, 28)


def test_wrong_overrides_are_all_told(write: Callable[[str], Path]) -> None:
    """The line of a position is the number of the --set."""
    path = write(WHOLE.replace("!file activity.sql", "SELECT 1"))
    overrides = ["name", "name.deeper=1", "views.7.sql=x", "queries.counts.output_mode=upd", "checkpoint.where=x"]
    with pytest.raises(StreamErrors) as raised:
        load(path, overrides=overrides, environment={"PW": "x"})
    assert str(raised.value).splitlines() == [
        "[CONFIG_INVALID_VALUE] --set:1:1 'name' is no override; write KEY.KEY=VALUE, such as "
        "queries.counts.output_mode=update.",
        "[CONFIG_INVALID_VALUE] --set:2:1 name.deeper leads into a single value; a mapping or list is needed before "
        ".deeper.",
        "[CONFIG_INVALID_VALUE] --set:3:1 views.7.sql leads into a single value; a mapping or list is needed before "
        ".sql.",
        "[CONFIG_INVALID_VALUE] --set:4:28 queries.counts.output_mode has the value 'upd'; allowed: append, update, "
        'complete. Did you mean "update"?',
        "[CONFIG_UNKNOWN_KEY] --set:5:1 checkpoint.where is not known. Allowed: durability, keep_batches, location, "
        "snapshot_every_batches.",
    ]


def test_a_plain_secret_is_let_through_when_allowed_and_still_masked(write: Callable[[str], Path]) -> None:
    """Danger is opt-in, and the mask stays."""
    path = write(WHOLE.replace("${env:PW}", "hunter3").replace("!file activity.sql", "SELECT 1"))
    pipeline = load(path, environment={}, allow_plain_secrets=True)
    assert redacted(pipeline)["sources"]["events"]["options"]["wire.password"] == "***"
    assert pipeline.secret_texts() == frozenset({"hunter3"})


def test_a_secret_file_is_read_without_its_last_line_break(write: Callable[[str], Path]) -> None:
    """Mounted secrets often end with one."""
    path = write(WHOLE.replace("${env:PW}", "${file:pw.txt}").replace("!file activity.sql", "SELECT 1"))
    (path.parent / "pw.txt").write_text("deep\n")
    assert load(path, environment={}).secret_texts() == frozenset({"deep"})


def test_dead_letters_of_a_source_take_secrets_where_decode_takes_them(write: Callable[[str], Path]) -> None:
    """The options of both places are those of the sink, masked and told to nobody."""
    letters = 'dead_letter: {topic: bad, options: {kafka.sasl.password: "${env:OTHER}"}}'
    own = WHOLE.replace("tables:", f"    {letters}\ntables:").replace("!file activity.sql", "SELECT 1")
    inner = own.replace(f"    {letters}\n", "").replace("on_error: dead_letter}", f"on_error: dead_letter, {letters}}}")
    for text in (own, inner):
        pipeline = load(write(text), environment={"PW": "hunter2", "OTHER": "hunter4"})
        assert pipeline.secret_texts() == frozenset({"hunter2", "hunter4"})
        found = pipeline.sources["events"].letters
        assert found is not None
        assert repr(found.options) == "{'kafka.sasl.password': ***}"


def test_a_file_url_is_its_path(write: Callable[[str], Path]) -> None:
    """As Spark takes it; it would else become a folder called file: beside the pipeline."""
    text = WHOLE.replace("./checkpoints", "file:///var/check%20points").replace("path: users", "path: file:/data/users")
    pipeline = load(write(text.replace("!file activity.sql", "SELECT 1")), environment={"PW": "x"})
    assert pipeline.checkpoint_location == "/var/check points"
    assert pipeline.tables["users"].options == {"path": "/data/users"}


def test_a_list_is_its_texts_with_commas_between(write: Callable[[str], Path]) -> None:
    """Where an option takes one text, as people write it in YAML."""
    text = WHOLE.replace("subscribe: events,", "subscribe: [a, b, true],").replace("!file activity.sql", "SELECT 1")
    pipeline = load(write(text), environment={"PW": "x"})
    _, options = built_options(PluginKind.SOURCE, "pond", pipeline.sources["events"].options)
    assert options["subscribe"] == "a,b,true"


def test_a_byte_order_mark_is_no_part_of_the_text(write: Callable[[str], Path]) -> None:
    """Of the file, of SQL in a file of its own, and of a secret."""
    path = write(WHOLE.replace("${env:PW}", "${file:pw.txt}"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (path.parent / "pw.txt").write_bytes(b"\xef\xbb\xbfdeep\r\n")
    (path.parent / "activity.sql").write_bytes(b"\xef\xbb\xbfSELECT 1")
    pipeline = load(path, environment={})
    assert (pipeline.name, pipeline.views[0].sql) == ("activity", "SELECT 1")
    assert pipeline.secret_texts() == frozenset({"deep"})


SHARED = """\
version: 1
name: shared
sources: {ticks: {format: rate}}
queries:
  a: {sql: SELECT value FROM ticks, sink: {format: json, options: {path: out}}}
  b: {sql: SELECT value FROM ticks, sink: {format: csv, options: {PATH: ./out/}}}
  c: {sql: SELECT value FROM ticks, sink: {format: csv, options: {path: other}}}
checkpoint: {location: state}
"""


def test_a_folder_holds_the_output_of_one_query(write: Callable[[str], Path]) -> None:
    """Two would fence each other at the first start."""
    path = write(SHARED)
    with pytest.raises(StreamErrors) as caught:
        load(path, environment={})
    assert [str(error) for error in caught.value.errors] == [
        f"[CONFIG_INVALID_VALUE] {path}:6:73 queries.b.sink.options.PATH is that of queries.a.sink, and holds the "
        "output of one query.",
    ]
