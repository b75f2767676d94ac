"""Starting the console in this terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from estim.console.app import EstimConsole
from estim.console.home_view import HomeView, RecordsHome
from estim.console.language import chosen, load
from estim.console.observer import ObserverConsole
from estim.console.patient_screen import PatientConsole
from estim.console.settings import Settings, parse_settings
from estim.console.stopping_app import EXIT_UNCERTAIN
from estim.console.way_out import terminal_fd
from estim.controller.interface import SessionClient
from estim.controller.observing import ObserverClient
from estim.safety.errors import UsageError

DEFAULT_THEME = "estim-dark"


def run_console(
    client: SessionClient,
    *,
    home: Path | None = None,
    home_view: HomeView | None = None,
    language: str | None = None,
    theme: str | None = None,
    empty_room: bool = False,
) -> int:
    """Run the console in this terminal until the session is left; gives the command's exit code.

    The client stays the caller's to close. `empty_room`: nobody lies on the pads of the simulated stimulator.

    Raises:
        UsageError: there is no terminal to draw on and read keys from, no such language, or `console.toml` in `home` is
            not usable, above all a key that belongs to the stop.
    """
    need_terminal()
    settings = settings_of(home)
    words = load(chosen(language, settings.language, os.environ))
    if home_view is None and home is not None:
        home_view = RecordsHome(home)
    app = EstimConsole(
        client,
        home_view=home_view,
        keymap=settings.data,
        say=words,
        theme=theme or settings.theme or DEFAULT_THEME,
        before_real=settings.before_real,
        empty_room=empty_room,
    )
    code = app.run()
    app.given_back()
    return EXIT_UNCERTAIN if code is None else code


def run_observer(
    home: Path,
    *,
    pid: int | None,
    who: str,
    language: str | None = None,
    theme: str | None = None,
    patient: bool = False,
) -> int:
    """Look on at a running session of this home until it is left; gives the command's exit code.

    Args:
        patient: the patient's own screen: what to do now and nothing else.

    Raises:
        UsageError: no terminal, no such session, or several and none is named.
        LinkLost: it has just ended.
    """
    need_terminal()
    settings = settings_of(home)
    words = load(chosen(language, settings.language, os.environ))
    client = ObserverClient(home, pid=pid, who=who)
    try:
        kind = PatientConsole if patient else ObserverConsole
        app = kind(client, keymap=settings.data, say=words, theme=theme or settings.theme or DEFAULT_THEME)
        code = app.run() or 0
        app.given_back()
        return code
    finally:
        client.close()


def settings_of(home: Path | None) -> Settings:
    """The home's `console.toml`; an empty one where there is none.

    Raises:
        UsageError: it is not usable.
    """
    path = home / "console.toml" if home is not None else None
    return parse_settings(path.read_bytes()) if path is not None and path.is_file() else Settings()


def need_terminal() -> None:
    """Textual reads keys from standard input and draws on standard error; from a file it would read the end for ever.

    Raises:
        UsageError: one of both is no terminal, or it says that nothing can be drawn on it.
    """
    if "TEXTUAL_DRIVER" in os.environ:
        return
    if os.environ.get("TERM") == "dumb":
        raise UsageError(
            "the console draws over the whole terminal, and this one says that it can't (TERM=dumb): `estim run` and "
            "`estim rehearse` work there; where it can, set TERM to its name, such as xterm-256color"
        )
    for stream, name in ((sys.__stdin__, "standard input"), (sys.__stderr__, "standard error")):
        if terminal_fd(stream) is None:
            raise UsageError(
                f"the console needs a terminal, and {name} is none; `estim run` and `estim rehearse` work without"
            )
