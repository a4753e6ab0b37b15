"""Writes examples.json: every example of Spark's own function documentation, and what Spark answers when asked.

Run by hand with a Python that has pyspark 4.2.0: ``python tests/functions/collect.py``; see README.md beside it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

CHANCE = "depends on chance"
CLOCK = "depends on the clock"
JVM = "depends on the JVM, the machine or its user"
TIES = "ties are decided by hash order"
ABSENT = "needs a file, a view or a module that is not there"

EXCLUDED = {
    **dict.fromkeys(("SELECT random()", "SELECT rand()", "SELECT randn()", "SELECT uuid()"), CHANCE),
    **dict.fromkeys(("SELECT current_timestamp()", "SELECT current_timestamp", "SELECT now()"), CLOCK),
    **dict.fromkeys(("SELECT current_date()", "SELECT current_date", "SELECT curdate()"), CLOCK),
    **dict.fromkeys(("SELECT current_time()", "SELECT current_time", "SELECT localtimestamp()"), CLOCK),
    **dict.fromkeys((f"SELECT current_time({p})" for p in ("0", "3", "1+1")), CLOCK),
    "SELECT unix_timestamp()": CLOCK,
    **dict.fromkeys(("SELECT user()", "SELECT current_user()", "SELECT session_user()"), JVM),
    "SELECT mode(col, false) FROM VALUES (-10), (0), (10) AS tab(col)": TIES,
    "SELECT approx_top_k(expr) FROM VALUES (0), (0), (1), (1), (2), (3), (4), (4) AS tab(expr)": TIES,
    **dict.fromkeys(("SELECT version()", "SELECT current_timezone()", "SELECT * FROM python_worker_logs()"), JVM),
}
"""Statements whose answer nobody can know beforehand, with the reason."""
EXCLUDED_FUNCTIONS = {
    **dict.fromkeys(("shuffle",), CHANCE),
    **dict.fromkeys(("java_method", "reflect", "try_reflect"), JVM),
    **dict.fromkeys(("from_avro", "to_avro", "schema_of_avro", "from_protobuf", "to_protobuf", "measure"), ABSENT),
}
RANDOM_BYTES = ("aes_encrypt",)
"""Functions that draw a random vector unless one is given: excluded where Spark itself answers otherwise each time."""


def main() -> None:
    """Ask Spark for its functions, parse their examples, run each and write the file."""
    builder = SparkSession.builder.master("local[1]").config("spark.driver.memory", "1g")
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2")
    builder = builder.config("spark.sql.timeType.enabled", "true")
    spark = builder.config("spark.sql.session.timeZone", "America/Los_Angeles").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    state = spark._jsparkSession.sessionState()
    for registry in (state.functionRegistry(), state.tableFunctionRegistry()):
        names = registry.listFunction().iterator()
        while names.hasNext():
            info = registry.lookupFunction(names.next()).get()
            for statement, expected in examples_of(info.getExamples()):
                key = (info.getName(), statement, "\n".join(expected))
                group = info.getGroup().removesuffix("_funcs")
                entry = {"function": info.getName(), "group": group, "statement": statement, "expected": expected}
                found.setdefault(key, entry)
    examples = sorted(found.values(), key=lambda e: (e["group"], e["function"]))
    for example in examples:
        add_live_answer(spark, example)
    path = Path(__file__).with_name("examples.json")
    path.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def examples_of(text: str) -> list[tuple[str, list[str]]]:
    """Return statements and the lines they give; the text is as ExpressionInfoSuite reads it."""
    found = []
    for part in text.split("  > ")[1:]:
        match = re.match(r"^(.+?);\n(.+)$", part, re.DOTALL)
        if match:
            found.append((match[1], re.sub(r"\n\s+", "\n", match[2]).strip().split("\n")))
    return found


def add_live_answer(spark: SparkSession, example: dict[str, Any]) -> None:
    """Add the answer of this run where it is not the documented one, or why the example is left out."""
    reason = EXCLUDED.get(example["statement"]) or EXCLUDED_FUNCTIONS.get(example["function"])
    if reason is None:
        result = spark._jvm.org.apache.spark.sql.execution.HiveResult
        try:
            plan = spark.sql(example["statement"])._jdf.queryExecution().executedPlan()
            rows = result.hiveResultString(plan)
            lines = [rows.apply(i) for i in range(rows.size())]
        except Exception as error:  # noqa: BLE001 -- some examples document an error
            lines = [re.sub(r" SQLSTATE: \w+.*", "", str(error).split("\n")[0])]
        live = re.sub(r"\n\s+", "\n", "\n".join(lines)).strip().split("\n")
        if live != example["expected"] and example["function"] in RANDOM_BYTES:
            reason = CHANCE
        elif live != example["expected"]:
            example["live"] = live
    if reason is not None:
        example["excluded"] = reason


if __name__ == "__main__":
    main()
