"""Web: the status page as HTML.

Takes the queries; gives one page that needs no script, no build step and no other host. Every text from outside is
escaped. The page reloads itself by a meta element.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from headrace import __version__
from headrace.progress.model import TRIGGER_EXECUTION, BatchProgress, OperatorFacts
from headrace.values import US_PER_S, ProcessingTime, iso_millis
from headrace.web.sparkline import sparkline
from headrace.web.twin import executed_batches
from headrace.web.view import QueryView

REFRESH_S = 5

STYLE = """
:root { color-scheme: light dark; --line: #2b6cb0; --soft: #8886; --bad: #c53030; --good: #2f855a; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; }
h2 { font-size: 1.1rem; margin-top: 2.2rem; border-top: 1px solid var(--soft); padding-top: 1rem; }
h3 { font-size: .95rem; margin: 1.2rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--soft); }
td.n, th.n { text-align: right; }
.panels { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; border: 1px solid var(--soft); border-radius: .3rem; padding: .5rem .7rem; }
figcaption { font-size: .8rem; } figcaption b { float: right; margin-left: 1rem; }
polyline { fill: none; stroke: var(--line); stroke-width: 1.5; }
.failed, .error { color: var(--bad); } .running, .waiting { color: var(--good); } .empty, footer { color: #777; }
pre { overflow-x: auto; border: 1px solid var(--soft); padding: .6rem; font-size: .8rem; }
"""

Panel = tuple[str, Callable[[BatchProgress], float], Callable[[float], str]]


def _count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "-"


def _millis(value: float) -> str:
    return f"{value:,.0f} ms"


def _seconds(value: float) -> str:
    return f"{value:,.1f} s" if math.isfinite(value) else "-"


def _watermark_gap_s(progress: BatchProgress) -> float:
    watermark_us = progress.event_time.watermark_us
    return math.nan if watermark_us is None else (progress.timestamp_us - watermark_us) / US_PER_S


PANELS: tuple[Panel, ...] = (
    ("input rows/s", lambda each: each.input_rows_per_second, _count),
    ("processed rows/s", lambda each: each.processed_rows_per_second, _count),
    ("input rows", lambda each: float(each.num_input_rows), _count),
    ("batch duration", lambda each: float(each.batch_duration_ms), _millis),
    ("trigger execution", lambda each: float(each.duration_ms.get(TRIGGER_EXECUTION, 0)), _millis),
    ("watermark gap", _watermark_gap_s, _seconds),
    ("state rows", lambda each: float(each.facts.state_rows), _count),
    ("late rows", lambda each: float(each.facts.late_rows), _count),
    ("records behind", lambda each: float(each.facts.lag_records), _count),
)
"""What is drawn of each query; Spark's seven panels, late rows and lag."""


def status_page(queries: Sequence[QueryView], now_us: ProcessingTime) -> str:
    """Return the whole page.

    Args:
        queries: In the order of the pipeline file.
        now_us: The clock, for uptimes.
    """
    body = _overview(queries, now_us) + "".join(_detail(query) for query in queries)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>headrace</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}"><link rel="stylesheet" href="/style.css"></head>'
        f"<body><h1>headrace</h1>{body}"
        f'<footer><p>headrace {escape(__version__)} · read-only · <a href="/api/v1/queries">JSON</a> · '
        '<a href="/metrics">metrics</a></p></footer></body></html>'
    )


def _overview(queries: Sequence[QueryView], now_us: ProcessingTime) -> str:
    if not queries:
        return '<p class="empty">No query is loaded yet. Queries appear here as soon as the pipeline file is read.</p>'
    head = _row(("query", "state", "doing", "uptime", "batch", "records behind", "error"), "th")
    return f"<table>{head}{''.join(_overview_row(query, now_us) for query in queries)}</table>"


def _overview_row(query: QueryView, now_us: ProcessingTime) -> str:
    last = query.last
    uptime = "-" if query.started_us is None else _uptime((now_us - query.started_us) // US_PER_S)
    return (
        f"<tr><td>{escape(query.name)}</td>"
        f'<td class="{_state_class(query.state)}">{escape(query.state)}</td><td>{escape(query.status.message)}</td>'
        f'<td>{uptime}</td><td class="n">{last.batch_id if last else "-"}</td>'
        f'<td class="n">{f"{last.facts.lag_records:,}" if last else "-"}</td>'
        f'<td class="error">{escape(query.error_code)}</td></tr>'
    )


def _state_class(state: str) -> str:
    return state if state in {"running", "waiting", "failed"} else "other"


def _uptime(seconds: int) -> str:
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}h {rest // 60}m" if hours else f"{rest // 60}m {rest % 60}s"


def _detail(query: QueryView) -> str:
    parts = [f"<h2>{escape(query.name)}</h2>"]
    if query.error:
        parts.append(f'<p class="error">[{escape(query.error_code)}] {escape(query.error)}</p>')
    last = query.last
    if last is None:
        parts.append('<p class="empty">No batch has run yet. The first one is planned when the sources answer.</p>')
    else:
        parts += [_panels(query.recent), _partitions(last), _operators(last)]
    if query.config:
        text = json.dumps(dict(query.config), indent=2, ensure_ascii=False, default=str)
        parts.append(f"<details><summary>configuration</summary><pre>{escape(text)}</pre></details>")
    return "".join(parts)


def _panels(recent: tuple[BatchProgress, ...]) -> str:
    batches = executed_batches(recent)
    if not batches:
        return '<p class="empty">No batch had anything to do yet; waiting for data to arrive.</p>'
    figures = []
    for title, value, show in PANELS:
        values = [value(batch) for batch in batches]
        if all(math.isnan(each) for each in values):
            continue
        figures.append(
            f"<figure><figcaption>{title} <b>{show(values[-1])}</b></figcaption>{sparkline(values, title)}</figure>"
        )
    return f'<div class="panels">{"".join(figures)}</div>'


def _partitions(progress: BatchProgress) -> str:
    rows = [
        (source.name, f"{part.topic}-{part.partition}", f"{part.records:,}", f"{part.lso_records:,}")
        for source in progress.facts.sources
        for part in source.lag
    ]
    return _table("Partitions", ("source", "partition", "records behind", "held back by open transactions"), rows)


def _operators(progress: BatchProgress) -> str:
    def cells(operator: OperatorFacts) -> tuple[str, ...]:
        size = sum(operator.state_bytes.values())
        return operator.name, f"{operator.state_rows:,}", f"{size:,}", f"{operator.late_rows:,}"

    rows = [cells(operator) for operator in progress.facts.operators]
    started, done = iso_millis(progress.timestamp_us), iso_millis(progress.facts.completed_us)
    timing = f"<p>Batch {progress.batch_id} began {started} and was done {done}.</p>"
    return _table("State", ("operator", "rows", "bytes", "late rows in the batch"), rows) + timing


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    return f"<h3>{title}</h3><table>{_row(head, 'th')}{''.join(_row(row, 'td') for row in rows)}</table>"


def _row(cells: Iterable[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
