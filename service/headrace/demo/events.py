"""The demo: device events as a phone's activity recogniser sends them; benchmarks use the same.

Takes a count and a seed; gives JSON texts of about 210 bytes with the fields Arrival_Time (ms), Creation_Time (ns),
Device, Index, Model, User, gt, x, y, z. The same seed gives the same events.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

ACTIVITIES = ("stand", "sit", "walk", "bike", "stairsup", "stairsdown", "null")
MODELS = ("nexus4", "gear", "s3", "s3mini", "samsungold")
USERS = tuple("abcdefghi")
START_NS = 1_704_103_200_000_000_000
"""2024-01-01T10:00:00Z, the first event's time."""

JITTER_NS = 3_000_000_000
"""How far out of order an event may come."""


def events(count: int, *, seed: int = 7, per_second: int = 1000) -> Iterator[str]:
    """Yield events whose time moves on by 1/per_second each, up to three seconds out of order."""
    chance = random.Random(seed)  # noqa: S311 reproducible data, no secrets
    step_ns = 1_000_000_000 // per_second
    for index in range(count):
        created = START_NS + index * step_ns - chance.randrange(JITTER_NS)
        user, model = chance.choice(USERS), chance.choice(MODELS)
        x, y, z = (chance.uniform(-10, 10) for _ in range(3))
        model_part = f'"Device":"{model}_1","Index":{index},"Model":"{model}","User":"{user}"'
        place = f'"gt":"{chance.choice(ACTIVITIES)}","x":{x:.7f},"y":{y:.7f},"z":{z:.7f}'
        yield f'{{"Arrival_Time":{created // 1_000_000 + 21},"Creation_Time":{created},{model_part},{place}}}'
