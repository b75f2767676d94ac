"""Today's setup held against the protocol: which device channel is which muscle, on which pads, at which level.
Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from estim.protocols import muscles
from estim.protocols.findings import Findings
from estim.protocols.schema import ANY_REGION, PLAYED_REGIONS, Channel, Protocol
from estim.protocols.setup import ChannelSetup, Setup
from estim.safety.electrodes import Electrode, electrode_from_cm
from estim.safety.errors import SetupError, quoted
from estim.safety.profile import DeviceProfile
from estim.safety.schedule import ScheduleChannel
from estim.safety.units import MicroAmp, floor_to_step, milliamps


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """A protocol channel with today's decisions applied."""

    name: str
    scheduled: ScheduleChannel
    pads: tuple[Electrode, Electrode]


def check_setup(
    protocol: Protocol, setup: Setup, profile: DeviceProfile, *, findings: Findings, levels_needed: bool
) -> tuple[ChannelPlan, ...]:
    """Every channel that is played today, in the protocol's order.

    Raises:
        SetupError: all that is missing or contradicts, at once.
    """
    known = {channel.name for channel in protocol.channel}
    for given in setup.channels:
        if given.name not in known:
            findings.add(
                "refuse",
                f"setup.{given.name}",
                f"the protocol has no channel {quoted(given.name)}; it has {', '.join(sorted(known))}",
                asked=given.name,
                allowed=", ".join(sorted(known)),
                rule="channel",
            )
    plans: list[ChannelPlan] = []
    for channel in protocol.channel:
        if not any(phase.channels is None or channel.name in phase.channels for phase in protocol.phase):
            continue  # not in this week
        decided = setup.channel(channel.name)
        if decided is not None and not decided.included and channel.optional:
            continue
        if decided is None or not decided.included:
            if decided is not None or not channel.optional:
                findings.add(
                    "refuse",
                    f"setup.{channel.name}",
                    f"channel {channel.name!r} is not set up, and the protocol does not make it optional",
                    rule="channel",
                )
            continue
        plan = _plan(
            protocol, channel, decided, setup=setup, profile=profile, findings=findings, levels_needed=levels_needed
        )
        if plan is not None:
            plans.append(plan)
    _check_sockets(plans, findings)
    if findings.refused():
        raise SetupError(findings.refused())
    return tuple(plans)


def _plan(
    protocol: Protocol,
    channel: Channel,
    decided: ChannelSetup,
    *,
    setup: Setup,
    profile: DeviceProfile,
    findings: Findings,
    levels_needed: bool,
) -> ChannelPlan | None:
    key = f"setup.{channel.name}"
    if not 1 <= decided.channel <= profile.channels:
        findings.add(
            "refuse",
            f"{key}.channel",
            f"channel {decided.channel} does not exist: the {profile.title} has 1 to {profile.channels}",
            asked=decided.channel,
            allowed=profile.channels,
            layer="device",
            rule="channel",
            source=profile.source,
        )
    if decided.side not in {"left", "right"}:
        findings.add("refuse", f"{key}.side", f"side {decided.side!r}: left or right", asked=decided.side, rule="side")
    region = _region(key, channel, decided, findings)
    if levels_needed and decided.level_ua is None:
        findings.add(
            "refuse",
            f"{key}.level",
            f"no level was found for {channel.name} today ({channel.amplitude_rule}); find it first",
            rule="level",
        )
    if decided.level_ua is not None:
        _check_level_settings(protocol, channel, decided, key, findings)
    pads = _pads(protocol, channel, decided, key, findings, simulated=setup.simulated)
    if pads is None:
        return None
    low, high = channel.plausible_ma
    scheduled = ScheduleChannel(
        channel=decided.channel,
        name=channel.name,
        muscle=channel.muscle,
        region=region,
        side=decided.side,
        placement=channel.placement,
        electrodes=(pads[0].id, pads[1].id),
        output=channel.output or "motor",
        amplitude_rule=_rule(channel, decided.side, setup, findings),
        level_ua=MicroAmp(floor_to_step(decided.level_ua or 0, profile.amplitude_step_ua)),
        motor_mark_ua=decided.motor_ua,
        plausible_ua=(milliamps(low), milliamps(high)),
        cap_ua=decided.cap_ua,
        counts_as=muscles.accounts(channel.muscle),
    )
    return ChannelPlan(name=channel.name, scheduled=scheduled, pads=pads)


def _rule(channel: Channel, side: str, setup: Setup, findings: Findings) -> str:
    """percent-mvic without an MVIC of this side measured today is played as motor-visible, and said; or refused if the
    file asks.

    Never the highest that is tolerated: for a protocol at 15 % that is the opposite dose.
    """
    sides = {each.side for each in setup.measured if each.name == "mvic"}
    known = setup.mvic == "measured" and (not sides or side in sides)
    if channel.amplitude_rule != "percent-mvic" or known:
        return str(channel.amplitude_rule)
    of_side = f" on the {side} side" if sides else ""
    refused = channel.without_mvic == "refuse"
    played = "" if refused else "; a visible contraction is looked for in its place (motor-visible)"
    findings.add(
        "refuse" if refused else "warn",
        f"channel[{channel.name}].amplitude_rule",
        f"{channel.name}: {channel.amplitude_target or 0:g} % of the maximum voluntary contraction is asked, and none "
        f"was measured today{of_side} (--measure mvic=N·m{f':{side}' if sides else ''}){played}",
        asked="percent-mvic",
        allowed="" if refused else "motor-visible",
        layer="protocol",
        rule="mvic",
        source="a share of what nobody measured is no dose",
    )
    return "motor-visible"


