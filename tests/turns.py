"""What is long by nature takes turns: each day's `make test` plays another part of it, `make campaign` all of it.

The turn is a number, the day unless ESTIM_TURN says another; `all` is everything. tests/conftest.py sets it before
workers start, so that all of them collect the same tests, and prints it at the end.

Tests that are asked for by file or folder (`make coverage`, `make test TESTS=tests/console`) are played all, whatever
BY_DAYS says.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# The tests of these files play sessions or walk a console, for up to seconds of processor time. Where the whole suite
# is played, one of so many a day; a test that carries a hazard's mark is played every day, and what judges the kernel
# alone (tests/safety, tests/session, tests/contract) does not stand here.
BY_DAYS = {
    "tests/api/test_awaiting.py": 2,
    "tests/api/test_callers.py": 2,
    "tests/api/test_examples.py": 3,
    "tests/api/test_session.py": 2,
    "tests/body/test_body.py": 2,
    "tests/care/test_three_people.py": 3,
    "tests/care/test_twelve_weeks.py": 3,
    "tests/cli/test_every_command.py": 2,
    "tests/console/test_assessment.py": 2,
    "tests/console/test_behaviours.py": 3,
    "tests/console/test_by_screen.py": 2,
    "tests/console/test_care_pane.py": 3,
    "tests/console/test_doctor.py": 2,
    "tests/console/test_every_stage.py": 2,
    "tests/console/test_exercises.py": 3,
    "tests/console/test_german.py": 2,
    "tests/console/test_live.py": 3,
    "tests/console/test_moments.py": 3,
    "tests/console/test_objectives.py": 2,
    "tests/console/test_picture.py": 2,
    "tests/console/test_rendered_contrast.py": 2,
    "tests/console/test_screening.py": 2,
    "tests/console/test_seen_in_pictures.py": 3,
    "tests/console/test_stop_gate.py": 2,
    "tests/console/test_true_words.py": 3,
    "tests/docs/test_walk.py": 2,
    "tests/handbook/test_topics.py": 2,
    "tests/protocols/test_library.py": 2,
    "tests/protocols/test_more_bad_files.py": 2,
    "tests/protocols/test_relations.py": 2,
    "tests/protocols/test_schema_walk.py": 2,
    "tests/qualify/test_bench.py": 3,
    "tests/qualify/test_run.py": 2,
    "tests/record_lines/test_record_lines.py": 2,
    "tests/records/test_attacks.py": 2,
    "tests/records/test_insider.py": 2,
    "tests/records/test_site_limits.py": 2,
    "tests/records/test_verifiers.py": 3,
    "tests/rehearsal/test_bounds.py": 2,
    "tests/rehearsal/test_cadence.py": 2,
    "tests/rehearsal/test_device_modes.py": 2,
    "tests/rehearsal/test_end_to_end.py": 2,
    "tests/rehearsal/test_late_answers.py": 2,
    "tests/rehearsal/test_levels_on_steps.py": 3,
    "tests/rehearsal/test_pattern_limits.py": 3,
    "tests/rehearsal/test_patterns.py": 2,
    "tests/rehearsal/test_planted.py": 2,
    "tests/rehearsal/test_replaying.py": 2,
    "tests/rehearsal/test_triggered.py": 3,
    "tests/rehearsal/test_worlds.py": 2,
    "tests/rehearsal/test_written.py": 2,
    "tests/setup/test_locks.py": 2,
    "tests/study/test_study.py": 3,
    "tests/system/test_clinic.py": 2,
    "tests/system/test_clinic_days.py": 2,
    "tests/system/test_hardships.py": 2,
    "tests/system/test_observer.py": 2,
    "tests/system/test_sessions.py": 2,
    "tests/system/test_typed.py": 2,
    "tests/system/test_web.py": 2,
}


def turn() -> int | None:
    """This run's number; None for everything."""
    said = os.environ.get("ESTIM_TURN", "0")
    return None if said == "all" else int(said)


def of_this_turn(every: Sequence[T], parts: int) -> Sequence[T]:
    """One of so many parts, each element in exactly one of them."""
    now = turn()
    return every if now is None else every[now % parts :: parts]


def its_turn(place: int, parts: int) -> bool:
    """Whether it is the turn of the one at this place, where so many take turns."""
    now = turn()
    return now is None or now % parts == place


def its_day(place: int, parts: int) -> bool:
    """As its_turn, for tests of which some are already chosen by their turn: places move on by one every twelve days,
    so that none waits for a day on which it is not there.
    """
    now = turn()
    return now is None or (place + now + now // 12) % parts == 0


def today(tests: Iterable[tuple[str, bool]]) -> list[bool]:
    """Of each test, known by its file and whether it carries a hazard's mark: whether it is played today."""
    places = Counter({file: place for place, file in enumerate(BY_DAYS)})  # so that not all begin with the same day
    found = []
    for file, marked in tests:
        takes_turns = file in BY_DAYS and not marked
        found.append(not takes_turns or its_day(places[file], BY_DAYS[file]))
        places[file] += takes_turns
    return found


def seeds(fixed: int, changing: int, whole: int) -> Sequence[int]:
    """The first `fixed` ones in every run, and behind them others in each; `whole` where everything is played."""
    now = turn()
    if now is None:
        return range(whole)
    begin = whole + now % 10_000 * changing
    return (*range(fixed), *range(begin, begin + changing))


if __name__ == "__main__":
    print(*BY_DAYS)  # noqa: T201  # for `make turns`
