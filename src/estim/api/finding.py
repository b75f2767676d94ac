"""Finding levels by a script that is asked before each raise; and what only a person answers on a real device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from estim.api import words
from estim.api.errors import NeedsAPerson, Refused, Stopped, TooFast
from estim.safety.errors import quoted
from estim.session import events, screening
from estim.session.snapshot import ChannelView
from estim.session.state import Cycle, Phase

if TYPE_CHECKING:
    from estim.api.conversation import Conversation

HOLD_S = 30.0  # a contraction while levels are found comes at least so often
PERIOD_S = 0.05
RAISES_MAX = 400  # beyond any device: an `ask` that never ends ends here
Kind = Literal["sensory", "motor", "max-tolerated"]
MARKS: Mapping[str, Kind] = {"felt": "sensory", "contracts": "motor", "strongest": "max-tolerated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What `ask` is asked: may this channel be raised by one step?

    It answers True or "raise"; "felt" (this is the sensory level) or "contracts" (the motor level), which mark and are
    followed by the next question; "lower"; "strongest" or False: this is the level; "stop".

    Attributes:
        level_ma: what plays now. next_ma: what the raise would bring. limit: "" or why there is none.
        force_percent: of the virtual patient's muscle, None without one. felt, contracts: marked already.
    """

    channel: str
    level_ma: float
    next_ma: float
    limit: str
    force_percent: int | None
    felt: bool
    contracts: bool


def screen(session: Conversation, *, first_session: bool) -> dict[str, bool | str]:
    """The screening, answered by a person at the terminal."""
    answers: dict[str, bool | str] = {}
    for question in screening.asked_one_by_one(first_session=first_session):
        said = ""
        while said[:1] not in {"y", "n"}:
            said = session.person(f"{question.text} [yes/no] ").strip().lower()
        answers[question.id] = said[0] == "y"
    return answers


def scripted(session: Conversation, levels_ua: Mapping[str, int], motor_ua: Mapping[str, int]) -> None:
    """The titration that `levels=` stands for, on a simulated device: from 0 mA, one step at a time."""

    def ask(offer: Offer) -> str:
        wanted_ma = levels_ua[offer.channel] / 1000
        mark_ma = motor_ua.get(offer.channel, 0) / 1000
        if mark_ma and not offer.contracts:
            return "raise" if offer.level_ma < mark_ma and not offer.limit else "contracts"
        if offer.level_ma > wanted_ma:
            return "lower"
        return "raise" if offer.next_ma <= wanted_ma and not offer.limit else "strongest"

    for planned in session.wanted.setup.channels:
        if planned.included:
            find(session, planned.channel, planned.name, ask)


def find(session: Conversation, number: int, name: str, ask: Callable[[Offer], object]) -> float:
    """One channel's level; channels come in the protocol's order."""
    if session.snapshot.purpose != "titration" or session.snapshot.phase is not Phase.RUNNING:
        session.configure("titration")
        session.arm_and_start()
    session.until(lambda s: s.titration_channel is not None, HOLD_S, "levels can not be found now")
    if (turn := session.snapshot.titration_channel) != number:
        first = next(view.name for view in session.snapshot.channels if view.channel == turn)
        raise Refused(f"{first} comes before {name}: levels are found in the protocol's order")
    marked: set[str] = set()
    for _ in range(RAISES_MAX):
        view = _held(session, number)
        answer = _answer(session, view, ask, marked)
        if answer in {"strongest", "stop"}:
            return _ends(session, view, answer, marked)
        if answer in MARKS:
            marked.add(answer)
            _try(session, events.Mark(id=session.next_id(), channel=number, kind=MARKS[answer]))
        elif answer == "lower":
            _lower(session, view)
        elif "limit" not in view.raise_locked:
            _raise(session, view)
    raise Refused(f"{name}: {RAISES_MAX} questions and no level")


