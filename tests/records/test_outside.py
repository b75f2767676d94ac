"""What others say of a home: a witness that cosigns what goes on, an authority's time stamps (RFC 3161)."""

from __future__ import annotations

import datetime
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from estim.cli import main
from estim.records.home import Home
from estim.records.station import begin_station, enter_station, new_key, read_station
from tests.records.build import NOON, session

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl plays the authority")
CONFIG = """[tsa]
default_tsa = t
[t]
serial = {0}/serial
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


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


def openssl(*words: str | Path) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a root, an authority's certificate and openssl's words for it."""
    folder = tmp_path_factory.mktemp("authority")
    for name in ("root", "stranger"):
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, "-days", "30", "-subj", f"/CN={name}")
    files = ("-keyout", folder / "tsa.key", "-out", folder / "tsa.csr")
    openssl("req", "-newkey", "rsa:2048", "-nodes", *files, "-subj", "/CN=An authority")
    uses = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
    (folder / "uses").write_text(uses, encoding="ascii")
    by = ("-CA", folder / "root.pem", "-CAkey", folder / "root.key", "-CAcreateserial", "-extfile", folder / "uses")
    openssl("x509", "-req", "-in", folder / "tsa.csr", *by, "-days", "30", "-out", folder / "tsa.pem")
    (folder / "serial").write_text("01\n", encoding="ascii")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder.as_posix()), encoding="utf-8")
    return folder


def answered(authority: Path, request: Path) -> Path:
    answer = request.with_suffix(".tsr")
    openssl("ts", "-reply", "-config", authority / "tsa.cnf", "-queryfile", request, "-out", answer)
    return answer


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
