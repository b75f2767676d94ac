"""The library's index says what its files say, and says nothing where they differ."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from estim.protocols import library, shelf
from estim.protocols.catalogue import entries
from estim.protocols.search import Query, finds
from tools.library_index import FILE, made


def test_the_index_is_that_of_the_files() -> None:
    assert FILE.read_text("utf-8") == made(), "run python -m tools.library_index --write"


def test_a_search_finds_the_same_in_the_index_as_in_the_files() -> None:
    shelved = shelf.shelf()
    assert shelved is not None
    whole = [entry.protocol for entry in entries() if entry.protocol is not None]
    for query in (
        Query(),
        Query(condition="stroke"),
        Query(muscle="calf"),
        Query(words="knee"),
        Query(channels=(2, 4)),
    ):
        assert [each.id for each in shelved if finds(each, query)] == [each.id for each in whole if finds(each, query)]


@pytest.mark.parametrize("change", ["edit", "remove", "add", "damage"])
def test_an_index_of_other_files_says_nothing(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "library"
    shutil.copytree(Path(library.__file__).parent, folder)
    first = sorted(folder.glob("*.toml"))[0]
    if change == "edit":
        first.write_bytes(first.read_bytes() + b"\n")
    elif change == "remove":
        first.unlink()
    elif change == "add":
        (folder / "another.toml").write_bytes(first.read_bytes())
    else:
        (folder / shelf.INDEX).write_text(json.dumps({"x": 1}))
    monkeypatch.setattr(library, "_FOLDER", folder)
    monkeypatch.setattr(library, "__file__", str(folder / "__init__.py"))
    assert shelf.shelf() is None


def test_a_list_loads_no_schema(tmp_path: Path) -> None:
    code = (
        "import sys; from estim.cli import main; main(['protocols', 'list', '--home', sys.argv[1]]);"
        " sys.exit('pydantic' in sys.modules or 'cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"tens-conventional-pain" in done.stdout