def _ends(session: Conversation, view: ChannelView, answer: str, marked: set[str]) -> float:
    if answer == "stop":
        session.stop()
        raise Stopped(f"{view.name}: stopped while its level was looked for", "stop-script")
    if not view.level_ua:
        raise Refused(f"{view.name}: nothing flows yet, 0 mA is no level")
    kind: Kind = "sensory" if view.output == "sensory" else "max-tolerated"
    session.ask(events.Mark(id=session.next_id(), channel=view.channel, kind=kind))
    session.found_ua[view.name] = view.level_ua
    session.ask(events.NextChannel(id=session.next_id()))
    session.until(
        lambda s: s.titration_channel != view.channel or s.phase is Phase.CONFIGURED, HOLD_S, "no next channel"
    )
    if len(session.found_ua) == sum(1 for planned in session.wanted.setup.channels if planned.included):
        session.until(lambda s: s.phase is Phase.CONFIGURED, HOLD_S, "finding levels does not end")
    del marked
    return view.level_ua / 1000


def _held(session: Conversation, number: int) -> ChannelView:
    """The channel, in a contraction that is held, with no warning waiting."""

    def ready() -> bool:
        snapshot = session.snapshot
        if snapshot.phase is not Phase.RUNNING:
            raise Stopped(f"stopped while levels were looked for ({snapshot.cause})", snapshot.cause)
        for alarm in snapshot.alarms:
            if alarm.code.startswith("warn-") and not alarm.acknowledged:
                session.ask(events.Acknowledge(id=session.next_id(), code=alarm.code))
        view = session.view(number)
        return view.cycle is Cycle.HOLD and (not view.raise_locked or "limit" in view.raise_locked)

    until_s = session.now_s() + HOLD_S
    while not ready():
        if session.now_s() > until_s:
            raise TooFast(session.view(number).name, session.view(number).raise_locked or "no contraction is held")
        session.turn(PERIOD_S)
    return session.view(number)


def _answer(session: Conversation, view: ChannelView, ask: Callable[[Offer], object], marked: set[str]) -> str:
    practice = session.snapshot.practice
    limit = view.raise_locked if "limit" in view.raise_locked else ""
    offer = Offer(
        channel=view.name,
        level_ma=view.level_ua / 1000,
        next_ma=(view.level_ua + session.step_ua()) / 1000,
        limit=limit,
        force_percent=practice.force_percent if practice is not None and practice.channel == view.channel else None,
        felt="felt" in marked,
        contracts="contracts" in marked,
    )
    said = words.plain(ask(offer))
    session.alive()
    answer = {True: "raise", False: "strongest"}[said] if isinstance(said, bool) else str(said)
    if answer not in {"raise", "lower", "strongest", "stop", *MARKS}:
        raise Refused(f"{view.name}: ask answered {quoted(said)}; raise, felt, contracts, strongest, lower or stop")
    if answer == "raise" and not session.simulated:
        question = f"{view.name}: {offer.level_ma:g} mA. Raise to {offer.next_ma:g} mA? (yes / no = strongest / stop) "
        person = session.person(question).strip().lower()
        answer = "raise" if person in {"y", "yes"} else "strongest" if person in {"n", "no"} else "stop"
    if answer == "raise" and limit:
        raise Refused(f"{view.name}: {limit}")
    return answer


def _raise(session: Conversation, view: ChannelView) -> None:
    """One step; the level follows when it is durable. One that came too late for this contraction is asked again."""
    if not _try(session, events.Raise(id=session.next_id(), channel=view.channel, snapshot_n=session.snapshot.n)):
        return
    until_s = session.now_s() + 1.5  # a raise that is not durable within 1 s is dropped
    while _level(session.snapshot.channels, view.channel) <= view.level_ua and session.now_s() < until_s:
        session.turn(PERIOD_S / 5)


def _lower(session: Conversation, view: ChannelView) -> None:
    """One step down, seen."""
    _try(session, events.Lower(id=session.next_id(), channel=view.channel))
    session.until(lambda s: _level(s.channels, view.channel) < view.level_ua, HOLD_S, "the level did not fall")


def _try(session: Conversation, request: events.Request) -> bool:
    """Whether it was done; what the moment forbids (the contraction has just ended) is asked again later."""
    try:
        session.ask(request)
    except NeedsAPerson:
        raise
    except Refused:
        session.turn(PERIOD_S)
        return False
    return True


def _level(channels: tuple[ChannelView, ...], number: int) -> int:
    return next((view.level_ua for view in channels if view.channel == number), 0)