def _region(key: str, channel: Channel, decided: ChannelSetup, findings: Findings) -> str:
    region = decided.region or str(channel.region)
    if region == ANY_REGION:
        findings.add(
            "refuse",
            f"{key}.region",
            f"{channel.name}: the protocol leaves the region open, name where the pads are",
            asked=ANY_REGION,
            rule="region",
        )
    elif region not in PLAYED_REGIONS:
        refusal = muscles.why_not(region)
        words = (
            refusal.sentence() if refusal else f"{quoted(region)} is no region; there are {', '.join(PLAYED_REGIONS)}"
        )
        findings.add(
            "refuse",
            f"{key}.region",
            f"{channel.name}: {words}",
            asked=region,
            rule="not-treated" if refusal else "region",
        )
    elif (home := muscles.muscles()[channel.muscle].region) not in {ANY_REGION, region}:
        findings.add(
            "refuse",
            f"{key}.region",
            f"{channel.name}: {channel.muscle} lies in the region {home}, not in the {region}",
            asked=region,
            allowed=home,
            rule="region",
        )
    elif str(channel.region) not in {ANY_REGION, region}:
        findings.add(
            "refuse",
            f"{key}.region",
            f"{channel.name}: the protocol is for the {channel.region}, not the {region}",
            asked=region,
            allowed=str(channel.region),
            rule="region",
        )
    return region


def _check_level_settings(
    protocol: Protocol, channel: Channel, decided: ChannelSetup, key: str, findings: Findings
) -> None:
    """A level holds for the rate and width it was found at and below, never above."""
    if decided.level_frequency_mhz is None or decided.level_pulse_width_us is None:
        return  # given by hand: judged as if found at the protocol's own settings
    for index, phase in enumerate(protocol.phase):
        if phase.channels and channel.name not in phase.channels:
            continue
        override = next((other for other in phase.channel or () if other.name == channel.name), None)
        frequency_hz = (override.frequency_hz if override else None) or phase.frequency_hz
        if phase.train is not None:
            frequency_hz = max(frequency_hz, phase.train.then_hz or 0.0)
        width_us = (override.pulse_width_us if override else None) or phase.pulse_width_us
        frequency_mhz = round(frequency_hz * 1000) // (1 + ((override.skip if override else None) or 0))
        if frequency_mhz > decided.level_frequency_mhz or int(width_us) > decided.level_pulse_width_us:
            findings.add(
                "refuse",
                f"{key}.level",
                f"the level was found at {decided.level_frequency_mhz / 1000:g} Hz and {decided.level_pulse_width_us} "
                "µs, "
                f"but phase[{index}] plays {frequency_mhz / 1000:g} Hz and {width_us:g} µs: find it again at the "
                "higher setting",
                rule="level-settings",
            )


def _pads(
    protocol: Protocol,
    channel: Channel,
    decided: ChannelSetup,
    key: str,
    findings: Findings,
    *,
    simulated: bool,
) -> tuple[Electrode, Electrode] | None:
    if decided.pads_cm is None and not simulated:
        findings.add(
            "refuse",
            f"{key}.pad",
            f"the pads on {channel.name} are not named; their area decides how much is allowed. "
            f"Give the size in cm of the pads really used, e.g. --pad {channel.name}=7.6x12.7",
            layer="absolute",
            rule="L14",
            source="area is mandatory: without it current density can't be judged",
        )
        return None
    if channel.electrodes:
        named = {pad.id: pad for pad in protocol.electrode or ()}
        ids = [str(pad_id) for pad_id in channel.electrodes]
        sizes = [tuple(named[pad_id].size_cm) for pad_id in ids]
    else:
        ids = [f"{channel.name}-a", f"{channel.name}-b"]
        sizes = [tuple(channel.electrode_cm or ())] * 2
    if decided.pads_cm is not None:
        sizes = [tuple(size) for size in decided.pads_cm]
    try:
        first, second = (electrode_from_cm(pad_id, size) for pad_id, size in zip(ids, sizes, strict=True))
    except ValueError as error:
        findings.add("refuse", f"{key}.pad", str(error), layer="absolute", rule="L14")
        return None
    return first, second


def _check_sockets(plans: list[ChannelPlan], findings: Findings) -> None:
    by_channel: dict[int, str] = {}
    pads: dict[str, Electrode] = {}
    for plan in plans:
        number = plan.scheduled.channel
        if number in by_channel:
            findings.add(
                "refuse",
                f"setup.{plan.name}.channel",
                f"{by_channel[number]} and {plan.name} are both on device channel {number}",
                asked=number,
                rule="channel",
            )
        by_channel[number] = plan.name
        for pad in plan.pads:
            if pads.setdefault(pad.id, pad) != pad:
                findings.add(
                    "refuse",
                    f"setup.{plan.name}.pad",
                    f"pad {pad.id!r} is shared by two channels and was given two sizes",
                    rule="L14",
                )
