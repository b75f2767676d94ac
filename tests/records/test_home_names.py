"""A home whose name can't be taken: what is wrong with it, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from estim.records.home import find_home
from estim.safety.errors import RecordError


@pytest.mark.skipif(sys.platform == "win32", reason="Windows guesses the folder of another account")
def test_a_home_of_nobody_is_named_in_one_sentence() -> None:
    with pytest.raises(
        RecordError, match=r"^home ~nobody-of-this-name/x: [^.]*: give --home FOLDER or set ESTIM_HOME$"
    ):
        find_home("~nobody-of-this-name/x")


@pytest.mark.parametrize(
    ("coding", "said"), [("utf-8", "its name is not UTF-8"), ("ascii", "can't be read as ascii, .* set PYTHONUTF8=1")]
)
def test_a_name_that_this_system_reads_otherwise_is_not_called_no_utf_8(
    coding: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under LC_ALL=C without UTF-8 mode a folder named `ä` was "not UTF-8"."""
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: coding)
    with pytest.raises(RecordError, match=said):
        find_home(str(tmp_path / "a\udcc3"))
