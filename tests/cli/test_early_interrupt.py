"""Ctrl-C before anything is begun: one line and 130, no traceback, as early as a program in Python can hear it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTRY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["estim"]
# Ctrl-C comes when this module is looked for; what a start loads, in its order: the first, some between, the last.
PRESSED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # as from a terminal: what a shell runs behind ignores it
when, sys.argv = sys.argv[1], ["estim", "limits"]

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == when:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
sys.modules.pop(when, None)
from MODULE import FUNCTION
sys.exit(FUNCTION())
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows' Ctrl-C reaches a whole group of processes")
@pytest.mark.parametrize("when", ["estim.cli", "argparse", "estim.cli.output", "estim.platform.files"])
def test_ctrl_c_while_it_loads_is_one_line(when: str) -> None:
    module, _, function = ENTRY.partition(":")
    code = PRESSED.replace("MODULE", module).replace("FUNCTION", function)
    done = subprocess.run(
        [sys.executable, "-c", code, when], capture_output=True, timeout=60, check=False, env=dict(os.environ)
    )
    assert done.stderr == b"estim: interrupted\n"
    assert done.returncode == 130
