"""Benchmarks: where the compared systems come from: a virtual environment and jars of their own, both pinned.

Made at the first use below benchmarks/.cache and kept; nothing of it enters the project's own environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.systems.system import BENCHMARKS, SystemMissingError
from headrace.testing.kafka.jars import fetch_jars, read_lock
from headrace.testing.kafka.java import find_java

CACHE = BENCHMARKS / ".cache"
_REQUIREMENTS = BENCHMARKS / "requirements.txt"


def rival_python() -> Path:
    """Return the Python of the rivals' virtual environment, which is made when it is missing or out of date."""
    folder = CACHE / "venv"
    stamp, wanted = folder / ".requirements", hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("making the other systems' virtual environment (once, about 400 MB) ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS)]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def spark_jars() -> list[Path]:
    """Return the jars Spark needs for Kafka."""
    return _jars("spark")


def streams_class_path() -> str:
    """Return the class path of Kafka Streams: its own jars and, of the broker's, the client's."""
    return os.pathsep.join(str(jar) for jar in [*_jars("streams"), *fetch_jars()])


def compile_java(source: Path, class_path: str) -> Path:
    """Compile one Java file and return the folder of its classes.

    Raises:
        SystemMissingError: there is no Java compiler.
    """
    compiler = shutil.which("javac") or find_java().with_name("javac")
    if not Path(compiler).exists():
        message = "needs a Java compiler: javac of a JDK 17 or newer on PATH"
        raise SystemMissingError(message)
    folder = CACHE / "classes"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-nowarn", "-d", folder, "-cp", class_path, source], check=True)
    return folder


def java_command(class_path: str, main: str, arguments: Sequence[str]) -> list[str | Path]:
    """Return the command line of a Java program with two gigabytes of heap."""
    return [find_java(), "-Xmx2g", "-cp", class_path, main, *arguments]


def _jars(name: str) -> list[Path]:
    return fetch_jars(read_lock(BENCHMARKS / f"{name}.lock.json"), CACHE / "jars")
