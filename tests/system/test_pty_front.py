"""The simulator's pty as a plain program sees it. Nothing of estim is used here."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

import pytest

import firmware_sim.wire.sciencemode34 as four
from tests.system.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who opens a pty")
def test_a_clients_settings_stay_while_it_has_the_port_open(tmp_path: Path) -> None:
    link = str(tmp_path / "p24")
    process = subprocess.Popen(
        [sys.executable, "-m", "firmware_sim", "p24", "--pty", link], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        if process.stdout is None:
            pytest.fail("no pipe")
        process.stdout.readline()
        for _ in range(2):
            port = os.open(link, os.O_RDWR | os.O_NOCTTY)
            tty.setraw(port)
            settings = termios.tcgetattr(port)
            settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 5
            settings[3] |= termios.NOFLSH
            termios.tcsetattr(port, termios.TCSANOW, settings)
            wanted = termios.tcgetattr(port)
            os.write(port, four.build(1, 62, b""))
            assert select.select([port], [], [], PATIENCE_S)[0]
            assert os.read(port, 100)
            time.sleep(0.2)
            assert termios.tcgetattr(port) == wanted
            began = time.monotonic()
            assert os.read(port, 100) == b""  # a silent line: VTIME ends it
            assert time.monotonic() - began < PATIENCE_S
            settings = termios.tcgetattr(port)
            settings[3] |= termios.ICANON | termios.ECHO
            settings[1] |= termios.OPOST | termios.ONLCR
            termios.tcsetattr(port, termios.TCSANOW, settings)
            os.close(port)
            time.sleep(0.2)
        port = os.open(link, os.O_RDWR | os.O_NOCTTY)  # the one before left it cooked; this one sets nothing
        frame = four.build(0x0A, 62, b"")
        os.write(port, frame)
        assert select.select([port], [], [], PATIENCE_S)[0]
        (answer,) = four.Reader().feed(os.read(port, 100))
        assert isinstance(answer, four.Frame)
        assert (answer.packet, answer.command) == (0x0A, 63)
        os.close(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()
