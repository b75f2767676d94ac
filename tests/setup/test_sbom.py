"""The bill of materials says what estim itself asks for, each by a component that is in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tools.sbom import built, plain, with_root

ROOT = Path(__file__).parents[2]
ASKED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
LOCKED = re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"), re.MULTILINE)


def bill(names: list[str]) -> dict[str, object]:
    return {
        "components": [{"name": name, "bom-ref": f"L{number}"} for number, name in enumerate(names)],
        "dependencies": [{"ref": "root"}, *({"ref": f"L{number}"} for number in range(len(names)))],
        "metadata": {"component": {"name": "estim", "bom-ref": "root"}},
    }


def test_the_root_depends_on_what_the_project_asks_for_and_on_nothing_else() -> None:
    made = with_root(bill(LOCKED), ASKED, "1.0")
    names = {f"L{number}": plain(name) for number, name in enumerate(LOCKED)}
    (root,) = [one for one in made["dependencies"] if one["ref"] == "root"]
    assert {names[ref] for ref in root["dependsOn"]} == {plain(re.split(r"[<>=!~\[ ;]", one)[0]) for one in ASKED}
    assert len(made["dependencies"]) == len(LOCKED) + 1
    assert made["metadata"]["component"]["version"] == "1.0"


def test_a_lock_that_misses_one_makes_no_bill() -> None:
    with pytest.raises(KeyError, match="pyserial"):
        with_root(bill([name for name in LOCKED if name != "pyserial"]), ASKED, "1.0")


def test_the_bill_is_of_the_one_wheel_that_was_built(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not enough"):
        built(tmp_path)
    (tmp_path / "estim-0.2.0.dev0+g1234567-py3-none-any.whl").touch()
    assert built(tmp_path) == "0.2.0.dev0+g1234567"
