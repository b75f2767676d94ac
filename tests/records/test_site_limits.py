"""The site's own limits: proposed, signed by two leads, in force until a day, and no forged or half-signed file."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.cli.sessions import check_site
from estim.controller.signing_in import Reception
from estim.records.door import open_door
from estim.records.guard import change
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
from estim.records.station import station_lines
from estim.safety.errors import RecordError, SetupError, SiteFileError, UsageError
from estim.safety.limits import ABSOLUTE, DEFAULT
from estim.safety.limits_table import BY_KEY
from estim.session.events import SignIn
from tests.support import linked

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
    assert later.ran_out
    assert later.limits["duty_permille"].value == DEFAULT["duty_permille"].value
    assert "ran out" in later.warning
    last = standing(data, leads(home), TODAY + datetime.timedelta(days=20))
    assert (last.ran_out, last.limits["duty_permille"].value) == (False, 670)


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
        if name == "anna":
            assert main(["limits", "install", file, "--by", "T1", *home]) == 1
    assert main(["limits", "install", file, *home]) == 1
    typed(monkeypatch, "a wrong PIN")
    assert main(["limits", "install", file, "--by", "T1", *home]) == 1
    assert not Home(tmp_path / "home").site_file.exists()
    typed(monkeypatch, "48151623")
    assert main(["limits", "install", file, "--by", "T1", *home]) == 0
    capsys.readouterr()
    assert main(["limits", "show", "--json", *home]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["in_force"], shown["signers"], shown["until"]) == (True, ["anna", "ben"], day(30))
    assert main(["limits", "--json", *home]) == 0
    table = {row["key"]: row for row in json.loads(capsys.readouterr().out)["limits"]}
    assert (table["duty_permille"]["in_force"], table["duty_permille"]["layer"]) == (670, "site")
    assert main(["protocols", "check", "intensive-care-lower-limb", *home]) == 0


def signed(**values: int) -> bytes:
    return sign(sign(text("", **values), ANNA), BEN)


def ran_out(**values: int) -> bytes:
    """A file whose last day was yesterday, signed by both when it was written."""
    old = text("", **values).decode().replace(f'"{TODAY.isoformat()}"', f'"{day(-60)}"').replace(day(90), day(-1))
    return sign(sign(old.encode(), ANNA), BEN)


def blocked(home: Home, capsys: pytest.CaptureFixture[str], words: str) -> None:
    """No real session begins, at the desk or at the door, and why."""
    where = ("--home", str(home.root))
    assert words in site_problem(home)
    with pytest.raises(RecordError, match=words):
        open_door(home, "P01", simulated=False)
    with pytest.raises(SetupError, match=words):
        check_site(home, simulated=False)
    assert words in check_site(home, simulated=True)[0].message
    capsys.readouterr()
    main(["limits", "--json", *where])
    assert words in json.loads(capsys.readouterr().out)["site_problem"]


@pytest.mark.hazard("H32")
@pytest.mark.parametrize(
    ("made", "words"),
    [
        (b"", "not signed"),
        (b"date = " + b"[" * 5_000, "not a TOML file"),
        (b"[limits]\namplitude_ua = " + b"9" * 5_000, "not a TOML file"),
        (b"\xff\xfe\x00[", "not a TOML file"),
        (b"[limits]\namplitude_ua = 60", "not signed"),
        (lambda: text(amplitude_ua=60_000), "not signed"),
        (lambda: sign(text(amplitude_ua=60_000), ANNA), "1 of 2 leads"),
        (lambda: signed(amplitude_ua=60_000)[:-20], "not signed"),
        (lambda: sign(sign(text().replace(TODAY.isoformat().encode(), day(2).encode()), ANNA), BEN), "a day to come"),
        (lambda: sign(sign(b"schema = 2\n" + text(), ANNA), BEN), "unknown key 'schema'"),
        (lambda: sign(sign(text().replace(day(90).encode(), b"31 May"), ANNA), BEN), "a date as 2027-05-31"),
        (lambda: ran_out(amplitude_ua=60_000), "ran out on"),
        (lambda: ran_out(amplitude_ua=60_000, duty_permille=670), "it set amplitude_ua tighter"),
    ],
)  # fmt: skip
def test_a_site_file_that_does_not_hold_begins_no_real_session(
    home: Home, capsys: pytest.CaptureFixture[str], made: bytes | Callable[[], bytes], words: str
) -> None:
    home.site_file.write_bytes(made if isinstance(made, bytes) else made())
    blocked(home, capsys, words)


def test_limits_doctor_and_rehearse_say_a_file_that_ran_out_narrower(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.site_file.write_bytes(ran_out(amplitude_ua=60_000))
    where = ("--home", str(home.root))
    for command in (["limits"], ["doctor"], ["rehearse", "quadriceps-two-rates", "--level", "quadriceps=20"]):
        main([*command, *where])
        assert "it set amplitude_ua tighter" in "".join(capsys.readouterr())


PLACES = ["a folder", "a link to nowhere", "taken away", "a lead slipped in", "leads unreadable"]


@pytest.mark.parametrize("how", PLACES)
def test_what_lies_in_the_place_of_the_site_file_is_said_and_begins_no_real_session(
    home: Home, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    file, keys = home.site_file, home.root / "keys" / "lead-keys.txt"
    words = "no real session may begin"
    if how == "a folder":
        file.mkdir()
        words = "it is a folder"
    elif how == "a link to nowhere":
        linked(file, home.root / "nowhere")
        words = "No such file"
    else:
        change(file, "site", signed(amplitude_ua=60_000), said="tighter", operator="T1", reason="r")
        if how == "taken away":
            file.unlink()
            words = "it is gone"
        elif how == "a lead slipped in":
            keys.write_text(f"{keys.read_text()}Eve {EVE.public_hex}\n")
            words = "changed by hand"
        else:
            keys.write_bytes(b"\xff\xfe")
            words = "changed by hand"
    blocked(home, capsys, words)


def test_after_its_day_the_narrower_of_file_and_default_is_in_force(home: Home) -> None:
    home.site_file.write_bytes(ran_out(amplitude_ua=60_000, duty_permille=670))
    table = limits_in_force(home)
    assert table["amplitude_ua"].value == 60_000
    assert table["duty_permille"].value == DEFAULT["duty_permille"].value
    home.site_file.write_bytes(ran_out(duty_permille=670))
    assert site_problem(home) == ""
    assert "the default column is in force again" in site_warning(home)
    assert open_door(home, "P01", simulated=False).patient == "P01"


def test_a_program_that_was_left_open_signs_nobody_in_under_limits_that_changed(home: Home) -> None:
    begun = limits_in_force(home)
    desk = Reception(home, simulated=True, limits=begun)
    asked = SignIn(id=1, operator="anna", patient_id="P01")
    assert desk.sign_in(asked).patient_id == "P01"
    change(home.site_file, "site", signed(amplitude_ua=60_000), said="tighter", operator="T1", reason="r")
    with pytest.raises(RecordError, match="begin anew"):
        desk.sign_in(asked)
    desk.left()
    assert Reception(home, simulated=True, limits=limits_in_force(home)).sign_in(asked).patient_id == "P01"


def test_leads_are_a_register_of_the_stations_chain(home: Home) -> None:
    lines = [entry for entry in station_lines(home.root) if entry.get("register") == "leads"]
    assert [entry["change"] for entry in lines] == ["lead Anna Berg may open limits", "lead Ben Stern may open limits"]
    keys = home.root / "keys" / "lead-keys.txt"
    keys.write_text(f"{keys.read_text()}Eve {EVE.public_hex}\n")
    with pytest.raises(RecordError, match="changed by hand"):
        leads(home)
    with pytest.raises(RecordError, match="changed by hand"):
        add_lead(home, "Ida", EVE)


def test_made_signed_used_run_out_forged_and_the_page_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A site's file through its life, by commands alone, and SAFETY.md's column before and after it."""
    at, file = ("--home", str(tmp_path / "home")), tmp_path / "site.toml"
    made = Home(tmp_path / "home")

    def do(*words: str, lines: tuple[str, ...] = ()) -> int:
        typed(monkeypatch, *lines)
        capsys.readouterr()
        return main([*words, *at])

    def table() -> dict[str, dict[str, Any]]:
        assert do("limits", "--json") == 0
        return {row["key"]: row for row in json.loads(capsys.readouterr().out)["limits"]}

    page = (Path(__file__).parents[2] / "SAFETY.md").read_text(encoding="utf-8")
    shipped = table()
    for row in shipped.values():
        assert f"| {row['rule']} | {row['quantity']}" in page
        assert row["in_force"] == row["default"]
    assert do("operators", "add", "T1", "--name", "Tara", lines=("48151623", "48151623")) == 0
    for name in ("anna", "ben"):
        pem = str(tmp_path / f"{name}.pem")
        assert do("limits", "key", name, "-o", pem, lines=("48151623", f"phrase of {name}")) == 0
    who = ("--asked-by", "lena", "--responsible", "Dr A", "--reason", "frail", "--source", "own audit")
    assert do("limits", "propose", "--set", "amplitude_ua=20000", *who, "--until", day(9), "-o", str(file)) == 0
    for name in ("anna", "ben"):
        pem = str(tmp_path / f"{name}.pem")
        assert do("limits", "sign", str(file), "--key", pem, lines=(f"phrase of {name}",)) == 0
    assert do("limits", "install", str(file), "--by", "T1", lines=("48151623",)) == 0

    used = table()["amplitude_ua"]
    assert (used["in_force"], used["layer"]) == (20_000, "site")
    for level_ma, code in ((30, 1), (20, 0)):
        asked = ("quadriceps-two-rates", "--level", f"quadriceps={level_ma}", "--patient", "P01", "--json")
        assert do("rehearse", *asked) == code
        done = json.loads(capsys.readouterr().out)
        over = [(one["layer"], one["allowed"]) for one in done["problems"] if one["severity"] == "refuse"]
        assert over == ([("site", 20)] if level_ma == 30 else []), done["problems"]

    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"= 20000", b"= 90000"))  # forged: the signatures are of other bytes
    assert do("limits", "install", str(file), "--by", "T1", lines=("48151623",)) == 1
    assert "not signed" in capsys.readouterr().err
    made.site_file.write_bytes(file.read_bytes())  # or put there by hand
    assert "changed by hand" in site_problem(made)
    made.site_file.write_bytes(whole)
    assert site_problem(made) == ""

    class LaterDay(datetime.date):
        @classmethod
        def today(cls) -> LaterDay:
            later = TODAY + datetime.timedelta(days=10)
            return cls(later.year, later.month, later.day)

    monkeypatch.setattr("estim.records.site.datetime.date", LaterDay)
    assert "nobody has decided" in site_problem(made)
    assert table()["amplitude_ua"]["in_force"] == 20_000
    made.site_file.unlink()
    assert do("records", "accept", "site", "--operator", "T1", "--reason", "closed", lines=("48151623",)) == 0
    assert site_problem(made) == ""
    assert table() == shipped


@pytest.mark.parametrize("value", ["٣٠٠٠٠", "²", "1_0", "3e4", "-5", " 5", "9" * 5_000, ""])
def test_what_is_set_is_digits_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    file = tmp_path / "p.toml"
    who = ("--asked-by", "a", "--responsible", "b", "--reason", "c", "--source", "d", "--until", day(9))
    at = ("--home", str(tmp_path / "home"))
    assert main(["limits", "propose", "--set", f"amplitude_ua={value}", *who, "-o", str(file), *at]) == 2
    assert "digits alone" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize("until", ["2026-W51-1", "20261214", "٢٠٢٦-12-20", "14.12.2026"])
def test_a_last_day_is_written_one_way(until: str) -> None:
    with pytest.raises(SiteFileError, match="a date as"):
        text(until=until)


def test_the_sensory_rate_is_its_sources_whole_range() -> None:
    assert (ABSOLUTE & DEFAULT)["rate_sensory_mhz"].value == 150_000
