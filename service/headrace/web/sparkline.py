"""Web: a line of recent values as inline SVG, without script and without inline style.

Takes numbers, oldest first; gives markup that the page puts in as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTH, HEIGHT = 220, 36


def sparkline(values: Sequence[float], label: str) -> str:
    """Return an SVG of the finite values, scaled from 0 to the largest; the label is read out by screen readers.

    Args:
        values: Oldest first; NaN and infinity are left out.
        label: Plain text, already free of markup.
    """
    finite = [value for value in values if math.isfinite(value)]
    start = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">'
    if len(finite) < 2:
        return f"{start}</svg>"
    top = max(*finite, 1e-9)
    step = WIDTH / (len(finite) - 1)
    points = " ".join(
        f"{index * step:.1f},{HEIGHT - 2 - max(value, 0.0) / top * (HEIGHT - 4):.1f}"
        for index, value in enumerate(finite)
    )
    return f'{start}<polyline points="{points}"/></svg>'
