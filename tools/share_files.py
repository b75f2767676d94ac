"""What a system looks for below share/: the shells' completions and the man page, made from the parser at build time.

hatchling calls this for sdist and wheel. The sdist carries them, so that a wheel made from it needs no maker. The man
page's maker has no wheel of its own, so it is there for `make package` alone; without it a wheel has no man page.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {"bash": "bash-completion/completions/estim", "zsh": "zsh/site-functions/_estim"}
MAN = "man/man1/estim.1"


class ShareFiles(BuildHookInterface[Any]):
    """Adds share/ to what is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files, or take those of the sdist, and add them."""
        if version == "editable":
            return
        made = Path(self.root) / "share"
        if not made.is_dir():
            made = Path(tempfile.mkdtemp(prefix="estim-share-"))
            make(Path(self.root), made, self.metadata.version)
        place = "shared_data" if self.target_name == "wheel" else "force_include"
        build_data.setdefault(place, {}).update(
            {str(file): f"share/{file.relative_to(made).as_posix()}" for file in made.rglob("*") if file.is_file()}
        )


def make(root: Path, folder: Path, version: str) -> None:
    """Write the files below this folder with the makers that are installed."""
    sys.path[:0] = [str(root / "src"), str(root)]
    from estim.cli import parser

    def put(name: str, text: str) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    import shtab

    for shell, name in COMPLETIONS.items():
        put(name, shtab.complete(parser(), shell=shell))
    if importlib.util.find_spec("argparse_manpage") is not None:
        put(MAN, man_page(parser(), version))


def man_page(parser: Any, version: str) -> str:
    """estim(1)."""
    from argparse_manpage.manpage import Manpage

    page = Manpage(parser)
    page.version, page.manual = version, "estim"
    page.description = "session controller for neuromuscular electrical stimulation"
    return str(page)
