"""P24 (ScienceMode4): its facts and its driver."""

from __future__ import annotations

from estim.drivers.midlevel import Dialect, MidLevelDriver
from estim.drivers.sciencemode34 import GET_EXTENDED_VERSION, SELECTION_P24
from estim.safety.profile import DeviceProfile, PeriodGrid, leads_of
from estim.safety.units import MicroAmp, Micros

PROFILE = DeviceProfile(
    model="p24",
    title="P24 Science",
    intended_use="For research. Not intended for medical purposes on humans (maker's instructions, v1.1 2023).",
    channels=8,
    leads=leads_of(plug=("yellow", "green")),
    amplitude_step_ua=MicroAmp(500),
    amplitude_max_ua=MicroAmp(130_000),
    pulse_width_step_us=Micros(1),
    pulse_width_min_us=Micros(10),
    pulse_width_max_us=Micros(4_095),  # one point; wider phases would need several
    interphase_fixed_us=None,
    period_grids=(
        PeriodGrid(step_us=Micros(250), min_us=Micros(500), max_us=Micros(8_191_750)),
        PeriodGrid(step_us=Micros(500), min_us=Micros(500), max_us=Micros(16_383_000)),
    ),
    rated_mhz=None,
    phase_ratios=(1, 2, 4),
    points_max=16,
    free_points=True,
    native_bursts=None,
    skip_max=0,
    pulse_overhead_us=Micros(60),
    watchdog_us=Micros(2_000_000),
    has_timer=True,
    unobeyed_stop_us=Micros(0),
    poll_us=Micros(1_000_000),
    lead_off_min_ua=MicroAmp(15_000),
    changes_rate_while_running=True,
    tells=("id", "version", "output", "channels", "electrode", "electrode-channel"),
    has_stop_switch=False,
    off_reading="confirmed",
    make_safe=("pull the USB cable (the P24 has no battery and no stop switch)",),
    source="P24 instructions for use v1.1 (2023); ScienceMode4 library; wire document 2",
)


DIALECT = Dialect(
    version_command=GET_EXTENDED_VERSION,
    major=4,
    init_data=b"\x01",  # stop all channels on any error (safety reference 1.3)
    selection=SELECTION_P24,
    quarter_ms=True,
)


class P24Driver(MidLevelDriver):
    """The P24 in mid level."""

    def __init__(self) -> None:
        super().__init__(PROFILE, DIALECT)
