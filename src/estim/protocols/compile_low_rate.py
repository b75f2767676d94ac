"""The test of the pads before levels are found: single twitches show whether they lie over the motor point. Pure.

No level comes from it: levels belong to their rate (decisions on protocols, note under 1).
"""

from __future__ import annotations

from estim.protocols.compile import TITRATION_RAMP_US, channel_pulse, whole_schedule
from estim.protocols.compile_setup import ChannelPlan, check_setup
from estim.protocols.compile_window import Job
from estim.protocols.course import judge_measures
from estim.protocols.device_grid import Findings, Pulse
from estim.protocols.schema import Protocol
from estim.protocols.setup import Setup
from estim.safety.errors import ProtocolRejected
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import PhasePlan, Schedule, Window
from estim.safety.units import ZERO_US, MilliHertz, seconds

LOW_RATE_MHZ = MilliHertz(2_500)  # decisions on protocols 4.1: 2 to 3 Hz; 400 ms lie on the grid of every device
LOW_RATE_US = seconds(300)  # convention: 5 min on one channel are ample to move a pad; then a person begins again


def compile_low_rate(protocol: Protocol, setup: Setup, profile: DeviceProfile, *, sha256: str = "") -> Schedule:
    """The schedule of the low-rate test: single pulses at 2.5 Hz on one motor channel after the other, from 0 mA.

    The pulse is the widest of the protocol, so a twitch says that pads and connections are right; the level at which it
    comes says nothing about any other rate.

    Raises:
        SetupError, ProtocolRejected: as `compile_schedule`; also where no channel is to contract.
    """
    plans = check_setup(protocol, setup, profile, levels_needed=False)
    findings = Findings([])
    judge_measures(protocol, setup, findings)
    job = Job(setup=setup, profile=profile, plans=plans, findings=findings)
    phases: list[PhasePlan] = []
    for plan in plans:
        pulses = [
            pulse
            for index, phase in enumerate(protocol.phase)
            if plan in job.members(phase)
            and plan.scheduled.output == "motor"
            and (pulse := channel_pulse(job, f"phase[{index}]", phase, plan.name, frequency_hz=LOW_RATE_MHZ / 1000))
        ]
        if pulses:
            phases.append(_low_rate_phase(plan, max(pulses, key=lambda pulse: pulse.pulse_width_us)))
    if not phases and not findings.refused():
        findings.add(
            "refuse",
            "channel",
            "no channel of this protocol is to contract: there is no twitch to see",
            rule="low-rate",
        )
    if findings.refused():
        raise ProtocolRejected(findings.refused())
    return whole_schedule(job, protocol, phases, sha256=sha256, purpose="low-rate")


def _low_rate_phase(plan: ChannelPlan, pulse: Pulse) -> PhasePlan:
    window = Window(
        channel=plan.scheduled.channel,
        frequency_mhz=pulse.frequency_mhz,
        period_us=pulse.period_us,
        pulse_width_us=pulse.pulse_width_us,
        interphase_us=pulse.interphase_us,
        phase_ratio=pulse.phase_ratio,
        burst_pulses=1,
        burst_interval_us=ZERO_US,
        intensity_permille=1000,
        offset_us=ZERO_US,
        on_us=LOW_RATE_US,
        ramp_up_us=TITRATION_RAMP_US,
        first_ramp_up_us=TITRATION_RAMP_US,
        ramp_down_us=ZERO_US,
    )
    return PhasePlan(
        name=f"low-rate test: {plan.name}",
        kind="warm-up",
        mode="continuous",
        relation="together",
        windows=(window,),
        cycle_us=LOW_RATE_US,
        cycles=1,
        sets=1,
        set_rest_us=ZERO_US,
        duration_us=LOW_RATE_US,
    )
