"""The test of the pads before levels are found: single twitches show whether they lie over the motor point. Pure.

No level comes from it: levels belong to their rate (docs/decisions/protocols.md).
"""

from __future__ import annotations

from dataclasses import replace

from estim.protocols.compile import SHIPPED, begin_job, channel_pulses, whole_schedule
from estim.protocols.compile_setup import ChannelPlan
from estim.protocols.compile_window import Job, one_window, phase_before
from estim.protocols.device_grid import GridPulse
from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety.limits import Limits
from estim.safety.profile import DeviceProfile
from estim.safety.ramp import least_ramp_us
from estim.safety.schedule import PhasePlan, Schedule
from estim.safety.units import ZERO_US, Micros, MilliHertz, seconds

LOW_RATE_MHZ = MilliHertz(2_500)  # docs/decisions/protocols.md: 2 to 3 Hz; 400 ms lie on the grid of every device
LOW_RATE_US = seconds(300)  # convention: 5 min on one channel are ample to move a pad; then a person begins again


def compile_low_rate(
    protocol: Protocol, setup: Setup, profile: DeviceProfile, *, sha256: str = "", limits: Limits = SHIPPED
) -> Schedule:
    """The schedule of the low-rate test: single pulses at 2.5 Hz on one motor channel after the other, from 0 mA.

    The pulse is the widest of the protocol, so a twitch says that pads and connections are right; the level at which it
    comes says nothing about any other rate.

    Raises:
        SetupError, ProtocolRejected: as `compile_schedule`; also where no channel is to contract.
    """
    job = begin_job(protocol, setup, profile, limits, levels_needed=False)
    phases: list[PhasePlan] = []
    for plan in job.plans:
        if plan.scheduled.output != "motor":
            continue
        pulses = channel_pulses(job, protocol, plan.name, frequency_hz=LOW_RATE_MHZ / 1000)
        if pulses:
            phases.append(_low_rate_phase(plan, max(pulses, key=lambda pulse: pulse.pulse_width_us), job))
    if not phases and not job.findings.refused():
        job.findings.add(
            "refuse",
            "channel",
            "no channel of this protocol is to contract: there is no twitch to see",
            rule="low-rate",
        )
    return whole_schedule(job, protocol, phases, sha256=sha256, purpose="low-rate")


def _low_rate_phase(plan: ChannelPlan, pulse: GridPulse, job: Job) -> PhasePlan:
    ramp_us = Micros(least_ramp_us(job.limits, first=True))
    window = one_window(
        plan,
        replace(pulse, burst_pulses=1, burst_interval_us=ZERO_US),
        on_us=LOW_RATE_US,
        ramp_up_us=ramp_us,
        first_ramp_up_us=ramp_us,
        ramp_down_us=ZERO_US,
    )
    return phase_before(f"low-rate test: {plan.name}", window, mode="continuous", cycle_us=LOW_RATE_US, cycles=1)
