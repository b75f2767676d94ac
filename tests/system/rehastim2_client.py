"""One session by pyScienceMode's own RehaStim2 class, unmodified; its threads are why it has a process of its own."""

from __future__ import annotations

import sys
import time

from pysciencemode import Channel, Device, Modes, Rehastim2


def main(port: str) -> None:
    """Two trains, an update, a pause and a doublet, as the client's own examples do; says what it saw."""
    device = Device.Rehastim2
    one = Channel(mode=Modes.SINGLE, no_channel=1, amplitude=20, pulse_width=250, name="one", device_type=device)
    six = Channel(mode=Modes.SINGLE, no_channel=6, amplitude=30, pulse_width=400, name="six", device_type=device)
    stimulator = Rehastim2(port)
    stimulator.init_channel(stimulation_interval=30, list_channels=[one, six])
    stimulator.start_stimulation(stimulation_duration=0.6)
    one.set_amplitude(24)
    stimulator.start_stimulation(upd_list_channels=[one, six])
    time.sleep(2.5)  # longer than one wake of the client's own watchdog thread
    stimulator.pause_stimulation()
    stimulator.end_stimulation()
    pair = Channel(mode=Modes.DOUBLET, no_channel=3, amplitude=16, pulse_width=85, name="pair", device_type=device)
    stimulator.init_channel(stimulation_interval=100, list_channels=[pair], inter_pulse_interval=10)
    stimulator.start_stimulation(stimulation_duration=0.5)
    stimulator.end_stimulation()
    stimulator.disconnect()
    stimulator.close_port()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1])
