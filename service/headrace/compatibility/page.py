"""Beside the last layer: the claims as the text of docs/compatibility.md."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.compatibility.claims import Claim, Section, sections

_HEAD = """\
# Compatibility with Spark Structured Streaming

<!-- Written by `headrace docs` from service/headrace/compatibility; do not edit. -->

Measured against Apache Spark 4.2. One row a feature, with the test or the recorded case that proves what it says:

- **works**: as in Spark;
- **differs**: it works, not quite as in Spark, and the row says how;
- **refused**: with an error before anything runs, and the row says why;
- **beyond Spark**: Spark has no such thing.

`tests/conformance` holds cases recorded from Spark, `tests/queries` our own in the same format, `tests/queries/spark`
what comparing generated queries with a live Spark found (`make test-spark`); each is run plain and killed after every
step (`make test ARGS=tests/test_conformance.py`). The functions of SQL are listed one by one in
[functions](reference/functions.md). A function or clause that stands nowhere is refused with its name.
"""


def compatibility_page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(_text(section) for section in sections())])


def _text(section: Section) -> str:
    header = ["feature", *section.columns, "how, why, and proof"]
    rows = [[claim.feature, *(status.value for status in claim.statuses), _told(claim)] for claim in section.claims]
    parts = (f"## {section.title}", section.note, table(header, rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def _told(claim: Claim) -> str:
    proof = ", ".join(_link(each) for each in claim.proof)
    return f"{claim.how}: {proof}" if claim.how and proof else claim.how or proof


def _link(proof: str) -> str:
    path, _, test = proof.partition("::")
    if test:
        return f"[{_words(test.removeprefix('test_'))}](../tests/{path}#{test})"
    return f"[{_words(path.rpartition('/')[2].partition('.')[0])}](../tests/{path})"


def _words(name: str) -> str:
    return name.replace("_", " ")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
