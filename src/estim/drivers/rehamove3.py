"""RehaMove3 (ScienceMode3): its facts and its driver."""

from __future__ import annotations

from estim.drivers.midlevel import Dialect, MidLevelDriver
from estim.drivers.sciencemode34 import GET_VERSION_MAIN, SELECTION_RM3
from estim.safety.profile import DeviceProfile, PeriodGrid, leads_of
from estim.safety.units import MicroAmp, Micros, MilliHertz

PROFILE = DeviceProfile(
    model="rehamove3",
    title="RehaMove3 Science",
    intended_use="ScienceMode3 is the maker's interface for research; the device's own instructions say for whom.",
    channels=4,
    leads=leads_of(),
    amplitude_step_ua=MicroAmp(500),
    amplitude_max_ua=MicroAmp(130_000),  # the library accepts 150 mA, the device is rated 130
    pulse_width_step_us=Micros(1),
    pulse_width_min_us=Micros(20),
    pulse_width_max_us=Micros(4_095),  # one point; the device could join points up to 16 ms
    interphase_fixed_us=None,
    period_grids=(PeriodGrid(step_us=Micros(500), min_us=Micros(2_000), max_us=Micros(16_383_000)),),
    rated_mhz=(MilliHertz(1_000), MilliHertz(500_000)),
    phase_ratios=(1, 2, 4),
    points_max=16,
    free_points=True,
    native_bursts=None,
    skip_max=0,
    pulse_overhead_us=Micros(330),  # mute 200 + test pulse 30 + reserve 100
    watchdog_us=Micros(2_000_000),
    has_timer=True,
    unobeyed_stop_us=Micros(0),
    poll_us=Micros(1_000_000),
    lead_off_min_ua=MicroAmp(15_000),  # C header's figure; its test pulse may find faults below
    changes_rate_while_running=True,
    tells=("id", "version", "output", "electrode", "electrode-channel", "battery"),
    has_stop_switch=False,
    off_reading="confirmed",
    make_safe=(
        "pull the stimulation cable at the device (it runs on its battery: pulling the USB cable alone is not enough)",
    ),
    source="ScienceMode3 description and library 3.2.4; wire document 2",
)

DIALECT = Dialect(
    version_command=GET_VERSION_MAIN,
    major=3,
    init_data=b"\x00",  # reserved
    selection=SELECTION_RM3,
    quarter_ms=False,
)


class RehaMove3Driver(MidLevelDriver):
    """The RehaMove3 in mid level."""

    def __init__(self) -> None:
        super().__init__(PROFILE, DIALECT)
