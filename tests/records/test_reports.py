"""Reports: what must be known first stands first, nothing unknown is said as nothing, and no text acts in the page."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from estim.records.chain import Chain, Entry
from estim.records.home import Home
from estim.records.keys import seeded_signer, station_signer
from estim.records.plots import Series, amplitude_plot, envelope, line_plot, nice_step
from estim.records.qr import qr_svg
from estim.records.replay import replay
from estim.records.report import html_report, plots, text_report
from estim.records.segment import digest_of, word_head
from estim.records.sheet import sheet_html, sheet_text
from estim.records.simulated import SimulatedWriter
from estim.records.summary import Read, read_session, summarise
from estim.records.words import happened
from estim.records.writer import RecordWriter
from tests.records.build import session


def text(read: Read) -> str:
    return text_report(read.summary)


def read(tmp_path: Path, end: str = "completed") -> Read:
    return read_session(session(Home(tmp_path), end=end))


BOTH = pytest.mark.parametrize("write", [text, html_report])


@pytest.mark.parametrize("end", ["completed", "broken"])
def test_a_later_session_of_a_console_is_told_from_its_own_beginning(tmp_path: Path, end: str) -> None:
    """The controller's clock goes on between patients: the second one's session lasted from the first sign-in on."""
    first = read_session(session(Home(tmp_path / "a"), end=end))
    later = read_session(session(Home(tmp_path / "b"), end=end, began_us=7_200_000_000))
    one, other = first.summary, later.summary
    assert other.duration_us == one.duration_us < 100_000_000
    assert (other.happened, other.comfort, other.off_by_us) == (one.happened, one.comfort, one.off_by_us)
    assert list(plots(later)) == list(plots(first))
    assert other.therapy_us == one.therapy_us


@BOTH
def test_a_report_holds_what_repeating_the_session_takes(tmp_path: Path, write: Callable[[Read], str]) -> None:
    done = read(tmp_path)
    said = write(done)
    for word in ("K-1", "op-1", "p 1.0.0", "week 2, session 3", "P24 Science SIM0000001 1.2", "research", "6 of 6"):
        assert word in said
    for word in ("50 Hz", "250 µs", "20 mA", "40 mA (L1)", "7.6 × 12.7 cm", "4500 pulses", "22.500 mC", "1:30 min"):
        assert word in said
    for word in ("3/2 up, 1 down", "timed", "fragile bone", "Discomfort 3 of 10 at 20 mA", "69.9 Hz", "performed"):
        assert word in said
    for word in (done.summary.head, word_head(done.summary.head), "verified, 20 lines", "mvic"):
        assert word in said


@BOTH
@pytest.mark.parametrize("end", ["completed", "fault", "broken", "none"])
def test_what_must_be_known_first_stands_first(tmp_path: Path, write: Callable[[Read], str], end: str) -> None:
    done = read(tmp_path, end)
    said = write(done)
    first = said.index("Patient (pseudonym)")
    assert said.index("SIMULATED SESSION") < first
    assert ("NOT VERIFIED (incomplete)" in said[:first]) is (end in {"broken", "none"})
    assert ("ended with a fault: FAULT link-lost" in said[:first]) is (end == "fault")
    assert ("at the latest" in said[:first]) is (end == "broken")


@BOTH
def test_audit_findings_and_take_overs_stand_first(tmp_path: Path, write: Callable[[Read], str]) -> None:
    done = read(tmp_path)
    told = replace(done, summary=replace(done.summary, ending="take-over", findings=("line 5: too much",)))
    said = write(told)
    assert said.index("The controller was lost") < said.index("Patient (pseudonym)")
    assert said.index("Audit: line 5: too much") < said.index("Patient (pseudonym)")


@BOTH
def test_an_unknown_dose_is_not_reported_as_none(tmp_path: Path, write: Callable[[Read], str]) -> None:
    said = write(read(tmp_path, "broken"))
    assert "NOT RECORDED" in said
    assert "dose is not fully recorded" in said
    assert " 0 pulses" not in said
    assert "about 4700 pulses and 23.500 mC" in said
    assert "1:34 min on" in said  # 90 s, the record's lag and the device's timer


@BOTH
def test_what_nobody_can_read_is_not_reported_as_nought(tmp_path: Path, write: Callable[[Read], str]) -> None:
    folder = session(Home(tmp_path))
    record = folder / "record.jsonl"
    whole = record.read_bytes().splitlines(keepends=True)
    for kept in (0, 3):
        record.write_bytes(b"".join(whole[:kept]))
        said = write(read_session(folder))
        assert "SIMULATED SESSION" in said
        for wrong in ("Contractions: 0\n", "<td>0</td>", "0:00 min\n", "<td>0:00 min</td>", " 0 pulses, 0.000 mC"):
            assert wrong not in said
        assert ("not recorded" if not kept else "until the record breaks off") in said
        assert "dose NOT RECORDED" in said or not kept


@BOTH
def test_a_fault_has_its_dose(tmp_path: Path, write: Callable[[Read], str]) -> None:
    said = write(read(tmp_path, "fault"))
    assert "4500 pulses" in said
    assert "NOT RECORDED" not in said


def test_pulses_that_nobody_acknowledged_are_said(tmp_path: Path) -> None:
    done = read(tmp_path)
    (channel,) = done.summary.channels
    said = text_report(replace(done.summary, channels=(replace(channel, unacknowledged_pulses=7),)))
    assert "7 more were never acknowledged" in said


def test_what_commands_amount_to_has_each_pulse_of_a_burst(tmp_path: Path) -> None:
    entries = read_session(session(Home(tmp_path), end="broken")).entries
    (single,) = replay(entries, silent_us=92_000_000).dose_rows("therapy")
    doublets = [
        entry._replace(
            fields={**entry.fields, "channels": [row | {"burst_pulses": 2} for row in entry.fields["channels"]]}
        )
        if entry.kind == "command"
        else entry
        for entry in entries
    ]
    (double,) = replay(doublets, silent_us=92_000_000).dose_rows("therapy")
    assert double == single | {"pulses": 2 * single["pulses"], "charge_pc": 2 * single["charge_pc"]}


def test_text_from_the_record_can_not_act_in_the_page(tmp_path: Path) -> None:
    for end in ("completed", "fault"):
        said = html_report(read(tmp_path / end, end))
        assert "<script" not in said
        assert "P &lt;b&gt;" in said
        assert "mind &lt;that&gt;" in said
        assert "thigh &lt;2&gt;" in said
        assert "href" not in said
        assert "src=" not in said


def test_pages_are_well_formed(tmp_path: Path) -> None:
    done = read(tmp_path, "fault")
    for said in (html_report(done), sheet_html(done.summary)):
        root = ET.fromstring(said.partition("\n")[2].replace('<meta charset="utf-8">', ""))  # noqa: S314 - our own
        assert root.tag == "html"
    assert html_report(done).count("<svg") == 2  # amplitude, QR code


def test_a_take_over_is_told_in_order(tmp_path: Path) -> None:
    home = Home(tmp_path)
    folder = session(home, end="broken", simulated=False)
    broken = read_session(folder)
    before = [digest_of((folder / "record.jsonl").read_bytes())]
    chain = Chain(simulated=False, first_n=broken.summary.records, prev=broken.summary.head, before=before)
    writer = RecordWriter(folder, chain, station_signer(home.root), segment=1)
    writer.append("take-over", {"cause": "eof", "output": "OFF", "text": "stopped by the console"}, 92_000_000)
    rows = replay(broken.entries, silent_us=92_000_000).dose_rows("therapy")
    assert rows[0] == {
        "channel": 1, "pulses": 4_550, "charge_pc": 22_750_000_000, "on_us": 91_000_000, "peak_ua": 20_000,
        "unacknowledged_pulses": 0,
    }  # fmt: skip
    writer.append("dose", {"purpose": "therapy", "basis": "commands", "channels": rows}, 92_000_000)
    writer.append("end", {"outcome": "fault", "output": "OFF", "reason": "take-over"}, 92_000_000)
    writer.close(92_000_000)
    taken = read_session(folder)
    assert (taken.summary.ending, taken.summary.verified) == ("take-over", True)
    said = text_report(taken.summary)
    assert "!! The controller was lost" in said
    assert "stopped by the console" in said
    assert "NOT RECORDED" in said
    assert "about 4550 pulses and 22.750 mC" in said
    assert taken.summary.findings == ()


def test_a_record_without_setup_has_a_report_too(tmp_path: Path) -> None:
    writer = SimulatedWriter(tmp_path / "s", signer=seeded_signer(1))
    writer.append("header", {"patient": "K-1"}, 0)
    writer.append("end", {"outcome": "stopped", "output": "OFF"}, 1)
    writer.close(1)
    done = read_session(tmp_path / "s")
    assert "stopped" in text_report(done.summary)
    assert "SIMULATED" in html_report(done)
    assert "No current was given" in sheet_text(done.summary)


@pytest.mark.parametrize("cut", [1, 40, 3_000])
def test_a_torn_record_has_a_report(tmp_path: Path, cut: int) -> None:
    path = session(Home(tmp_path)) / "record.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert "NOT VERIFIED (torn)" in html_report(read_session(path.parent))


def test_the_patients_sheet_speaks_plainly(tmp_path: Path) -> None:
    done = summarise(session(Home(tmp_path)))
    said = sheet_text(replace(done, simulated=False))
    assert "left thigh (quadriceps femoris)" in said
    assert "blister" in said
    assert "dark urine" in said
    for jargon in ("mA", "µ", "Hz", "pulses,", "SHA", "verified", "audit", "channel", "practice"):
        assert jargon not in said
    assert "practice session" in sheet_text(done)
    assert "technical fault" in sheet_text(replace(done, outcome="fault"))
    assert "stopped before its end" in sheet_text(replace(done, outcome="stopped"))
    assert "look at the skin" in sheet_text(replace(done, flags=("insensate_skin",)))
    assert "looked at again" in sheet_text(replace(done, outcomes={"skin": "2 redness that stays"}))


def test_the_patients_sheet_of_a_session_without_a_day_is_a_sentence_too(tmp_path: Path) -> None:
    for end in ("completed", "none"):
        said = sheet_text(replace(read(tmp_path / end, end).summary, utc=""))
        assert "On  " not in said
        assert ("  - Your left thigh" if end == "completed" else "  - The record of the treatment breaks off.") in said


def test_current_while_levels_were_found_is_said(tmp_path: Path) -> None:
    done = read(tmp_path)
    (channel,) = done.summary.channels
    only = replace(
        channel, peak_ua=0, pulses=0, titration_peak_ua=12_000, titration_pulses=300, titration_on_us=6_000_000
    )
    found = replace(done.summary, channels=(only,))
    assert "While its level was found: up to 12 mA, 300 pulses" in text_report(found)
    assert "looked for the right strength for your left thigh" in sheet_text(found)
    unknown = replace(found, channels=(replace(only, titration_recorded=False),))
    assert "until then 300 pulses" in text_report(unknown)
    assert "!! The dose is not fully recorded" in text_report(unknown)


def test_an_envelope_keeps_every_peak() -> None:
    points = [(0, 1_000), (10, 9_000), (11, 2_000), (500, 0), (900, 3_000)]
    columns = envelope(points, 1_000, 10)
    assert columns == [9_000, 2_000, 2_000, 2_000, 2_000, 0, 0, 0, 0, 3_000]
    assert envelope([], 0, 3) == [0, 0, 0]


def test_plots_of_little_and_of_strange_numbers_are_drawn() -> None:
    assert line_plot("x", "", []) == ""
    assert "<circle" in line_plot("x", "m<A", [Series("<a>", [(1, 5.0)])])
    assert "&lt;A" in line_plot("x", "m<A", [Series("a", [(1, -5.0), (2, -5.0)])])
    many = line_plot("x", "", [Series(f"s{n}", [(1, n), (2, n)]) for n in range(6)])
    assert many.count("<polyline") == 6
    assert "<path" in amplitude_plot("x", [(0, 5)], 0)
    assert [nice_step(span) for span in (0, 1, 7, 40, 1_000)] == [1.0, 0.2, 2.0, 10.0, 200.0]


def test_the_head_as_a_code_for_paper() -> None:
    assert "<svg" in qr_svg("ab" * 32)


@pytest.mark.parametrize("end", ["completed", "fault", "broken", "none"])
def test_the_report_as_pdf(tmp_path: Path, end: str) -> None:
    from estim.records.pdf import pdf_report

    done = read(tmp_path, end)
    rude = replace(done.summary, patient='#panic("x")', warnings=('#read("/etc/passwd")', "$x$ *b* ]"))
    made = pdf_report(replace(done, summary=rude))
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize(
    ("kind", "noted", "said"),
    [
        (
            "note",
            {"discomfort": 10, "felt_ua": {"1": 21_000}, "sent_ua": {"1": 13_000}},
            "Discomfort 10 of 10 at 21 mA",
        ),
        ("note", {"discomfort": 10, "sent_ua": {"1": 13_000}}, "Discomfort 10 of 10 at 13 mA"),
        ("reason", {"stopped": "wrong-contraction"}, "Why it was stopped: wrong contraction"),
        (
            "reason",
            {"instead_of": "wrong-contraction", "stopped": "skin"},
            "Why it was stopped: skin (corrected; said before: wrong contraction)",
        ),
        (
            "note",
            {"ended_for": "short-of-time", "instead_of": "pain"},
            "Why it was ended: short of time (corrected; said before: pain)",
        ),
        ("reason", {"ended_for": "contraindicated"}, "Why it was ended: contraindicated"),
        ("note", {"left_by": "PT1"}, "Left before the signature, by: PT1"),
        ("note", {"setup_s": 138}, "From sign-in to the first current of treatment: 2:18 min"),
        (
            "note",
            {"skin_before": "0 normal", "skin_by_channel": {"tibialis-anterior-peronei": "0 normal"}, "pads": {}},
            "Skin before the pads: 0 normal; by channel: tibialis anterior peronei 0 normal",
        ),
        ("note", {"pads": {"wrist-extensors": "A1"}}, "Written on the pads: wrist extensors A1"),
        ("note", {"text": "all {is} well"}, "all {is} well"),
        ("note", {"some_new_key": ["a", 2]}, "some new key a, 2"),
    ],
)
def test_what_was_noted_is_told_in_words(kind: str, noted: dict[str, object], said: str) -> None:
    entry = Entry(1, 0, kind, simulated=True, fields=noted, hash="")
    assert [text for _, _, text in happened([entry])] == [said]


def test_a_note_that_holds_nothing_is_not_told() -> None:
    assert not list(happened([Entry(1, 0, "note", simulated=True, fields={"pads": {}}, hash="")]))
