"""Benchmarks: Spark as all of them run it; imported in the rivals' environment, and imports nothing of headrace.

Two cores, RocksDB as the state store with its changelog, as many state partitions as cores.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

_STATE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def open_spark(jars: str, folder: str) -> SparkSession:
    """Return a session.

    Args:
        jars: Paths of the jars it needs beside its own, with commas.
        folder: What it may fill with files of its own.
    """
    builder = SparkSession.builder.master("local[2]").appName("benchmark").config("spark.jars", jars)
    options = {
        "spark.driver.memory": "2g",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.streaming.stateStore.providerClass": _STATE,
        "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
        "spark.local.dir": folder,
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
