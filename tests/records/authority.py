"""A time stamp authority for tests: openssl plays it, with certificates that are made anew."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl plays the authority")
CONFIG = """[tsa]
default_tsa = t
[t]
serial = {0}/serial
signer_cert = {0}/{1}.pem
signer_key = {0}/{1}.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
{2}
"""
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")  # RSA keys take a second each
USES = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
# The signer's own certificate stands first in an answer, and those that it brings along must be in order of their
# bytes, which begin with their length: so theirs are the longer ones.
LONG = "whose name is so long that it is behind"
SIGNS_OTHERS = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n"


def openssl(*words: str | Path) -> None:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def make_authority(folder: Path) -> Path:
    """A root and an authority's certificate under it (`tsa`), and a root that nobody trusts with its own (`forger`)."""
    folder.mkdir(exist_ok=True)
    for name in ("root", "stranger"):
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", *NEW_KEY, *files, "-days", "30", "-subj", f"/CN={name}, {LONG}")
    issue(folder, "tsa", "An authority", by="root")
    issue(folder, "forger", "An authority", by="stranger")
    (folder / "serial").write_text("01\n", encoding="ascii")
    return folder


def issue(folder: Path, name: str, subject: str, *, by: str, uses: str = USES, days: int = 30) -> None:
    """A certificate; with `days` below 0 it ran out before it was made. (From 3.4 on openssl makes one like that only
    where both of its ends are named, which older ones can't.)
    """
    openssl(
        "req", *NEW_KEY, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr", "-subj", f"/CN={subject}"
    )
    (folder / "uses").write_text(uses, encoding="ascii")
    signed = ("-CA", folder / f"{by}.pem", "-CAkey", folder / f"{by}.key", "-CAcreateserial")
    lasting: tuple[str, ...] = ("-days", str(days))
    if days < 0 and OPENSSL is not None:
        told = subprocess.run([OPENSSL, "x509", "-help"], check=False, capture_output=True, text=True)
        if "-not_after" in told.stderr + told.stdout:
            lasting = ("-not_before", "20240101000000Z", "-not_after", "20240201000000Z")
    openssl(
        "x509", "-req", "-in", folder / f"{name}.csr", *signed, "-extfile", folder / "uses", *lasting,
        "-out", folder / f"{name}.pem",
    )  # fmt: skip


def answered(authority: Path, request: Path, *, by: str = "tsa", more: str = "") -> Path:
    """The authority's answer to a request, in a file beside it."""
    answer = request.with_suffix(".tsr")
    (authority / "tsa.cnf").write_text(CONFIG.format(authority.as_posix(), by, more), encoding="utf-8")
    openssl("ts", "-reply", "-config", authority / "tsa.cnf", "-queryfile", request, "-out", answer)
    return answer
