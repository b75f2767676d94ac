"""The table of attacks: each is found, or changes nothing, or verify says that it can't exclude it and an anchor does.

`python -m tests.records.test_attacks` writes docs/attacks.md.
"""

from __future__ import annotations

import base64
import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.desk.care import CareDesk
from estim.records import operators
from estim.records.anchor import make_anchor
from estim.records.care_log import enter, read
from estim.records.home import Home
from estim.records.index import Filter, Index
from estim.records.keys import station_signer
from estim.records.operators import Operator, hash_pin, load_operators, save_operator
from estim.records.patients import Patient, load_patients, save_patient
from estim.records.qualification import every, write
from estim.records.site import limits_in_force, site_problem
from estim.records.stamps import BEGIN, END
from estim.records.station import begin_station, enter_station
from estim.records.today import minutes_today
from estim.records.verify_home import verify_home
from estim.safety.errors import RecordError
from tests.records import attacks_more, attacks_outside, attacks_records
from tests.records.attacks import ANCHOR, FOUND, NOTHING, SAID, TABLE, WITNESS, Attack
from tests.records.authority import OPENSSL, answered, make_authority
from tests.records.build import NOON, session
from tests.support import trial_text
from tests.turns import of_this_turn

PAGE = Path(__file__).parents[2] / "docs" / "attacks.md"
assert attacks_records
assert attacks_more
assert attacks_outside
QUALIFIED = {
    "model": "p24", "device_id": "P240000001", "verdict": "pass", "over": 0.01, "stop_ms": 80.0, "taken": "2026-11-20",
    "until": "2027-11-20", "firmware": "1.2",
}  # fmt: skip
LATER = NOON + datetime.timedelta(hours=2)
# Narrow ones first: a row that was moved out of their way would be missed.
ASKED = (
    Filter(simulated=False, outcome="completed"),
    Filter(simulated=False, patient="K-1", protocol="p"),
    Filter(simulated=False, text="k-1"),
    Filter(simulated=True),
    Filter(simulated=False),
)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`old` is the home of yesterday, `home` the one of today, `anchor.txt` and `witness.txt` today's."""
    folder = tmp_path_factory.mktemp("attacks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operators, "MEMORY_KIB", 64)
        patch.setattr(operators, "PASSES", 1)
        build(folder)
        yield folder


def build(folder: Path) -> None:
    home = Home(folder / "home")
    home.root.mkdir()
    begin_station(home.root)
    for name, role in (("T1", "therapist"), ("O1", "observer"), ("T2", "therapist")):
        one = Operator(id=name, name=f"Name of {name}", role=role, pin=hash_pin("123456"), administrator=name == "T1")
        save_operator(home.operators, one, by="T1", reason="new")
    save_patient(home.patients, Patient(id="K-1", flags=("fragile_bone",)))
    home.site_file.write_text('responsible = "Dr A"\n[limits]\nduty_permille = 200\n', encoding="utf-8")
    enter_station(
        home.root, "register", register="site", sha256=sha256(home.site_file), change="x", operator="T1", reason="x"
    )
    worlds = Path(__file__).parents[1] / "data" / "worlds.toml"
    shutil.copy(worlds, folder / "worlds.toml")
    (folder / "trial.toml").write_text(trial_text(folder, active="worlds", sham="worlds"), "utf-8")
    told = ["trial", "new", str(folder / "trial.toml"), "-o", str(folder / "office"), "--home", str(home.root)]
    assert main([*told, "--json"]) == 0
    write(home.root, QUALIFIED, station_signer(home.root))
    note(home, "K-1", "5", simulated=False)
    where = ["--home", str(home.root), "--json"]
    assert main(["plans", "new", "ours", "--from", "low-back", *where]) == 0
    assert main(["course", "begin", "ours", "--side", "none", "--patient", "K-5", "--operator", "T1", *where]) == 0
    session(home, "K-1", at=NOON - datetime.timedelta(days=3), simulated=False)
    with Index(home) as index:
        index.refresh()
    looked_at(home, folder)
    shutil.copytree(home.root, folder / "old")
    go_on(home)
    looked_at(home, folder)
    (folder / "anchor.txt").write_text(f"{make_anchor(home.root)}\n", encoding="utf-8")


def looked_at(home: Home, folder: Path) -> None:
    """A witness and an authority say how far the home is; what they say is kept elsewhere too."""
    told = ["records", "witness", str(home.root), "--home", str(folder / "witness")]
    assert main([*told, "-o", str(folder / "witness.txt")]) == 0
    if OPENSSL is None:
        return
    authority = folder / "authority"
    if not authority.exists():
        make_authority(authority)
    stamp = ["records", "stamp", "--home", str(home.root)]
    request = folder / "anchor.tsq"
    assert main([*stamp, "--request", str(request)]) == 0
    text = (home.root / "stamps" / "pending").read_text(encoding="utf-8").splitlines()[0]
    forged = base64.encodebytes(answered(authority, request, by="forger").read_bytes()).decode("ascii")
    (folder / "forged.stamp").write_text(f"{text}\n{BEGIN}\n{forged}{END}\n", encoding="ascii")
    assert main([*stamp, "--answer", str(answered(authority, request))]) == 0
    newest = max((home.root / "stamps").glob("*.stamp"), key=lambda path: path.stat().st_mtime_ns)
    shutil.copy(newest, folder / "copy.stamp")


def go_on(home: Home) -> None:
    """What happened today."""
    from estim.trial.site import Site

    known = load_operators(home.operators)
    save_operator(home.operators, operators.deactivated(known["T2"]), by="T1", reason="left")
    enter_station(home.root, "sign-in-refused", operator="T2", what="run", reason="wrong operator or PIN")
    save_patient(home.patients, Patient(id="K-2", flags=("child",)))
    enter_station(home.root, "joined", patient="X-1", into="K-1", operator="T1", reason="the same person")
    home.site_file.write_text('responsible = "Dr A"\n[limits]\nduty_permille = 205\n', encoding="utf-8")
    enter_station(
        home.root, "register", register="site", sha256=sha256(home.site_file), change="x", operator="T1", reason="x"
    )
    session(home, "K-1", at=NOON, simulated=False)
    first = sorted((home.root / "records" / "real").glob("2*"))[0]
    enter_station(
        home.root, "signed", session=first.name, head="ab" * 32, operator="T1", name="T", meaning="reviewed",
        authenticated=True, comment="",
    )  # fmt: skip
    note(home, "K-1", "7", simulated=False)
    note(home, "K-1", "6", simulated=False)
    note(home, "K-3", "9", simulated=True)
    Site(home, "short").enrol("K-1", {"site": "a"}, "T1")
    write(home.root, {**QUALIFIED, "verdict": "fail", "over": 0.3}, station_signer(home.root))
    with Index(home) as index:
        index.refresh()


def sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def note(home: Home, patient: str, value: str, *, simulated: bool) -> None:
    enter(home, patient, "diary", {"pain": value}, who="T1", simulated=simulated, day=NOON.date())


@pytest.fixture
def home(homes: Path, tmp_path: Path) -> Home:
    shutil.copytree(homes / "home", tmp_path / "home")
    shutil.copytree(homes / "old", tmp_path / "old")
    shutil.copytree(homes / "witness", tmp_path / "witness")
    for path in (*homes.glob("*.txt"), *homes.glob("*.stamp")):
        shutil.copy(path, tmp_path)
    return Home(tmp_path / "home")


def everything(home: Home) -> dict[str, Any]:
    """All that people and limits are told of this home."""
    told = []
    for wanted in ASKED:
        with Index(home) as index:
            index.catch_up()
            rows = index.sessions(wanted)
        told.append([(row["session"], row["outcome"], row["verified"]) for row in rows])
    return {
        "sessions": told,
        "minutes": dict(minutes_today(home, "K-1", simulated=False, now=LATER)),
        "operators": load_operators(home.operators),
        "patients": load_patients(home.patients),
        "limits": str(limits_in_force(home)),
        "site": site_problem(home).replace(str(home.root), ""),
        "course": read(home, "K-1", simulated=False),
        "plan": CareDesk(home, "K-5", simulated=False, who="T1").plan(),
        "devices": every(home.root, public_hex=station_signer(home.root).public_hex),
    }


def test_the_home_itself_is_good(home: Home, homes: Path) -> None:
    assert [verdict.reason for verdict in verify_home(home.root) if not verdict.ok] == []
    assert everything(home)["minutes"] == {"quadriceps-femoris/left": 2}
    assert main(["records", "verify", "--anchor", str(homes / "anchor.txt"), "--home", str(home.root)]) == 0


@pytest.mark.parametrize("one", of_this_turn(TABLE, 2), ids=lambda one: f"{one.area}: {one.act}")
def test_each_attack_comes_to_what_the_table_says(
    one: Attack, home: Home, homes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "stamp" in one.area + " ".join(one.told) and OPENSSL is None:
        pytest.skip("openssl plays the authority")
    before = everything(home) if one.comes == NOTHING else {}
    witness = station_signer(home.root.with_name("witness")).public_hex
    told = ["records", "verify", "--home", str(home.root)]
    told += [word.replace("{}/authority", f"{homes}/authority").format(tmp_path, witness=witness) for word in one.told]
    if one.told:
        assert main(told) == 0
    one.do(home, home.root.with_name("old"))
    capsys.readouterr()
    code = main(told)
    said = capsys.readouterr().out
    assert one.says in said
    if one.comes == FOUND:
        assert code == 1, said
        assert one.told or "NOT VERIFIED" in said
        return
    assert code == 0, said
    if one.comes == WITNESS:
        assert main(["records", "witness", str(home.root), "--home", str(home.root.with_name("witness"))]) == 1
        return
    assert one.told or "Nothing outside this home vouches for it" in said
    if one.comes == NOTHING:
        assert everything(home) == before
    elif one.comes == SAID:
        with pytest.raises(RecordError, match="it may be deleted"):
            everything(home)
    else:
        assert one.comes == ANCHOR
        assert main([*told, "--anchor", str(homes / "anchor.txt")]) == 1


def table() -> str:
    """The page."""
    rows = "".join(f"| {at} | {one.area} | {one.act} | {one.comes} |\n" for at, one in enumerate(TABLE, 1))
    clinic = "".join(f"| {act} | {comes} | `{name}` |\n" for act, comes, name in AT_THE_CLINIC)
    return f"{HEAD}{rows}{CLINIC}{clinic}"


HEAD = """# Attacks on a home

*For auditors and whoever keeps a home · ten minutes, then a table to look things up in · at the end you know what
is found, and what only an anchor finds.*

Somebody can write every file of a home, and does not have the station's private key unless the row says so. Each row
is run by `tests/records/test_attacks.py`; this page is made from the same table.

- **found**: `estim records verify` names it and does not end with 0. What concerns limits, sign-in or a course is
  refused there too, until the right file is put back or an administrator takes it as it is, with a reason that is kept.
- **changes nothing**: everything that is read, listed and held against limits is as it was.
- **refused**: a command does not go on, says why and what to do; nothing is lost.
- **not without an anchor**: nothing inside a home can show it. `verify` ends with 0 and says that nothing outside
  vouches for the home; given an anchor from before (`--anchor`: a printed page, a mail, another machine), it is found.
- **not without the witness**: what the auditor was handed fits; the witness itself refuses at its next look.

Rows of the witness are verified with its lines and its key (`--anchor FILE --witness-key HEX`), those of time stamps
with the authority's certificate (`--stamp-roots FILE`), as an auditor has them.

| | What is attacked | What is done | What comes of it |
|---|---|---|---|
"""


CLINIC = """
## At the clinic's database

These need a PostgreSQL server: tests of `tests/system/test_clinic.py` and `test_clinic_days.py` run them.

| What is done | What comes of it | Test |
|---|---|---|
"""
CHANGED = "test_what_was_changed_before_or_after_it_was_sent_is_found"
ROLES = "test_the_databases_roles_decide_who_may_do_what"
AT_THE_CLINIC = (
    ("a record changed at the station before it was sent", "found by check", CHANGED),
    ("a record changed at the station after it was sent", "found by push", CHANGED),
    ("a record's bytes changed in the database", "found by check --again", CHANGED),
    ("the chain of sessions cut at the station", "found by push, and by check after it",
     "test_a_chain_that_is_cut_at_the_station_is_told_at_the_clinic_too"),
    ("another station's session put among its own", "found by check",
     "test_a_session_of_another_station_is_not_taken_for_its_own"),
    ("a session removed before it was ever sent", "found by check, after the next pass",
     "test_a_session_that_is_removed_before_it_was_ever_sent_is_missed_by_the_next_pass"),
    ("a push stopped in the middle, and silence", "found by check after half a day",
     "test_a_station_that_falls_silent_in_the_middle_is_missed_after_half_a_day"),
    ("a chain cut or changed in the database", "found by check --again",
     "test_a_chain_that_was_cut_or_changed_at_the_clinic_is_found"),
    ("every row marked as verified by who administers the database", "found by check --again",
     "test_a_chain_that_was_cut_or_changed_at_the_clinic_is_found"),
    ("sessions signed with a key that nobody entered", "found by check",
     "test_a_new_key_after_the_old_one_was_lost_is_entered_and_old_records_stay_good"),
    ("a station's login changes or removes what it sent, or writes under another's key", "refused", ROLES),
    ("a reader, an auditor or the checker writes what is not theirs", "refused", ROLES),
    ("a station that nobody entered sends", "refused", ROLES),
    ("a server without the right certificate answers", "refused",
     "test_a_connection_is_encrypted_and_the_server_is_who_it_says"),
)  # fmt: skip


def test_the_rows_of_the_clinic_have_their_tests() -> None:
    system = Path(__file__).parents[1] / "system"
    text = "".join((system / name).read_text(encoding="utf-8") for name in ("test_clinic.py", "test_clinic_days.py"))
    assert all(f"def {name}(" in text for _, _, name in AT_THE_CLINIC)


def test_the_page_has_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == table()
    assert len(TABLE) >= 60


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
