"""Time stamps of an authority (RFC 3161) on anchors: proof from outside of when a home was so far.

A request holds a digest alone, so nothing of a patient leaves the house. What comes back is kept beside its anchor, as
text, in `stamps/` of the home; the station's chain names each file, so that one that is gone or changed is found. The
library (rfc3161-client, extra `stamps`) makes requests and checks answers without a network of its own.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estim.platform.extras import how_to_get
from estim.platform.files import private_folder, replace_whole, trouble, unread
from estim.records.anchor import Anchor, against, make_anchor, read_anchors
from estim.records.guard import digest
from estim.records.station import enter_station, read_station
from estim.safety.errors import RecordError, UsageError, brief, quoted

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

FOLDER, PENDING = "stamps", "pending"
BEGIN, END = "-----BEGIN TIME STAMP-----", "-----END TIME STAMP-----"
ANSWER_S = 20  # a server that does not answer by then is asked another day
ANSWER_BYTES = 200_000  # a token with its authority's certificates has 2 to 8 kB
CLOCK_S = 300  # further apart than this, the station's clock was wrong, or the answer old
_BLOCK = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """One time stamp.

    Attributes:
        anchor: what was stamped.
        utc: the authority's time.
        authority: who signed it, by its certificate; "" if the certificate is not in the answer.
        checked: the authority's signature leads to one of the roots that were given.
    """

    anchor: Anchor
    utc: datetime.datetime
    authority: str
    checked: bool

    @property
    def clock_off_s(self) -> float:
        """By how much the station's clock was ahead of the authority's when the anchor was made."""
        return (datetime.datetime.fromisoformat(self.anchor.utc) - self.utc).total_seconds()


def _library() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError(f"time stamps need the extra `stamps`: {how_to_get('stamps')}") from None
    return rfc3161_client


def begin(home: Path) -> bytes:
    """A request for an anchor of now, which waits in the home for its answer; gives the request (DER).

    Raises:
        RecordError: the home can't be written.
        UsageError: the library is not installed.
    """
    library = _library()
    text = str(make_anchor(home))
    made = library.TimestampRequestBuilder(
        data=text.encode("utf-8"), hash_algorithm=library.HashAlgorithm.SHA256, nonce=True, cert_req=True
    ).build()
    request: bytes = made.as_bytes()
    folder = home / FOLDER
    try:
        private_folder(folder)
        replace_whole(folder / PENDING, f"{text}\n{made.nonce}\n".encode())
    except OSError as error:
        raise RecordError(f"{folder}: {trouble(error)}") from None
    return request


def finish(home: Path, answer: bytes, roots: bytes = b"") -> tuple[Stamp, Path]:
    """The answer to the request that waits is checked and kept.

    Args:
        answer: as the authority gave it (DER).
        roots: certificates that are trusted, PEM; without any its signature is not looked at.

    Raises:
        RecordError: no request waits, or this is not its answer.
    """
    pending = home / FOLDER / PENDING
    try:
        text, number = pending.read_text(encoding="utf-8").splitlines()
        nonce = int(number)
    except (OSError, ValueError):
        raise RecordError(f"{pending}: no request waits for an answer; make one with `estim records stamp`") from None
    stamp = judge(read_anchors(text)[0], answer, roots, nonce=nonce)
    kept = _free(pending.with_name(f"{stamp.utc:%Y%m%dT%H%M%SZ}.stamp"))
    block = base64.encodebytes(answer).decode("ascii")
    try:
        replace_whole(kept, f"{text}\n{BEGIN}\n{block}{END}\n".encode("ascii"))
        enter_station(
            home, "stamped", file=kept.name, sha256=digest(kept), time=stamp.utc.isoformat(), authority=stamp.authority
        )
        pending.unlink()
    except OSError as error:
        raise RecordError(f"{kept}: {trouble(error)}") from None
    return stamp, kept


def _free(path: Path) -> Path:
    """This name, or with a number where two stamps are of one second: what the chain names is never replaced."""
    number = 2
    free = path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free


def ask(server: str, request: bytes) -> bytes:
    """The answer of an authority's server (RFC 3161, 3.4: over HTTP).

    Raises:
        RecordError: it can't be reached, or answers something else.
        UsageError: no http address.
    """
    if not server.startswith(("https://", "http://")):
        raise UsageError(f"--server {quoted(server)}: an address that begins with https:// or http://")
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        asked = urllib.request.Request(server, data=request, headers=headers)  # noqa: S310 - http alone, looked at above
        with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:  # noqa: S310
            kind = answer.headers.get_content_type()
            data: bytes = answer.read(ANSWER_BYTES)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise RecordError(
            f"{brief(server)}: no time stamp came: {reason}; nothing is changed, try again later"
        ) from None
    if kind != "application/timestamp-reply":
        raise RecordError(f"{server}: it answered {kind}, which is no time stamp")
    return data


def judge(anchor: Anchor, answer: bytes, roots: bytes = b"", *, nonce: int | None = None) -> Stamp:
    """What an answer proves of an anchor.

    Raises:
        RecordError: it is damaged, refused, of another anchor or request, or leads to none of the roots.
    """
    library = _library()
    try:
        response: TimeStampResponse = library.decode_timestamp_response(answer)
        status, reasons = response.status, "; ".join(response.status_string)
        info = response.tst_info
        imprint = info.message_imprint
    except (ValueError, TypeError) as error:
        text = f"this is no answer of a time stamp authority (RFC 3161, DER): {str(error)[:200]}"
        raise RecordError(text) from None
    if status not in {library.PKIStatus.GRANTED, library.PKIStatus.GRANTED_WITH_MODS}:
        raise RecordError(f"the authority refused: {reasons or f'status {status}'}")
    hashed = hashlib.sha256(str(anchor).encode("utf-8")).digest()
    if imprint.message != hashed:
        raise RecordError("this time stamp is of something else than this anchor")
    if nonce is not None and info.nonce != nonce:
        raise RecordError("this time stamp answers another request than the one that waits")
    if roots:
        _verify(response, hashed, roots)
    return Stamp(anchor=anchor, utc=info.gen_time, authority=_authority(response), checked=bool(roots))


def _verify(response: TimeStampResponse, hashed: bytes, roots: bytes) -> None:
    from cryptography import x509  # noqa: PLC0415 - 20 ms that no other command pays

    library = _library()
    try:
        trusted = set(x509.load_pem_x509_certificates(roots))  # two bundles put together hold some twice
    except ValueError:
        raise RecordError("the file of the authorities' certificates holds none (PEM) that can be read") from None
    builder = library.VerifierBuilder()
    for one in trusted:
        builder = builder.add_root_certificate(one)
    try:
        # What the answer brings along may stand between the signer and a root, and is never a root itself.
        brought = {x509.load_der_x509_certificate(der) for der in response.signed_data.certificates}
        for one in brought - trusted:
            if one.issuer != one.subject:
                builder = builder.add_intermediate_certificate(one)
        builder.build().verify(response, hashed)
    except (library.VerificationError, ValueError) as error:
        raise RecordError(f"the authority's signature leads to none of the roots: {error}") from None


def _authority(response: TimeStampResponse) -> str:
    """The subject of the certificate that signed."""
    from cryptography import x509  # noqa: PLC0415 - 20 ms that no other command pays

    try:
        signers = {(one.issuer, one.serial_number) for one in response.signed_data.signer_infos}
        for der in response.signed_data.certificates:
            one = x509.load_der_x509_certificate(der)
            if (one.issuer, one.serial_number) in signers:
                return one.subject.rfc4514_string()
    except ValueError:
        pass  # a certificate that can't be read names nobody
    return ""


def read_stamps(text: str) -> list[tuple[Anchor, bytes]]:
    """Each time stamp in a text, with the anchor that stands before it.

    Raises:
        RecordError: a block without its anchor, or one that is damaged.
    """
    found, begun = [], 0
    for block in _BLOCK.finditer(text):
        try:
            answer = base64.b64decode("".join(block[1].split()), validate=True)
        except binascii.Error:
            raise RecordError("a time stamp in there is damaged: it is no base64") from None
        found.append((read_anchors(text[begun : block.start()])[-1], answer))
        begun = block.end()
    return found


def kept(home: Path) -> list[Path]:
    """The files of a home that hold time stamps, the oldest first."""
    return sorted((home / FOLDER).glob("*.stamp"))


def judge_kept(home: Path) -> Iterator[tuple[Path, int | None, str]]:
    """What is wrong with the time stamps that a home keeps: (file, None, why). No library is needed for that."""
    reading = read_station(home)
    named = set()
    for line in reading.entries if reading is not None else ():
        if line["event"] != "stamped":
            continue
        path = home / FOLDER / Path(str(line["file"])).name
        named.add(path)
        if not path.is_file():
            yield path, None, f"the time stamp of {str(line['time'])[:10]} is gone; the station's chain saw it"
        elif digest(path) != line["sha256"]:
            yield path, None, f"the time stamp of {str(line['time'])[:10]} is not the one that the station's chain saw"
    for path in kept(home):
        if path not in named:
            yield path, None, "no line of the station's chain names this time stamp: it was put here"


def verdicts(home: Path, file: Path, roots: bytes) -> list[tuple[Stamp | None, str]]:
    """Each time stamp of a file, and why it proves nothing of this home ("" if it does).

    Raises:
        RecordError: the file can't be read.
    """
    try:
        found = read_stamps(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{file}: {unread(error)}") from None
    rows: list[tuple[Stamp | None, str]] = []
    for anchor, answer in found:
        try:
            rows.append((judge(anchor, answer, roots), against(home, anchor)))
        except RecordError as error:
            rows.append((None, str(error)))
    return rows
