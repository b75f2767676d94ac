"""The snapshot of a session, made from what it knows. Pure."""

from __future__ import annotations

from estim.safety.dose import density_ua_per_cm2, mean_square_ua2
from estim.safety.schedule import ScheduleChannel
from estim.safety.verdict import ClearedSchedule
from estim.session import after_stop, arming, levels
from estim.session.core import Core
from estim.session.ending import outcome
from estim.session.player import WindowPlayer
from estim.session.snapshot import ChannelView, Snapshot
from estim.session.state import Cycle, Phase


def snapshot(
    core: Core, *, record_path: str = "", record_durable: bool = True, word_head: str = "", head: str = ""
) -> Snapshot:
    """The session now. The four arguments are the record's, which the engine does not know."""
    run, cleared, whole = core.run, core.sitting.cleared, core.ledger.whole(core.sitting.purpose)
    schedule = cleared.schedule if cleared is not None else None
    emg = run.gatekeeper.emg if run is not None and run.gatekeeper is not None else None
    return Snapshot(
        n=core.shown.next(core.now_us),
        now_us=core.now_us,
        answered=core.shown.answered,
        phase=core.phase,
        purpose=core.sitting.purpose,
        output=core.link.output,
        output_since_us=core.link.output_since_us,
        cause=core.standing.cause,
        simulated=core.simulated,
        model=core.profile.model,
        device_id=core.link.device.device_id if core.link.device else "",
        device_title=core.profile.title,
        intended_use=core.profile.intended_use,
        battery_percent=core.link.battery_percent,
        protocol_id=schedule.protocol_id if schedule else "",
        protocol_title=schedule.protocol_title if schedule else "",
        patient_id=core.sitting.patient_id,
        operator=core.sitting.operator,
        plan_phase=run.phase.name if run else "",
        plan_phase_index=run.place.phase if run is not None else 0,
        plan_phases=len(schedule.phases) if schedule else 0,
        plan_set=run.place.set + 1 if run else 0,
        plan_sets=run.phase.sets if run else 0,
        contraction=run.contraction_number if run else 0,
        contractions=run.contractions_total if run else 0,
        given=core.sitting.contractions,
        reached=whole.reached,
        reached_percent_worst=whole.worst_permille // 10,
        reached_percent_mean=whole.mean_percent,
        effort=run.phase.effort if run else "",
        cue_signal=run.phase.cue_signal if run else "none",
        waits_for=_waits_for(core),
        emg_uv=emg.level_uv if emg else None,
        emg_threshold_uv=(emg.trigger.threshold_uv or 0) if emg else 0,
        emg_peak_uv=emg.peak_uv if emg else 0,
        emg_side=emg.trigger.emg_side if emg else "",
        countdown_us=_countdown(core),
        elapsed_us=core.sitting.clock.elapsed_us(core.now_us),
        total_us=sum(phase.duration_us for phase in schedule.phases) if schedule else 0,
        cue=run.phase.cue if run else "",
        channels=tuple(_channel(core, cleared, channel) for channel in cleared.schedule.channels) if cleared else (),
        alarms=tuple(core.sitting.alarms.values()),
        wants=arming.wanted(core),
        warnings=tuple(problem.message for problem in (cleared.warnings if cleared else ())),
        bends=tuple(bend.message for bend in (schedule.bends if schedule else ()) if bend.severity == "warn"),
        record_path=record_path,
        record_durable=record_durable,
        word_head=word_head,
        head=head,
        signature=core.sitting.signature,
        lease_us=(0, *core.lease.ages_us(core.now_us)),
        watchdog_us=core.profile.watchdog_us if core.profile.has_timer else 0,
        make_safe=core.profile.safe_words,
        off_word=core.profile.off_word,
        titration_channel=_titration_channel(core),
        practice=core.sitting.practice if core.simulated else None,
        outcome=outcome(core) if core.sitting.outcome or (core.lease.left and core.link.uncertain) else "",
        level_open=core.link.open,
        acknowledged=core.link.all_answered,
        weight_bearing=schedule.weight_bearing if schedule else False,
        identified=core.link.device is not None,
    )


