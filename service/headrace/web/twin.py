"""Web: the JSON twin of the status page.

Takes a QueryView; gives dicts for JSON. The progress is Spark's object unchanged; what is ours stands beside it.
"""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import quote

from headrace.contract import JsonValue
from headrace.progress.model import BatchFacts, BatchProgress
from headrace.progress.spark_json import JsonObject, to_spark_json
from headrace.values import iso_millis
from headrace.web.view import QueryView


def summary_json(query: QueryView) -> JsonObject:
    """Return what the list of queries shows of one."""
    last = query.last
    return {
        "name": query.name,
        "state": query.state,
        "id": query.id,
        "runId": query.run_id,
        "startedAt": iso_millis(query.started_us) if query.started_us is not None else None,
        "ready": query.is_ready,
        "batchId": last.batch_id if last else None,
        "lagRecords": last.facts.lag_records if last else None,
        "error": {"code": query.error_code, "message": query.error} if query.error else None,
        "href": f"/api/v1/queries/{quote(query.name)}",
    }


def query_json(query: QueryView) -> JsonObject:
    """Return everything of one query: summary, status, last and recent progress, facts, masked configuration."""
    last = query.last
    return {
        **summary_json(query),
        "status": query.status.to_spark_json(),
        "lastProgress": to_spark_json(last) if last else None,
        "lastFacts": facts_json(last.facts) if last else None,
        "recentProgress": [to_spark_json(each) for each in query.recent],
        "config": dict(query.config),
    }


def facts_json(facts: BatchFacts) -> JsonObject:
    """Return what Spark's progress does not hold; times as text, phases in seconds."""
    return {
        "completedAt": iso_millis(facts.completed_us),
        "executed": facts.executed,
        "phaseSeconds": asdict(facts.phases),
        "bytesRead": facts.bytes_read,
        "outputRows": facts.output_rows,
        "lateRows": facts.late_rows,
        "stateRows": facts.state_rows,
        "transactions": dict(facts.transactions),
        "restarts": facts.restarts,
        "sources": [_source(facts, index) for index in range(len(facts.sources))],
        "operators": [asdict(operator) for operator in facts.operators],
    }


def _source(facts: BatchFacts, index: int) -> JsonObject:
    source = facts.sources[index]
    lag: list[JsonValue] = [asdict(part) for part in source.lag]
    return {
        "name": source.name,
        "rows": source.rows,
        "bytesRead": source.bytes_read,
        "lag": lag,
        "decodeErrors": dict(source.decode_errors),
        "deadLetters": source.dead_letters,
        "dataLossRecords": source.data_loss_records,
    }


def executed_batches(recent: tuple[BatchProgress, ...]) -> tuple[BatchProgress, ...]:
    """Return the progresses of batches that ran, oldest first."""
    return tuple(progress for progress in recent if progress.facts.executed)
