"""Why a simulated stimulator does not begin: said where the session was asked for, not in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from estim.desk.simulator import Simulator
from estim.rehearsal.asked import check_asked, check_simulated
from estim.safety.errors import UsageError

WHOLE = "at most 18 digits"
PLANS = {
    "no TOML": ("[[fault]", "Expected"),
    "of another kind": ('kind = "restart"', "unknown key 'kind'"),
    "no entries": ('fault = "restart"', r"under \[\[fault\]\]"),
    "an entry that is none": ("fault = [1]", r"under \[\[fault\]\]"),
    "no kind": ('[[fault]]\nat = "1 s"', r"fault\[0\].kind None: one of"),
    "a kind that is a list": ('[[fault]]\nat = "1 s"\nkind = ["flip"]', r"fault\[0\].kind \['flip'\]: one of"),
    "no time": ('[[fault]]\nkind = "flip"', r"fault\[0\]: at and for"),
    "a time of thousands of digits": (f'[[fault]]\nat = "{"9" * 5_000} s"\nkind = "flip"', "is no time"),
    "digits of another script": ('[[fault]]\nat = "٣ s"\nkind = "flip"', "is no time"),
    "a channel that is a text": ('[[fault]]\nat = "1 s"\nkind = "dry"\nchannel = "one"', "a channel, 1 to 8"),
    "a size that is a list": ('[[fault]]\nat = "1 s"\nkind = "flip"\nsize = []', r"size \[\]"),
    "a size of thousands of digits": (f'[[fault]]\nat = "1 s"\nkind = "flip"\nsize = {"9" * 5_000}', "fault plan"),
    "nested too deep": ("fault = " + "[" * 5_000, "nested too deep|Maximum"),
    "another encoding": ('# caf\udce9\n[[fault]]\nat = "1 s"\nkind = "flip"', "not UTF-8"),
}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sim://p24?patient=nobody", "no virtual patient 'nobody'"),
        ("sim://p24?faults=/nowhere.toml", "No such file"),
        *((f"sim://p24?seed={text}", WHOLE) for text in ("abc", "²", "١", "1_0", "--1", "", "9" * 5_000)),
        ("sim://p24?seed=1%00", "a letter that is none"),
        ("sim://p24?seed=%ff", "a letter that is none"),
        ("sim://p24?seed=1&seed=2", "seed is given twice"),
        ("sim://p24?pulses=/nowhere/pulses.csv", "no file can be written there"),
        ("sim://p24?pulses=a#b.csv", "write %23"),
        (f"sim://p24?{'x' * 5_000}=1", "no option 'xxx"),
        ("sim://p25", "MODEL one of p24"),
        ("sim://p24/foo", "MODEL one of p24"),
        ("sim://[::1", "Invalid IPv6"),
    ],
)
def test_its_reason_is_in_the_refusal(url: str, says: str, tmp_path: Path) -> None:
    """The simulator itself says it, where what is asked was not judged before: the first two."""
    for judge in (lambda: check_simulated(url), lambda: Simulator(url, logs=tmp_path)):
        with pytest.raises(UsageError, match=says) as refused:
            judge()
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize("kind", PLANS)
def test_a_fault_plan_is_judged_before_anything_is_begun(kind: str, tmp_path: Path) -> None:
    plan, (text, says) = tmp_path / "plan.toml", PLANS[kind]
    plan.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=says) as refused:
        check_asked(str(plan), "")
    assert len(str(refused.value)) < 800
    with pytest.raises(UsageError, match=says):
        check_simulated(f"sim://p24?faults={plan}")


def test_what_only_a_host_can_suffer_is_no_plan_of_a_device(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[[fault]]\nat = "1 s"\nkind = "full-disk"\n', encoding="utf-8")
    check_asked(str(plan), "")
    with pytest.raises(UsageError, match="happens in the host"):
        check_simulated(f"sim://p24?faults={plan}")
    plan.write_text('[[fault]]\nat = "1 s"\nkind = "dry"\nchannel = 5\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"a rehamove3 has 1\.\.4"):
        check_simulated(f"sim://rehamove3?faults={plan}")


@pytest.mark.parametrize("name", ["", "/", "a\0b", "x" * 5_000, "/dev/zero"])
def test_what_is_no_file_is_no_fault_plan(name: str) -> None:
    with pytest.raises(UsageError, match="fault plan"):
        check_asked(name, "")
