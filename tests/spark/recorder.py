"""Apache Spark's side of the differential test, run by a Python that has pyspark and not our package.

Takes pipeline tests as JSON, one a line on standard input; gives each back, one a line on standard output, with what
Spark did in every step: rows, watermark, rows of state, late rows, or the refusal. Sources are Spark's memory streams,
fed under the query's own lock so that all rows of a step arrive in one micro-batch.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import decimal
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["TZ"] = "UTC"
time.tzset()

from pyspark.sql import DataFrame, SparkSession  # noqa: E402 the process's time zone must be set before
from pyspark.sql.types import (  # noqa: E402 as above
    ArrayType,
    BinaryType,
    DataType,
    DateType,
    DecimalType,
    MapType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.exchange.reuse": "false",
    "spark.sql.streaming.noDataProgressEventInterval": "3600000",
    "spark.sql.streaming.stateStore.maintenanceInterval": "3600000",
    "spark.sql.streaming.stopTimeout": "20000",
}
"""How the session is set up: small batches, so nothing is compiled, and no progress but that of batches that ran.

Spark gives a stateful operator above an exchange it runs once for two places no watermark at all; so it runs each.
"""


def main() -> None:
    """Record cases until standard input ends."""
    spark = SparkSession.builder.master("local[1]").config(map=SETTINGS).getOrCreate()
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    for line in sys.stdin:
        folder = Path(tempfile.mkdtemp(prefix="headrace-spark-", dir=scratch))
        try:
            recorded = Recording(spark, json.loads(line), folder).run()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.write("RECORDED " + json.dumps(recorded) + "\n")
        sys.stdout.flush()


class Recording:
    """One case on one Spark session.

    Args:
        spark: The session, used by one case after the other.
        case: The case as the test format has it, without what is to be found out.
        folder: An empty folder for the checkpoint.
    """

    def __init__(self, spark: SparkSession, case: dict[str, Any], folder: Path) -> None:
        self._spark = spark
        self._case = case
        self._folder = folder
        self._streams: dict[str, Any] = {}
        self._schemas: dict[str, str] = {}
        self._batches: list[Any] = []
        self._failure: Exception | None = None
        self._type = StructType()
        self._query: Any = None

    def run(self) -> dict[str, Any]:
        """Return the case with what Spark did."""
        with self._settings():
            try:
                return self._opened()
            finally:
                if self._query is not None:
                    self._query.stop()
                for name in self._names():
                    self._spark.catalog.dropTempView(name)

    def _opened(self) -> dict[str, Any]:
        try:
            frame = self._built()
            self._type = frame.schema
            self._start(frame)
        except Exception as error:  # noqa: BLE001 every refusal is the answer
            return {**self._case, "steps": [], "error": refusal(error, "start")}
        return self._played(frame)

    def _names(self) -> list[str]:
        names = [*self._case["sources"], *self._case.get("tables", {})]
        return names + [view["name"] for view in self._case.get("views", ())]

    @contextlib.contextmanager
    def _settings(self) -> Iterator[None]:
        settings = {name: str(value).lower() for name, value in self._case.get("settings", {}).items()}
        zone = "spark.sql.session.timeZone"
        if zone in settings:
            settings[zone] = str(self._case["settings"][zone])
        before = {name: self._spark.conf.get(name, None) for name in settings}
        for name, value in settings.items():
            self._spark.conf.set(name, value)
        try:
            yield
        finally:
            for name, old in before.items():
                if old is None:
                    self._spark.conf.unset(name)
                else:
                    self._spark.conf.set(name, old)

    def _built(self) -> DataFrame:
        for name, source in self._case["sources"].items():
            frame = _marked(self._stream(name, source["schema"]), source.get("watermark"))
            frame.createOrReplaceTempView(name)
        for name, table in self._case.get("tables", {}).items():
            rows = self._rows(table["schema"], table["rows"])
            fields = _struct(self._spark, table["schema"])
            static = DataFrame(self._spark._jsparkSession.createDataFrame(rows, fields), self._spark)
            static.createOrReplaceTempView(name)
        for view in self._case.get("views", ()):
            _marked(self._view(view), view.get("watermark")).createOrReplaceTempView(view["name"])
        return self._spark.sql(self._case["query"]["sql"])

    def _stream(self, name: str, schema: str) -> DataFrame:
        runtime = self._spark._jvm.org.apache.spark.sql.execution.streaming.runtime
        factory = getattr(runtime, "MemoryStream$").__getattr__("MODULE$")
        encoder = self._spark._jvm.org.apache.spark.sql.Encoders.row(_struct(self._spark, schema))
        self._streams[name] = factory.apply(encoder, self._spark._jsparkSession)
        self._schemas[name] = schema
        return DataFrame(self._streams[name].toDF(), self._spark)

    def _view(self, view: Mapping[str, Any]) -> DataFrame:
        if "sql" in view:
            return self._spark.sql(view["sql"])
        form = view["deduplicate"]
        frame, columns = self._spark.table(form["input"]), form.get("columns")
        if form.get("within_watermark"):
            return frame.dropDuplicatesWithinWatermark(columns)
        return frame.dropDuplicates(columns)

    def _rows(self, schema: str, rows: Sequence[Mapping[str, Any]]) -> Any:
        """JVM rows, read from JSON."""
        jvm, session = self._spark._jvm, self._spark._jsparkSession
        lines = jvm.java.util.ArrayList()
        for row in rows:
            lines.add(json.dumps(row))
        kept = jvm.java.util.HashMap()
        column = jvm.org.apache.spark.sql.functions.from_json(
            jvm.org.apache.spark.sql.functions.col("value"), _struct(self._spark, schema), kept
        )
        texts = session.createDataset(lines, jvm.org.apache.spark.sql.Encoders.STRING()).toDF()
        return (
            texts.select(jvm.PythonUtils.toSeq([column.alias("v")]))
            .select("v.*", jvm.PythonUtils.toSeq([]))
            .collectAsList()
        )

    def _start(self, frame: DataFrame) -> None:
        writer = frame.writeStream.outputMode(self._case["query"].get("output_mode", "append"))
        writer = writer.option("checkpointLocation", str(self._folder / "checkpoint"))
        self._query = writer.foreachBatch(self._keep).start()

    def _keep(self, frame: DataFrame, _batch: int) -> None:
        try:
            self._batches.append(frame.collect())
        except Exception as error:
            self._failure = error  # what the query itself reports says only that this function failed
            raise

    def _played(self, frame: DataFrame) -> dict[str, Any]:
        steps = []
        for step in self._case["steps"]:
            given = {key: step[key] for key in ("add", "restart") if key in step}
            seen = len(self._query.recentProgress) if not step.get("restart") else 0
            self._batches.clear()
            try:
                if step.get("restart"):
                    self._query.stop()
                    self._start(frame)
                self._feed(step.get("add", {}))
                self._query.processAllAvailable()
            except Exception as error:  # noqa: BLE001 every failure is the answer
                steps.append(given)
                return {**self._case, "steps": steps, "error": refusal(self._failure or error, "run")}
            steps.append({**given, **self._found(seen, restarted=bool(step.get("restart")))})
        return {**self._case, "steps": steps}

    def _feed(self, add: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        ready = {name: self._rows(self._schemas[name], rows) for name, rows in add.items() if rows}
        convert = self._spark._jvm.scala.jdk.javaapi.CollectionConverters
        lock = self._query._jsq.streamingQuery().awaitProgressLock()
        lock.lock()
        try:
            for name, rows in ready.items():
                self._streams[name].addData(convert.asScala(rows).toSeq())
        finally:
            lock.unlock()

    def _found(self, seen: int, *, restarted: bool) -> dict[str, Any]:
        progress = [each for each in self._query.recentProgress[seen:] if "addBatch" in each["durationMs"]]
        if restarted and not progress:
            return {}
        kept = self._batches[-1:] if self._case["query"].get("output_mode") == "complete" else self._batches
        found: dict[str, Any] = {"expect": [self._row(row) for batch in kept for row in batch]}
        if not progress:
            return found
        last = progress[-1]
        if "watermark" in last["eventTime"]:
            found["watermark"] = _short(last["eventTime"]["watermark"])
        if last["stateOperators"]:
            found["state_rows"] = sum(each["numRowsTotal"] for each in last["stateOperators"])
            found["late_rows"] = sum(
                each["numRowsDroppedByWatermark"] for batch in progress for each in batch["stateOperators"]
            )
        return found

    def _row(self, row: Sequence[Any]) -> dict[str, Any]:
        return {field.name: plain(value, field.dataType) for field, value in zip(self._type.fields, row, strict=True)}


def _struct(spark: SparkSession, schema: str) -> Any:
    return spark._jvm.org.apache.spark.sql.types.StructType.fromDDL(schema)


def _marked(frame: DataFrame, watermark: Mapping[str, str] | None) -> DataFrame:
    return frame if watermark is None else frame.withWatermark(watermark["column"], watermark["delay"])


def _short(instant: str) -> str:
    return instant.replace(".000Z", "Z")


def plain(value: Any, kind: DataType) -> Any:
    """Return a value as the test format writes it."""
    if value is None:
        return None
    if isinstance(kind, TimestampType):
        return _short(value.isoformat(timespec="microseconds") + "Z").replace(".000000Z", "Z")
    if isinstance(kind, TimestampNTZType):
        return str(value.isoformat())
    if isinstance(kind, ArrayType):
        return [plain(item, kind.elementType) for item in value]
    if isinstance(kind, StructType):
        return {field.name: plain(item, field.dataType) for field, item in zip(kind.fields, value, strict=True)}
    if isinstance(kind, MapType):
        return {str(plain(key, kind.keyType)): plain(item, kind.valueType) for key, item in value.items()}
    return _scalar(value, kind)


def _scalar(value: Any, kind: DataType) -> Any:
    if isinstance(kind, DateType | DecimalType):
        assert isinstance(value, datetime.date | decimal.Decimal)
        return value.isoformat() if isinstance(value, datetime.date) else format(value, "f")
    if isinstance(kind, BinaryType):
        return base64.b64encode(bytes(value)).decode()
    return str(value) if isinstance(value, datetime.timedelta) else value


def refusal(error: Exception, at: str) -> dict[str, str]:
    """Return a refusal as the test format writes it: of the innermost cause with a condition, else of the last."""
    chain = list(_causes(getattr(error, "_origin", None) or getattr(error, "java_exception", None)))
    if not chain:
        condition = error.getCondition() if hasattr(error, "getCondition") else None
        return _named(at, type(error).__name__, condition, str(error))
    named = [each for each in chain if _condition(each) not in {None, "STREAM_FAILED"}]
    cause = named[-1] if named else chain[-1]
    return _named(at, cause.getClass().getSimpleName(), _condition(cause), str(cause.getMessage()))


def _named(at: str, name: str, condition: str | None, message: str) -> dict[str, str]:
    named = {} if condition is None else {"condition": condition}
    return {"on": at, "class": name, **named, "message": " ".join(message.split())[:200]}


def _causes(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.getCause()


def _condition(error: Any) -> str | None:
    try:
        return str(error.getCondition()) if error.getCondition() is not None else None
    except Exception:  # noqa: BLE001 a Java exception without conditions has no such method
        return None


if __name__ == "__main__":
    main()
