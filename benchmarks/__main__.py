"""Benchmarks: all of them, one after the other; `python -m benchmarks`, with `--quick` small ones in two minutes."""

from __future__ import annotations

import argparse
import sys

from benchmarks import latency, lookup, startup, state, throughput

_QUICK_THROUGHPUT = ("--events", "200000", "--batch-rows", "100000", "--systems", "headrace,spark")
_QUICK_STATE = ("--keys", "50000", "--rows-a-side", "50000", "--batch-rows", "10000", "--systems", "headrace")
_QUICK_LOOKUP = ("--table-rows", "10000,100000", "--batches", "20")
_QUICK_LATENCY = ("--seconds", "10", "--warm-up", "5", "--systems", "headrace")


def main() -> int:
    """Run startup, throughput, state, look-ups and latency; 1 when a system's counts are wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few events, fewer systems")
    quick = parser.parse_args().quick
    return max(
        startup.main(("--runs", "3") if quick else ()),
        throughput.main(_QUICK_THROUGHPUT if quick else ()),
        state.main(_QUICK_STATE if quick else ()),
        lookup.main(_QUICK_LOOKUP if quick else ()),
        latency.main(_QUICK_LATENCY if quick else ()),
    )


if __name__ == "__main__":
    sys.exit(main())
