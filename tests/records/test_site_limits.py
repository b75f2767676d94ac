"""The site's own limits: proposed, signed by two leads, in force until a day, and no forged or half-signed file."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pytest

from estim.cli import main
from estim.records.home import Home
from estim.records.keys import seeded_signer
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
from estim.safety.errors import SiteFileError, UsageError
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


def test_a_file_of_the_first_form_holds_and_is_said_to_be_one(home: Home) -> None:
    old = b'responsible = "Dr A"\ndate = "2026-01-01"\nreason = "r"\n\n[limits]\nduty_permille = 670\n'
    home.site_file.write_bytes(sign(old, ANNA))
    assert site_problem(home) == ""
    assert limits_in_force(home)["duty_permille"].value == 670
    assert "first form" in site_warning(home)


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_the_whole_way_at_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, file = ("--home", str(tmp_path / "home")), str(tmp_path / "site.toml")
    for name in ("anna", "ben"):
        typed(monkeypatch, f"phrase of {name}")
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
