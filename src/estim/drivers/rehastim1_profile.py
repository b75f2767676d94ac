"""RehaStim 1 and MotionStim 8 (ScienceMode 1): their facts."""

from __future__ import annotations

from estim.safety.profile import DeviceProfile, NativeBursts, PeriodGrid, leads_of
from estim.safety.units import MicroAmp, Micros, MilliHertz

PROFILE = DeviceProfile(
    model="rehastim1",
    title="RehaStim 1 / MotionStim 8",
    intended_use=(
        "Medical device of its time (manual 1.3, 2009; ask for the date of the last two-yearly check); ScienceMode 1 is"
        " for research. Its check sum misses some wrong bits: short cable, no extension."
    ),
    channels=8,
    leads=leads_of(side=("A", "B")),
    amplitude_step_ua=MicroAmp(2_000),
    amplitude_max_ua=MicroAmp(124_000),  # 126 mA; a MotionStim 8 takes up to 125
    pulse_width_step_us=Micros(1),
    pulse_width_min_us=Micros(20),  # the document says 10 in one table and 20 in another
    pulse_width_max_us=Micros(500),
    interphase_fixed_us=Micros(100),
    # The host asks for each period: 25 bytes for eight channels take 2.4 ms, so 100 Hz is the end.
    period_grids=(PeriodGrid(step_us=Micros(500), min_us=Micros(10_000), max_us=Micros(1_023_500)),),
    rated_mhz=(MilliHertz(1_000), MilliHertz(100_000)),
    phase_ratios=(1,),
    points_max=3,
    free_points=False,
    # 1.5 ms of spacing for each channel of the list are least; 12 ms serve all eight.
    native_bursts=NativeBursts(
        pulses_max=3, interval_min_us=Micros(1_500), interval_max_us=Micros(17_000), interval_step_us=Micros(500)
    ),
    skip_max=0,
    pulse_overhead_us=Micros(400),  # a channel's slot of 1500 µs less the longest pulse, 500 + 100 + 500
    watchdog_us=Micros(45_000),  # no timer: nothing plays that was not asked for since, and what was lasts so long
    has_timer=False,
    unobeyed_stop_us=Micros(0),
    poll_us=Micros(250_000),
    lead_off_min_ua=None,  # it suppresses the pulse and tells nobody
    changes_rate_while_running=False,
    tells=(),
    off_reading="acknowledged",
    has_stop_switch=True,
    make_safe=(
        "press the red emergency button at its back (it goes dark)",
        "without a button: its main switch, or STOP on its panel",
        "then take the electrode cables off; the USB cable alone changes nothing, it runs on its battery",
    ),
    source="ScienceMode 1 description (21 September 2009), manual 1.3 (2009)",
)
