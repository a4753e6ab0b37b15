"""Benchmarks: runs pipeline files one after the other in one process and writes how long each took, in seconds.

Started as `python -m benchmarks.systems.headrace_job TIMES.json PIPELINE...`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from headrace.config.load import load
from headrace.config.run_options import RunOptions
from headrace.engine.service import run_service
from headrace.logs import LogFormat, configure_logs


def main(times: Path, pipelines: list[Path]) -> int:
    """Run all pipelines and return the first exit code that is not 0."""
    configure_logs(LogFormat.JSON)
    taken: list[float] = []
    for path in pipelines:
        began = time.perf_counter()
        code = run_service(load(path, environment=os.environ), RunOptions(available_now=True))
        taken.append(time.perf_counter() - began)
        if code:
            return code
    times.write_text(json.dumps(taken))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
