"""Benchmarks: the Spark program for a load; runs in the rivals' environment and imports nothing of headrace.

Takes its settings as JSON; runs the query over all that is in the topics and ends.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.systems.spark_session import open_spark


def main(settings: dict[str, Any]) -> None:
    """Run the program; see the module."""
    spark = open_spark(settings["jars"], f"{settings['folder']}/local")
    for view, topic in settings["topics"].items():
        _rows(spark, settings, topic).createOrReplaceTempView(view)
    result = spark.sql(settings["sql"])
    out = result.select(F.to_json(F.struct(*result.columns)).alias("value"))
    query = (
        out.writeStream.outputMode(settings["mode"])
        .format("kafka")
        .option("kafka.bootstrap.servers", settings["bootstrap"])
        .option("topic", settings["sink"])
        .option("checkpointLocation", f"{settings['folder']}/checkpoint")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    spark.stop()


def _rows(spark: SparkSession, settings: dict[str, Any], topic: str) -> DataFrame:
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", settings["bootstrap"])
    reader = reader.option("subscribe", topic).option("startingOffsets", "earliest")
    reader = reader.option("maxOffsetsPerTrigger", settings["batch_rows"])
    row = F.from_json(F.col("value").cast("string"), settings["schema"]).alias("e")
    rows = reader.load().select(row).select("e.k", "e.v", F.expr("timestamp_micros(e.t)").alias("ts"))
    return rows if settings["delay"] is None else rows.withWatermark("ts", settings["delay"])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
