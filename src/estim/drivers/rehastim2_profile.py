"""RehaStim2 (ScienceMode2): its facts."""

from __future__ import annotations

from estim.safety.profile import DeviceProfile, NativeBursts, PeriodGrid, leads_of
from estim.safety.units import MicroAmp, Micros, MilliHertz

PROFILE = DeviceProfile(
    model="rehastim2",
    title="RehaStim2",
    intended_use="Medical device (instructions 2.5c, 2021); ScienceMode2 is its interface for research.",
    channels=8,
    leads=leads_of(side=("A", "B")),
    amplitude_step_ua=MicroAmp(2_000),
    amplitude_max_ua=MicroAmp(130_000),
    pulse_width_step_us=Micros(1),
    pulse_width_min_us=Micros(20),
    pulse_width_max_us=Micros(500),
    interphase_fixed_us=Micros(100),
    period_grids=(PeriodGrid(step_us=Micros(500), min_us=Micros(8_000), max_us=Micros(1_025_000)),),
    rated_mhz=(MilliHertz(10_000), MilliHertz(50_000)),
    phase_ratios=(1,),
    points_max=3,
    free_points=False,
    native_bursts=NativeBursts(
        pulses_max=3, interval_min_us=Micros(8_000), interval_max_us=Micros(129_000), interval_step_us=Micros(500)
    ),
    skip_max=7,
    pulse_overhead_us=Micros(400),  # a channel's slot of 1500 µs less the longest pulse, 500 + 100 + 500
    watchdog_us=Micros(1_200_000),
    has_timer=True,
    unobeyed_stop_us=Micros(1_000_000),
    poll_us=Micros(500_000),
    lead_off_min_ua=MicroAmp(2_000),  # a test pulse before each pulse
    changes_rate_while_running=False,
    tells=("version", "output", "electrode", "timeout"),
    has_stop_switch=True,
    off_reading="confirmed",
    make_safe=("pull the stimulation cables at the device, or press its emergency switch",),
    source="RehaStim2 instructions 2.5c (2021); ScienceMode2 description 1.24; wire document 3",
)
