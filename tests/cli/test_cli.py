"""The command line: light to start, exit codes from errors, errors with a caret and never a traceback."""

from __future__ import annotations

import ast
import io
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.console import Console

from headrace import __version__
from headrace.cli import run
from headrace.errors import StreamError, StreamErrors
from headrace.terminal.failure import hide, print_failure
from headrace.terminal.verbs import COMMANDS, load_command
from headrace.values import Position

TICKS = """\
version: 1
name: ticks
sources: {ticks: {format: rate, options: {rowsPerSecond: 10}}}
queries: {all: {sql: SELECT value FROM ticks, sink: {format: console}}}
checkpoint: {location: state}
"""
HEAVY = {"duckdb", "pyarrow", "confluent_kafka", "rocksdict", "sqlglot", "pydantic", "yaml", "structlog"}


def _printed(error: BaseException, *, debug: bool = False, texts: dict[str, str] | None = None) -> tuple[str, int]:
    out = io.StringIO()
    code = print_failure(error, Console(file=out, width=40), debug=debug, texts=texts)
    return out.getvalue(), code


def test_the_command_line_starts_without_heavy_libraries() -> None:
    """Typing --help must not cost the engine's imports."""
    program = "import sys, headrace.cli; headrace.cli.run(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert HEAVY & loaded == set()


@pytest.mark.parametrize(
    ("arguments", "code"), [(["version"], 0), (["frobnicate"], 2), (["schema", "--no-such"], 2), ([], 2)]
)
def test_the_process_ends_with_the_code_of_the_outcome(arguments: list[str], code: int) -> None:
    """0 done, 2 usage."""
    done = subprocess.run([sys.executable, "-m", "headrace.cli", *arguments], capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_verb_describes_itself_as_the_table_does(name: str) -> None:
    """The table of lazy verbs holds the first line of each verb's own help."""
    assert find_spec(f"headrace.commands.{name}") is not None
    assert (load_command(name).help or "").splitlines()[0] == COMMANDS[name]


def test_what_a_verb_loads_is_not_looked_at_again_and_the_process_ends_without_complaints() -> None:
    """Collecting is on behind the import, and DuckDB's binding finds none of its objects left at the end."""
    code = (
        "import gc\n"
        "from headrace.terminal.verbs import load_command\n"
        "load_command('run')\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")


def test_version_as_json_names_the_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read the same version as people."""
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["headrace"] == __version__


def test_an_error_shows_its_source_line_and_a_caret(tmp_path: Path) -> None:
    """Code, place, message and hint stand in one line however narrow the terminal is."""
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nnmae: x\n")
    error = StreamError(
        "CONFIG_UNKNOWN_KEY", "nmae is not known.", at=Position(str(path), 2, 1), hint='Did you mean "name"?'
    )
    assert _printed(error) == (
        f'[CONFIG_UNKNOWN_KEY] {path}:2:1 nmae is not known. Did you mean "name"?\n    2 | nmae: x\n        ^\n',
        78,
    )


def test_all_errors_are_printed_and_counted() -> None:
    """The exit code is the first one's; positions of --set show the argument."""
    errors = StreamErrors(
        [
            StreamError("CONFIG_INVALID_VALUE", "no.", at=Position("--set", 1, 3)),
            StreamError("DATA_LOSS", "gone.", condition="SPARKS_NAME"),
        ]
    )
    assert _printed(errors, texts={"--set": "a=b"}) == (
        "[CONFIG_INVALID_VALUE] --set:1:3 no.\n    1 | a=b\n          ^\n\n[SPARKS_NAME] gone.\n\n2 errors\n",
        78,
    )


def test_a_bug_says_what_to_attach_and_shows_no_traceback_unless_asked() -> None:
    """Exit code 70."""
    text, code = _printed(ValueError("boom"))
    assert (text, code) == (
        f"[INTERNAL] ValueError: boom. This is a bug in headrace {__version__}. Run again with --debug and report the "
        "output together with the pipeline file.\n",
        70,
    )
    assert "ValueError: boom\n" in _printed(ValueError("boom"), debug=True)[0]


def test_known_secrets_are_masked_in_messages_and_tracebacks() -> None:
    """A client's exception may quote the password it was given."""
    hide(["sesame-77"])
    text, _ = _printed(ValueError("login with sesame-77 refused"), debug=True)
    assert "sesame-77" not in text
    assert "[INTERNAL] ValueError: login with *** refused." in text


@pytest.mark.parametrize("template", ["kafka", "rate"])
def test_init_writes_a_template_and_never_overwrites(
    tmp_path: Path, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second run writes nothing and exits with 74."""
    folder = tmp_path / "new"
    assert run(["init", str(folder), "--template", template]) == 0
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert "pipeline.yaml" in written
    (folder / "pipeline.yaml").write_text("mine")
    assert run(["init", str(folder), "--template", template]) == 74
    assert (folder / "pipeline.yaml").read_text() == "mine"
    assert "would be overwritten" in capsys.readouterr().err


def test_a_reader_that_leaves_early_causes_no_noise(tmp_path: Path) -> None:
    """As of `headrace sql ... | head`; a running query, which has no other end, says what happened."""
    headrace = [sys.executable, "-m", "headrace"]
    many = "SELECT id FROM range(200000)"
    with subprocess.Popen([*headrace, "sql", many], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 1)
    (tmp_path / "p.yaml").write_text(TICKS)
    run_file = [*headrace, "run", str(tmp_path / "p.yaml"), "--log-format", "text"]
    with subprocess.Popen(run_file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told, code = process.stderr.read(), process.wait(60)
    assert code == 74
    assert "[IO_FAILED] the terminal or pipe that the console sink prints to cannot be written: Broken pipe." in told
    assert "Traceback" not in told
    assert "Exception" not in told


def test_an_interrupt_while_the_command_line_is_imported_ends_the_process_quietly(tmp_path: Path) -> None:
    """By the signal itself, as a shell expects, and without Python's traceback."""
    interrupts = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "typer.py").write_text(interrupts, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "version"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
