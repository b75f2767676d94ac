"""`--help` answers at once: what a command needs is loaded by that command. Each case is a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from estim.cli import MODULES, parser
from tests.system.conftest import PATIENCE_S

HEAVY = ("numpy", "pydantic", "textual", "cryptography", "serial", "asyncio", "firmware_sim")
PROBE = """
import sys
from estim.cli import main
try:
    code = main() or 0
except SystemExit as ended:
    code = ended.code or 0
print("loaded:", code, *(name for name in {heavy!r} if name in sys.modules))
"""


def loaded(*arguments: str, heavy: tuple[str, ...] = HEAVY) -> tuple[str, list[str]]:
    """What was printed, and the exit code with the heavy packages that the command line had loaded by then."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=heavy), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
    )
    printed, _, report = done.stdout.rpartition("loaded:")
    return printed, report.split()


@pytest.mark.parametrize(
    "command", [(), ("console",), ("run",), ("rehearse",), ("protocols",), ("limits",), ("devices",), ("records",)]
)
def test_help_loads_nothing_heavy(command: tuple[str, ...]) -> None:
    printed, report = loaded(*command, "--help")
    assert printed.startswith("usage: ")
    assert report == ["0"]


def test_the_table_of_limits_loads_what_checks_a_signature_and_nothing_else(tmp_path: Path) -> None:
    """`limits` had grown from 9 to 18 times bare Python: models of every record line, and a reader of key files."""
    beside = (
        *HEAVY,
        "estim.record_lines.events",
        "cryptography.hazmat.primitives.serialization.ssh",
        "estim.cli.course",
    )
    printed, report = loaded("limits", "--home", str(tmp_path), heavy=beside)
    assert "pulse amplitude" in printed
    assert report == ["0", "cryptography"]


@pytest.mark.parametrize("command", ["safety", "doctor", "devices", "operators", "plans", "course", "clinic", "help"])
def test_a_command_loads_no_other_commands(command: str) -> None:
    """Each built the words of all 18 before, and loaded what does them."""
    others = tuple(f"estim.cli.{name}" for name in ("clinic", "course", "operators", "plans", "qualify", "trials"))
    _, report = loaded(command, "--help", heavy=tuple(name for name in others if not name.endswith(command)))
    assert report == ["0"]


def test_the_help_of_all_loads_no_command_and_says_what_the_whole_command_line_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had grown from 5.4 to 9.8 times bare Python, since it built the words of every action."""
    monkeypatch.setenv("COLUMNS", "100")
    every = tuple(f"estim.cli.{module}" for module, _ in MODULES.values())
    printed, report = loaded("--help", heavy=(*HEAVY, *every, "estim.protocols", "estim.records"))
    assert report == ["0"]
    assert printed.strip() == parser().format_help().strip()


@pytest.mark.parametrize("words", [(), ("nonsense",), ("--nonsense",)])
def test_words_that_name_no_command_are_told_all_commands(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estim", *words], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 2
    assert "usage: estim" in done.stderr
    assert words != ("nonsense",) or all(name in done.stderr for name in MODULES)


def test_the_probe_sees_what_is_loaded() -> None:
    _, report = loaded("protocols", "schema")
    assert "pydantic" in report


def test_the_controller_loads_no_screen() -> None:
    probe = "import sys, estim.controller.runner, estim.controller.client; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == "False"
