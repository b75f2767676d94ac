"""The site's own limits: proposed, signed by two leads, in force until a day, and no forged or half-signed file."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.records.door import open_door
from estim.records.home import Home
from estim.records.keys import Signer, seeded_signer
from estim.records.site import (
    add_lead,
    leads,
    limits_in_force,
    proposal,
    proposals,
    sign,
    site_problem,
    site_warning,
    standing,
)
from estim.safety.errors import RecordError, SiteFileError, UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.safety.limits_table import BY_KEY

TODAY = datetime.date.today()
ANNA, BEN, EVE = (seeded_signer(number) for number in (11, 12, 13))


def day(days: int) -> str:
    return (TODAY + datetime.timedelta(days=days)).isoformat()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    add_lead(made, "Anna Berg", ANNA)
    add_lead(made, "Ben Stern", BEN)
    return made


def text(until: str = "", **values: int) -> bytes:
    return proposal(
        values or {"duty_permille": 670},
        reason="intensive care 12/6",
        source="published",
        asked_by="lena",
        responsible="Dr A",
        today=TODAY.isoformat(),
        until=until or day(90),
    ).encode()


def test_every_ready_proposal_stays_within_the_absolute_column_and_opens_something() -> None:
    for name, row in proposals().items():
        made = text(**row["limits"])
        assert b"signature" not in made, name
        for key, value in row["limits"].items():
            guardrail = BY_KEY[key]
            assert guardrail.breaks(value, guardrail.default)
            assert not guardrail.breaks(value, guardrail.absolute)


def test_two_leads_open_it_and_one_does_not(home: Home) -> None:
    once = sign(text(), ANNA)
    home.site_file.write_bytes(once)
    assert "1 of 2 leads" in site_problem(home)
    assert limits_in_force(home)["duty_permille"].value == DEFAULT["duty_permille"].value
    with pytest.raises(SiteFileError, match="another's"):
        sign(once, ANNA)
    home.site_file.write_bytes(sign(once, BEN))
    assert site_problem(home) == ""
    bound = limits_in_force(home)["duty_permille"]
    assert (bound.value, bound.layer) == (670, "site")
    assert "Dr A" in bound.source
    assert standing(home.site_file.read_bytes(), leads(home), TODAY).signers == ("Anna Berg", "Ben Stern")


@pytest.mark.parametrize("who", ["second", "first", "changed"])
def test_a_forged_file_is_refused(home: Home, who: str) -> None:
    data = text()
    if who == "second":
        data = sign(sign(data, ANNA), EVE)
    elif who == "first":
        data = sign(sign(data, EVE), BEN)
    else:
        data = sign(sign(data, ANNA), BEN).replace(b"= 670", b"= 700")
    home.site_file.write_bytes(data)
    assert site_problem(home)
    assert limits_in_force(home)["duty_permille"].value == DEFAULT["duty_permille"].value


def test_it_warns_before_the_day_and_falls_back_after_it(home: Home) -> None:
    data = sign(sign(text(until=day(20)), ANNA), BEN)
    home.site_file.write_bytes(data)
    assert "in 20 days" in site_warning(home)
    later = standing(data, leads(home), TODAY + datetime.timedelta(days=21))
    assert later.limits is None
    assert "ran out" in later.warning
    last = standing(data, leads(home), TODAY + datetime.timedelta(days=20))
    assert last.limits is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reason": ""}, "reason"),
        ({"asked_by": " "}, "asked-by"),
        ({"until": day(0)}, "after today"),
        ({"until": day(400)}, "366 days"),
    ],
)
def test_a_proposal_says_who_why_and_until_when(wrong: dict[str, str], said: str) -> None:
    whole = {
        "reason": "r",
        "source": "s",
        "asked_by": "l",
        "responsible": "d",
        "today": TODAY.isoformat(),
        "until": day(9),
    }
    with pytest.raises(UsageError, match=said):
        proposal({"duty_permille": 670}, **(whole | wrong))


def test_no_proposal_reaches_past_the_absolute_column() -> None:
    with pytest.raises(SiteFileError, match="absolute"):
        text(amplitude_ua=140_000)
    with pytest.raises(SiteFileError, match="no limit"):
        text(amplitude_ma=120)


FIRST_FORM = b'responsible = "Dr A"\ndate = "2026-01-01"\nreason = "r"\n\n[limits]\nduty_permille = 670\n'


@pytest.mark.parametrize("hands", [(ANNA,), (ANNA, BEN)])
def test_a_file_of_the_first_form_begins_no_real_session_and_says_how_to_renew_it(
    home: Home, hands: tuple[Signer, ...]
) -> None:
    data = FIRST_FORM
    for hand in hands:
        data = sign(data, hand)
    home.site_file.write_bytes(data)
    said = site_problem(home)
    assert "no real session may begin" in said
    assert "first form" in said
    assert "`estim limits propose`" in said
    assert "`estim limits sign`" in said
    assert "\n" not in said.partition("begin:")[2].strip()
    assert limits_in_force(home)["duty_permille"].value == DEFAULT["duty_permille"].value
    with pytest.raises(RecordError, match="first form"):
        open_door(home, "P01", simulated=False)
    assert open_door(home, "P01", simulated=True).notes[-1] == said


def test_limits_doctor_and_rehearse_say_a_file_of_the_first_form(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.site_file.write_bytes(sign(FIRST_FORM, ANNA))
    where = ("--home", str(home.root))
    assert main(["limits", *where]) == 0
    assert "first form" in capsys.readouterr().out
    main(["doctor", *where])
    assert "first form" in capsys.readouterr().out
    assert main(["rehearse", "quadriceps-two-rates", "--level", "quadriceps=20", *where]) == 0
    assert "first form" in "".join(capsys.readouterr())
    assert main(["limits", "install", str(home.site_file), *where]) == 1


def test_two_keys_of_one_lead_are_one_signature(home: Home) -> None:
    add_lead(home, "anna  berg", EVE)
    home.site_file.write_bytes(sign(sign(text(), ANNA), EVE))
    assert "1 of 2 leads" in site_problem(home)


def test_a_home_without_operators_takes_one_lead_and_says_that_anyone_could(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--home", str(tmp_path / "home"))

    def key(name: str, *lines: str) -> int:
        typed(monkeypatch, *lines)
        return main(["limits", "key", name, "-o", str(tmp_path / f"{name}.pem"), *where])

    assert key("anna", "phrase of anna") == 0
    assert "anyone here could" in capsys.readouterr().out
    assert key("ben", "phrase of ben") == 2
    assert "estim operators add" in capsys.readouterr().err
    assert not (tmp_path / "ben.pem").exists()
    typed(monkeypatch, "48151623", "48151623")
    assert main(["operators", "add", "T1", "--name", "Tara", *where]) == 0
    assert key("ben", "00000000", "phrase of ben") != 0
    assert key("ben", "48151623", "phrase of ben") == 0
    assert list(leads(Home(tmp_path / "home")).values()) == ["anna", "ben"]


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_the_whole_way_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, file = ("--home", str(tmp_path / "home")), str(tmp_path / "site.toml")
    typed(monkeypatch, "48151623", "48151623")
    assert main(["operators", "add", "T1", "--name", "Tara", *home]) == 0
    for name in ("anna", "ben"):
        typed(monkeypatch, "48151623", f"phrase of {name}")
        assert main(["limits", "key", name, "-o", str(tmp_path / f"{name}.pem"), *home]) == 0
    assert main(["limits", "propose", *home]) == 0
    assert "icu-12-6" in capsys.readouterr().out
    said = ("--asked-by", "lena", "--responsible", "Dr A", "--until", day(30))
    assert main(["limits", "propose", "icu-12-6", *said, "-o", file, *home]) == 0
    for name in ("anna", "ben"):
        typed(monkeypatch, "wrong phrase")
        assert main(["limits", "sign", file, "--key", str(tmp_path / f"{name}.pem"), *home]) == 2
        typed(monkeypatch, f"phrase of {name}")
        assert main(["limits", "sign", file, "--key", str(tmp_path / f"{name}.pem"), *home]) == 0
        done = main(["limits", "install", file, *home])
        assert done == (0 if name == "ben" else 1)
    capsys.readouterr()
    assert main(["limits", "show", "--json", *home]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["in_force"], shown["signers"], shown["until"]) == (True, ["anna", "ben"], day(30))
    assert main(["limits", "--json", *home]) == 0
    table = {row["key"]: row for row in json.loads(capsys.readouterr().out)["limits"]}
    assert (table["duty_permille"]["in_force"], table["duty_permille"]["layer"]) == (670, "site")
    assert main(["protocols", "check", "intensive-care-lower-limb", *home]) == 0


def test_the_sensory_rate_is_its_sources_whole_range() -> None:
    assert (ABSOLUTE & DEFAULT)["rate_sensory_mhz"].value == 150_000
