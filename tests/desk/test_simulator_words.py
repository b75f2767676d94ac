"""Why a simulated stimulator does not begin: said where the session was asked for, not in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.desk.simulator import Simulator
from estim.safety.errors import UsageError


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sim://p24?patient=nobody", "no virtual patient 'nobody'"),
        ("sim://p24?seed=abc", "'abc': a whole number of at most 18 digits"),
        ("sim://p24?faults=/nowhere.toml", "No such file"),
        ("sim://p24?seed=1%00", "a letter that is none"),
        ("sim://[::1", "Invalid IPv6"),
    ],
)
def test_its_reason_is_in_the_refusal(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        Simulator(url, logs=tmp_path)
