"""Numbers on the command line are digits: what Python also takes for one is refused, with the reason."""

from __future__ import annotations

import pytest

from estim.cli import main
from estim.safety.units import plain_number
from tests.support import SHORT


@pytest.mark.parametrize(
    "text", ["1_0", "1e1", "١٠", "nan", "inf", "0x10", " 10", "10 ", "+10", "1.2.3", "", "1,5", "½"]
)
def test_what_is_no_number_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not a number"):
        plain_number(text)
    assert main(["rehearse", str(SHORT), "--level", f"quadriceps={text}"]) in {1, 2}
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--week", "--session", "--seed", "--worlds"])
@pytest.mark.parametrize("text", ["1_0", "١", "1e1", "-1", "1.0"])
def test_what_is_no_whole_number_is_refused(option: str, text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", str(SHORT), "--level", "quadriceps=10", option, text])
    assert ended.value.code == 2


def test_a_number_is_a_number() -> None:
    assert [plain_number(text) for text in ("0", "10", "7.5", "-3", "12.0")] == [0, 10, 7.5, -3, 12]
