"""The console in a browser on this machine, for practice: Textual's web driver behind textual-serve, on loopback alone.

A browser tab may be closed, throttled or hung without anybody noticing, and what is pressed there has come a long way
before it is a stop key: so it drives simulated devices and nothing else. The first tab holds the session; a second one
looks on at it. There is no password: whoever may open a socket on this machine may practise.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from estim.platform.extras import how_to_get
from estim.platform.processes import is_alive
from estim.safety.errors import Problem, SetupError, UsageError

# Keys reach the console only while xterm.js' hidden text field has the focus: it gets it as soon as it is there, and
# back whenever something else takes it, so that no stop key waits for a click.
FOCUS = """<script>
(() => {
  const field = () => document.querySelector('.xterm-helper-textarea');
  const take = () => { if (document.activeElement !== field()) field()?.focus(); };
  new MutationObserver(take).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener('focusout', () => setTimeout(take));
  window.addEventListener('focus', take);
})();
</script>"""

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

HOST = "127.0.0.1"
# Nothing is fetched from anywhere else, though textual-serve's page asks for a font.
POLICY = (
    "default-src 'self' data:; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' ws://{host}; frame-ancestors 'none'"
)


def refuse_real(device: str) -> None:
    """Only `sim://`.

    Raises:
        SetupError: anything else, with the reason.
    """
    if not device.startswith("sim://"):
        reason = (
            f"--web is for practice and serves simulated devices alone (sim://MODEL), not {device}: a browser tab can "
            "be closed, throttled or hung unseen, and its stop key is not proved. At a patient use `estim console`"
        )
        raise SetupError([Problem(severity="refuse", key="--device", message=reason, asked=device, rule="web")])


def serve(arguments: list[str], *, port: int) -> int:
    """Serve until Ctrl-C.

    Args:
        arguments: of `estim console` for each tab, without `--web`.

    Raises:
        UsageError: textual-serve is not installed, or the port is none.
    """
    if not 1 <= port <= 65535:
        raise UsageError(f"--port {port}: 1 to 65535")
    try:
        from textual_serve.server import Server  # noqa: PLC0415  # an extra: estim[web]
    except ImportError:
        raise UsageError(f"--web needs textual-serve: {how_to_get('web')}") from None
    from aiohttp import web as http  # noqa: PLC0415

    class LoopbackServer(Server):
        """Answers this machine's own page and no other's."""

        async def _make_app(self) -> web.Application:
            app = await super()._make_app()
            app.middlewares.append(http.middleware(only_own(port)))
            return app

    tab = [sys.executable, "-m", "estim", "console", *arguments, "--web-tab", str(os.getpid())]
    LoopbackServer(shlex.join(tab), host=HOST, port=port, title="estim, practice").serve()
    return 0


def only_own(port: int) -> Middleware:
    """A middleware that refuses other pages' requests (an open tab elsewhere could reach any loopback port)."""
    from aiohttp import web as http  # noqa: PLC0415

    hosts = {f"{name}:{port}" for name in (HOST, "localhost")}

    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin", "")
        if request.host not in hosts or (origin and origin.removeprefix("http://") not in hosts):
            raise http.HTTPForbidden(text="estim answers this machine's own page alone")
        response = await handler(request)
        if isinstance(response, http.Response) and response.content_type == "text/html" and response.text is not None:
            response.text = response.text.replace("</body>", f"{FOCUS}</body>")
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY.format(host=request.host)
        return response

    return check


@contextlib.contextmanager
def tab_lock(home: Path, server: int) -> Iterator[Callable[[int], None] | None]:
    """The first tab of a server gets a function that says which controller it holds; further ones get None."""
    path = home / "observe" / f"web-{server}.tab"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if held_by(home, server) is not None:
        yield None
        return
    path.unlink(missing_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield lambda pid: _hold(path, pid)
    finally:
        path.unlink(missing_ok=True)


def _hold(path: Path, controller: int) -> None:
    path.write_text(f"{os.getpid()} {controller}", encoding="ascii", newline="\n")


def held_by(home: Path, server: int) -> int | None:
    """The controller of the tab that holds this server's session, if that tab still lives."""
    path = home / "observe" / f"web-{server}.tab"
    with contextlib.suppress(OSError, ValueError):
        tab, controller = (int(word) for word in path.read_text(encoding="ascii").split())
        return controller if is_alive(tab) else None
    return None