def _countdown(core: Core) -> int | None:
    run = core.run
    if core.phase is not Phase.RUNNING or run is None or run.done or run.begun:
        return None
    return max(0, run.cycle_start_us - core.now_us)


def _waits_for(core: Core) -> str:
    run = core.run
    if core.phase is not Phase.RUNNING or run is None or run.gatekeeper is None or not run.begun or run.over:
        return ""
    return run.gatekeeper.waits_for(core.now_us) if all(player.ended for player in run.players) else ""


def _titration_channel(core: Core) -> int | None:
    if core.sitting.purpose == "therapy" or core.run is None or core.phase is not Phase.RUNNING:
        return None
    return core.run.phase.windows[0].channel


def _turn_us(core: Core, player: WindowPlayer | None) -> int | None:
    """None where an event ends the contraction: what the plan knows is its longest time alone."""
    run = core.run
    if run is None or player is None:
        return 0
    trigger = run.phase.trigger
    closes = trigger is not None and (trigger.source in {"sensor", "crank"} or trigger.hold)
    return None if closes and player.cycle(core.now_us) is not Cycle.RAMP_DOWN else player.turn_us(core.now_us)


def _channel(core: Core, cleared: ClearedSchedule, scheduled: ScheduleChannel) -> ChannelView:
    run, channel, schedule = core.run, scheduled.channel, cleared.schedule
    player = next((p for p in run.players if p.window.channel == channel and not p.ended), None) if run else None
    windows = (window for phase in schedule.phases for window in phase.windows if window.channel == channel)
    window = player.window if player else next(windows)
    if run is not None:
        level_ua = run.levels_ua.get(channel, 0)
        cap, rule = levels.cap_ua(core, channel)
    else:
        level_ua = after_stop.known_ua(core, scheduled)
        cap, rule = cleared.caps_ua.get(channel, 0), cleared.cap_reasons.get(channel, "")
    found = core.sitting.found.get(scheduled.name)
    played = player.so_far(core.now_us) if player else ()
    account = core.ledger.so_far(core.sitting.purpose, window, played, core.link.answer.number)
    reached = core.ledger.reached(core.sitting.purpose, channel)
    sent_ua = player.amplitude_ua if player else 0
    area_mm2 = min(schedule.electrode(pad).area_mm2 for pad in scheduled.electrodes)
    lead_off_ua = core.profile.lead_off_min_ua
    return ChannelView(
        name=scheduled.name,
        channel=channel,
        muscle=scheduled.muscle,
        side=scheduled.side,
        output=scheduled.output,
        cycle=player.cycle(core.now_us) if player else Cycle.REST,
        level_ua=level_ua,
        target_ua=run.target_ua(window) if run else 0,
        sent_ua=sent_ua,
        cap_ua=cap,
        cap_rule=rule,
        plausible_ua=(scheduled.plausible_ua[0], scheduled.plausible_ua[1]),
        sensory_ua=found.sensory_ua if found else None,
        motor_ua=found.motor_ua if found else None,
        max_tolerated_ua=found.max_tolerated_ua if found else None,
        found=found is not None,
        twitch_ua=core.sitting.found.twitch_ua(scheduled.name),
        raise_step_ua=levels.step_ua(core, channel) if run else 0,
        raise_locked=levels.raise_locked(core, channel),
        frequency_mhz=window.frequency_mhz,
        pulse_width_us=window.pulse_width_us,
        contractions=reached.contractions,
        reached=reached.reached,
        reached_percent_worst=reached.worst_permille // 10,
        reached_percent_mean=reached.mean_percent,
        peak_ua=account.peak_ua,
        pulses=account.pulses,
        charge_uc=account.charge_pc // 1_000_000,
        density_ua_per_cm2=density_ua_per_cm2(mean_square_ua2(window, level_ua), area_mm2),
        on_us=account.on_us,
        remaining_us=player.remaining_us(core.now_us) if player else 0,
        turn_us=_turn_us(core, player),
        evoked_percent_mvic=core.ledger.evoked.shown(channel),
        lead_off_known=lead_off_ua is not None and sent_ua >= lead_off_ua,
    )
