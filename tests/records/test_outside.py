"""What others say of a home: a witness that cosigns what goes on, an authority's time stamps (RFC 3161)."""

from __future__ import annotations

import base64
import datetime
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.anchor import signed
from estim.records.home import Home
from estim.records.keys import station_signer
from estim.records.station import begin_station, enter_station, new_key, read_station
from tests.records.authority import LONG, SIGNS_OTHERS, answered, issue, make_authority, needs_openssl, openssl
from tests.records.build import NOON, session


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.root.mkdir()
    begin_station(made.root)
    session(made, "K-1", at=NOON - datetime.timedelta(days=1), simulated=False)
    session(made, "K-1", at=NOON, simulated=False)
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main([*map(str, words), "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def look(capsys: pytest.CaptureFixture[str], home: Home, witness: Path) -> int:
    code, found = said(capsys, "records", "witness", home.root, "--home", witness, "-o", witness.with_suffix(".txt"))
    assert (code == 0) == bool(found)
    return code


# -- a witness --------------------------------------------------------------------------------------------------------


def test_a_witness_signs_what_goes_on(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    witness = tmp_path / "witness"
    assert look(capsys, home, witness) == 0
    lines = tmp_path / "witness.txt"
    code, taken = said(capsys, "records", "cosigned", lines, "--home", home.root)
    assert code == 0
    assert len(taken["cosigned"]) == 1
    session(home, "K-2", at=NOON + datetime.timedelta(hours=1), simulated=False)
    new_key(home.root, operator="T1", reason="the old one was lost")
    assert look(capsys, home, witness) == 0, "a new key is the same station"
    code, verdict = said(capsys, "records", "verify", "--home", home.root, "--anchor", lines)
    assert (code, verdict["unvouched"]) == (0, "")
    assert [row["reason"] for row in verdict["anchors"]] == ["", ""]
    assert all(row["witness"] for row in verdict["anchors"])
    reading = read_station(home.root)
    assert reading is not None
    assert reading.first_bad is None


@pytest.mark.parametrize("what", ["older copy", "last session removed", "made anew", "line changed"])
def test_a_witness_signs_nothing_that_does_not_go_on(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    witness, before = tmp_path / "witness", tmp_path / "before"
    shutil.copytree(home.root, before)
    session(home, "K-2", at=NOON + datetime.timedelta(hours=1), simulated=False)
    enter_station(home.root, "looked", what="list", sessions=3, patient="", operator="T1", reason="")
    assert look(capsys, home, witness) == 0
    master = home.root / "records" / "real" / "master.jsonl"
    if what == "older copy":
        shutil.rmtree(home.root)
        shutil.copytree(before, home.root)
    elif what == "last session removed":
        master.write_bytes(b"".join(master.read_bytes().splitlines(keepends=True)[:-2]))
        station = home.root / "station.jsonl"
        station.write_bytes(b"".join(station.read_bytes().splitlines(keepends=True)[:-1]))
    elif what == "made anew":
        for path in (master, home.root / "station.jsonl"):
            path.unlink()
        begin_station(home.root)
    else:
        station = home.root / "station.jsonl"
        station.write_bytes(station.read_bytes().replace(b'"sessions":3', b'"sessions":2'))
    capsys.readouterr()
    assert main(["records", "witness", str(home.root), "--home", str(witness)]) == 1
    told = capsys.readouterr()
    assert not told.out
    assert "cosigned" in told.err
    lines = tmp_path / "witness.txt"
    assert main(["records", "verify", "--home", str(home.root), "--anchor", str(lines)]) == 1


def test_a_station_takes_no_line_that_is_not_about_it(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    witness, other = tmp_path / "witness", Home(tmp_path / "other")
    other.root.mkdir()
    begin_station(other.root)
    assert look(capsys, other, witness) == 0
    assert look(capsys, home, tmp_path / "second") == 0
    mine = (tmp_path / "second.txt").read_text(encoding="utf-8")
    assert main(["records", "anchor", "--home", str(home.root)]) == 0
    anchor = capsys.readouterr().out
    for text, why in (
        ((tmp_path / "witness.txt").read_text(encoding="utf-8"), "another station"),
        (anchor, "no witness's line"),
        (mine.replace("real=4", "real=3"), "does not fit"),
        (mine.replace("of=", "off="), "no anchor"),
    ):
        (tmp_path / "line.txt").write_text(text, encoding="utf-8")
        assert main(["records", "cosigned", str(tmp_path / "line.txt"), "--home", str(home.root)]) == 1
        assert why in capsys.readouterr().err
    assert main(["records", "witness", str(home.root), "--home", str(home.root)]) == 1
    assert main(["records", "witness", str(tmp_path / "none"), "--home", str(witness)]) == 1


# -- an authority's time stamps ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


def stamped(home: Home, authority: Path, folder: Path) -> Path:
    """The home after a time stamp that was carried by hand; gives the file that it keeps."""
    request = folder / "anchor.tsq"
    assert main(["records", "stamp", "--request", str(request), "--home", str(home.root)]) == 0
    answer, roots = answered(authority, request), str(authority / "root.pem")
    assert main(["records", "stamp", "--answer", str(answer), "--roots", roots, "--home", str(home.root)]) == 0
    (kept,) = (home.root / "stamps").glob("*.stamp")
    return kept


@needs_openssl
def test_a_time_stamp_is_kept_and_proves_when(
    home: Home, authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = stamped(home, authority, tmp_path)
    verify = ("records", "verify", "--home", home.root)
    code, verdict = said(capsys, *verify)
    assert code == 0
    assert "not checked" in verdict["stamps"][0]["words"]
    assert verdict["unvouched"], "an authority that nobody checked vouches for nothing"
    code, verdict = said(capsys, *verify, "--stamp-roots", authority / "root.pem")
    (row,) = verdict["stamps"]
    assert (code, row["checked"], row["authority"], verdict["unvouched"]) == (0, True, "CN=An authority", "")
    assert abs(row["clock_off_s"]) < 60
    code, verdict = said(capsys, *verify, "--stamp-roots", authority / "stranger.pem")
    assert code == 1
    assert "none of the roots" in verdict["stamps"][0]["reason"]
    elsewhere = tmp_path / "copy.stamp"
    shutil.copy(kept, elsewhere)
    kept.unlink()
    code, verdict = said(capsys, *verify, "--anchor", elsewhere, "--stamp-roots", authority / "root.pem")
    assert code == 1, "it is gone from the home, which the station's chain knows"
    assert any("is gone" in row["reason"] for row in verdict["sessions"])
    assert verdict["stamps"][0]["reason"] == ""


@needs_openssl
def test_a_changed_time_stamp_is_found(
    home: Home, authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = stamped(home, authority, tmp_path)
    whole = kept.read_bytes()
    for at in range(whole.index(b"BEGIN TIME"), len(whole), 211):
        kept.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert said(capsys, "records", "verify", "--home", home.root)[0] == 1


@needs_openssl
def test_an_answer_to_something_else_is_not_kept(
    home: Home, authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = ["records", "stamp", "--home", str(home.root)]
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"<html>no</html>")
    assert main([*stamp, "--answer", str(nothing)]) == 1
    assert "no request waits" in capsys.readouterr().err
    first, second = tmp_path / "first.tsq", tmp_path / "second.tsq"
    assert main([*stamp, "--request", str(first)]) == 0
    assert main([*stamp, "--request", str(second)]) == 0
    for answer, roots, why in (
        (nothing, "root.pem", "no answer of a time stamp authority"),
        (answered(authority, first), "root.pem", "something else"),
        (answered(authority, second), "stranger.pem", "none of the roots"),
    ):
        assert main([*stamp, "--answer", str(answer), "--roots", str(authority / roots)]) == 1
        assert why in capsys.readouterr().err
    assert not list((home.root / "stamps").glob("*.stamp"))
    assert main([*stamp, "--answer", str(second.with_suffix(".tsr")), "--roots", str(authority / "root.pem")]) == 0


class Server(http.server.BaseHTTPRequestHandler):
    """An authority behind a port; `asked` keeps what it was told."""

    authority: Path
    asked: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(body)
        request = self.authority / "asked.tsq"
        request.write_bytes(body)
        data = answered(self.authority, request).read_bytes() if self.path == "/stamp" else b"<html></html>"
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply" if self.path == "/stamp" else "text/html")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(authority: Path) -> Iterator[str]:
    Server.authority, Server.asked = authority, []
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@needs_openssl
def test_a_server_sees_a_digest_and_nothing_else(
    home: Home, authority: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = ["records", "stamp", "--home", str(home.root), "--roots", str(authority / "root.pem")]
    assert main([*stamp, "--server", f"{server}/other"]) == 1
    assert "no time stamp" in capsys.readouterr().err
    assert main([*stamp, "--server", f"{server}/stamp"]) == 0
    assert all(len(body) < 100 and b"K-1" not in body for body in Server.asked)
    assert said(capsys, "records", "verify", "--home", home.root, "--stamp-roots", authority / "root.pem")[0] == 0


def test_a_server_that_is_not_there_changes_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    stamp = ["records", "stamp", "--home", str(home.root), "--server"]
    assert main([*stamp, "http://127.0.0.1:9/"]) == 1
    assert "nothing is changed" in capsys.readouterr().err
    assert main([*stamp, "file:///etc/hosts"]) == 2
    assert main(["records", "verify", "--home", str(home.root)]) == 0


# -- a stranger with openssl, an insider with an editor ---------------------------------------------------------------


@pytest.fixture
def request_file(home: Home, tmp_path: Path) -> Path:
    made = tmp_path / "anchor.tsq"
    assert main(["records", "stamp", "--request", str(made), "--home", str(home.root)]) == 0
    return made


def refused(
    home: Home, answer: Path, roots: Path, capsys: pytest.CaptureFixture[str], code: int = 1, *, why: str
) -> None:
    """An answer that is not kept, and nothing that was not caught."""
    capsys.readouterr()
    told = ["records", "stamp", "--answer", str(answer), "--roots", str(roots), "--home", str(home.root)]
    assert main(told) == code
    assert why in capsys.readouterr().err
    assert not list((home.root / "stamps").glob("*.stamp"))


def brought(authority: Path, *names: str) -> None:
    """The certificates that an answer brings along, in the order that its encoding asks for."""
    pems = [(authority / f"{name}.pem").read_text(encoding="ascii") for name in names]
    ders = {base64.b64decode("".join(pem.split("-----")[2].split())): pem for pem in pems}
    (authority / "chain.pem").write_text("".join(ders[der] for der in sorted(ders)), encoding="ascii")


@needs_openssl
@pytest.mark.parametrize("what", ["forged", "chain brought along", "ran out", "by an authority that may not"])
def test_an_authority_that_is_none_is_refused(
    what: str, home: Home, authority: Path, request_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by, more = "forger", ""
    if what == "chain brought along":
        issue(authority, "between", f"{LONG} the rest", by="stranger", uses=SIGNS_OTHERS)
        issue(authority, "below", "A", by="between")
        brought(authority, "between", "stranger")
        by, more = "below", f"certs = {authority.as_posix()}/chain.pem"
    elif what == "ran out":
        issue(authority, "old", "An authority", by="root", days=-1)
        by = "old"
    elif what == "by an authority that may not":  # the authority's own certificate is no authority of others
        issue(authority, "may-not", f"{LONG} by far", by="root")
        issue(authority, "child", "A", by="may-not")
        brought(authority, "may-not")
        by, more = "child", f"certs = {authority.as_posix()}/chain.pem"
    answer = answered(authority, request_file, by=by, more=more)
    refused(home, answer, authority / "root.pem", capsys, why="none of the roots")


@needs_openssl
def test_a_stamp_of_another_hash_is_refused(
    home: Home, authority: Path, request_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = request_file.parent / "text"
    text.write_text((home.root / "stamps" / "pending").read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    openssl("ts", "-query", "-data", text, "-sha512", "-cert", "-out", request_file)
    refused(home, answered(authority, request_file), authority / "root.pem", capsys, why="something else")


@needs_openssl
def test_an_answer_that_came_before_is_not_taken_again(
    home: Home, authority: Path, request_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (home.root / "stamps" / "pending").read_text(encoding="utf-8").splitlines()[0]
    answer = answered(authority, request_file)
    (home.root / "stamps" / "pending").write_text(f"{text}\n12345\n", encoding="utf-8")  # the same anchor, asked anew
    refused(home, answer, authority / "root.pem", capsys, why="another request")
    (home.root / "stamps" / "pending").write_text(f"{text}\nno number\n", encoding="utf-8")
    refused(home, answer, authority / "root.pem", capsys, why="no request waits")


@needs_openssl
@pytest.mark.parametrize("held", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
def test_roots_without_a_certificate_are_bad_usage_and_not_an_unchecked_stamp(
    held: bytes, home: Home, authority: Path, request_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(held)
    answer = answered(authority, request_file)
    refused(home, answer, roots, capsys, 2, why="no certificate (PEM) is in there")
    assert main(["records", "stamp", "--answer", str(answer), "--home", str(home.root)]) == 0
    assert main(["records", "verify", "--home", str(home.root), "--stamp-roots", str(roots)]) == 2
    assert main(["records", "verify", "--home", str(home.root), "--stamp-roots", str(tmp_path / "none.pem")]) == 2


@needs_openssl
def test_a_root_twice_and_a_damaged_one(
    home: Home, authority: Path, request_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, roots = answered(authority, request_file), tmp_path / "roots.pem"
    whole = (authority / "root.pem").read_bytes()
    roots.write_bytes(whole.replace(b"\nM", b"\nN", 1))
    refused(home, answer, roots, capsys, why="none (PEM) that can be read")
    roots.write_bytes(whole + (authority / "stranger.pem").read_bytes() + whole)  # two bundles put together
    assert main(["records", "stamp", "--answer", str(answer), "--roots", str(roots), "--home", str(home.root)]) == 0
    code, verdict = said(capsys, "records", "verify", "--home", home.root, "--stamp-roots", roots)
    assert (code, verdict["stamps"][0]["checked"]) == (0, True)


@needs_openssl
def test_two_stamps_of_one_second_are_both_kept(home: Home, authority: Path, tmp_path: Path) -> None:
    stamp = ["records", "stamp", "--home", str(home.root)]
    answers = []
    for number in range(3):
        request = tmp_path / f"{number}.tsq"
        assert main([*stamp, "--request", str(request)]) == 0
        answers.append(answered(authority, request))
        assert main([*stamp, "--answer", str(answers[-1])]) == 0
    assert len(list((home.root / "stamps").glob("*.stamp"))) == 3
    assert main(["records", "verify", "--home", str(home.root)]) == 0


def test_roots_without_a_stamp_are_said(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    assert main(["records", "verify", "--home", str(home.root), "--stamp-roots", str(roots)]) == 0
    assert "no time stamp is here" in capsys.readouterr().out


def test_only_the_witness_whose_key_is_known_counts(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look(capsys, home, tmp_path / "witness") == 0
    assert look(capsys, home, tmp_path / "anybody") == 0
    verify = ("records", "verify", "--home", home.root, "--anchor")
    lines, others = tmp_path / "witness.txt", tmp_path / "anybody.txt"
    key = lines.read_text(encoding="utf-8").split("key=")[1].split()[0]
    assert main([*map(str, verify), str(others)]) == 0
    assert "anybody can sign as a witness" in capsys.readouterr().out
    code, verdict = said(capsys, *verify, lines, "--witness-key", key.upper())
    assert (code, [row["checked"] for row in verdict["anchors"]]) == (0, [True])
    code, verdict = said(capsys, *verify, others, "--witness-key", key)
    assert code == 1
    assert [row["reason"][:9] for row in verdict["anchors"]] == ["signed by", "no line o"]
    code, verdict = said(capsys, "records", "verify", "--home", home.root, "--witness-key", key)
    assert (code, verdict["anchors"][0]["reason"]) == (1, "no line of this witness is there")
    for bad in ("xyz", "00", ""):
        assert main([*map(str, verify), str(lines), "--witness-key", bad]) == 2


def test_a_station_is_no_witness_of_its_own_with_a_newer_key_either(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_key(home.root, operator="T1", reason="changed")
    reading = read_station(home.root)
    assert reading is not None
    own = signed(station_signer(home.root), home.root, of=str(reading.entries[0]["public_key"]))
    line = tmp_path / "own.txt"
    line.write_text(f"{own}\n", encoding="utf-8")
    assert main(["records", "cosigned", str(line), "--home", str(home.root)]) == 1
    assert "witness of their own" in capsys.readouterr().err
    assert main(["records", "verify", "--anchor", str(line), "--home", str(home.root)]) == 1


def test_an_anchor_that_lies_in_the_home_is_nothing_from_outside(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = home.root / "anchors.txt"
    assert main(["records", "anchor", "--home", str(home.root), "-o", str(inside)]) == 0
    code, verdict = said(capsys, "records", "verify", "--home", home.root, "--anchor", inside)
    assert code == 0
    assert verdict["anchors"][0]["inside"]
    assert "Nothing outside" in verdict["unvouched"]


def test_a_key_that_a_person_brought_in_is_said(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.root / "keys" / "station.key").unlink()
    new_key(home.root, operator="T1", reason="the old one was lost")
    code, verdict = said(capsys, "records", "verify", "--home", home.root)
    (row,) = verdict["introduced_keys"]
    assert (code, row["operator"], row["reason"]) == (0, "T1", "the old one was lost")
