"""A practice session in a real browser: `estim console --web`, Chromium without a window, keys typed into the page.

python tests/system/browser_session.py [--pictures FOLDER]     or  make browser

chromedriver is spoken to by W3C WebDriver over HTTP, with the standard library alone. What the page draws is a canvas,
so its text is read one step before: a script that runs ahead of the page's own keeps what its WebSocket receives, and
`terminal.Picture` makes rows of text of it; screenshots show what was really drawn. Without chromium or chromedriver it
says so and ends with 0.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from estim.records.verify import verify_session  # noqa: E402
from tests.support import sample  # noqa: E402
from tests.system import therapist  # noqa: E402
from tests.system.conftest import PATIENCE_S, environment  # noqa: E402
from tests.system.terminal import Hands, Picture  # noqa: E402

NEEDED = ("chromium", "chromedriver")
WINDOW = (1280, 800)
# W3C WebDriver, 17.4.2: keys without a character of their own.
W3C = {
    "enter": "\ue007", "tab": "\ue004", "escape": "\ue00c", "space": " ", "up": "\ue013", "down": "\ue015",
    **{f"f{number}": chr(0xE030 + number) for number in range(1, 13)},
}  # fmt: skip
HOOK = """
window.__got = []; window.__size = [0, 0];
const Plain = WebSocket;
const size = (w, h) => { window.__size = [Number(w), Number(h)]; };
window.WebSocket = class extends Plain {
  constructor(url, ...rest) {
    super(url, ...rest);
    const asked = new URL(url, location).searchParams;
    size(asked.get('width'), asked.get('height'));
    this.addEventListener('message', async (event) => {
      if (typeof event.data === 'string') return;
      const bytes = new Uint8Array(event.data instanceof Blob ? await event.data.arrayBuffer() : event.data);
      window.__got.push(btoa(String.fromCharCode(...bytes)));
    });
  }
  send(data) {
    try { const said = JSON.parse(data); if (said[0] === 'resize') size(said[1].width, said[1].height); } catch {}
    return super.send(data);
  }
};
"""


def missing() -> list[str]:
    """The programs that this needs and that are not on the path."""
    return [name for name in NEEDED if shutil.which(name) is None]


class Browser:
    """One window of one browser."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        options = {
            "binary": shutil.which("chromium"),
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={WINDOW[0]},{WINDOW[1]}",
                "--disable-background-networking", "--no-first-run",
            ],
        }  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self._session = ""
        self._session = f"/session/{self.do('/session', wanted)['sessionId']}"

    def do(self, path: str, body: dict[str, Any] | None = None, *, method: str = "POST") -> Any:
        """One command; gives its value."""
        data = None if method != "POST" else json.dumps(body or {}).encode()
        asked = urllib.request.Request(  # noqa: S310  # our own driver on this machine
            self._url + self._session + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:500]}") from None

    def close(self) -> None:
        self.do("", method="DELETE")


class Page(Hands):
    """The console in the page."""

    def __init__(self, browser: Browser, url: str, pictures: Path) -> None:
        self.keys = 0
        self._browser, self._pictures = browser, pictures
        browser.do("/goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": HOOK}})
        browser.do("/url", {"url": url})
        self.picture = Picture(1, 1)
        until = time.monotonic() + 30
        while (size := self._ask("return window.__size;")) == [0, 0]:
            assert time.monotonic() < until, "the page opened no terminal"
            time.sleep(0.1)
        time.sleep(1.0)  # the page fits its terminal to the window
        self.picture = Picture(*self._ask("return window.__size;"))
        assert size != [0, 0]
        self.sees("Who works here?", "OBSERVER")
        assert self._ask("return document.activeElement.tagName;") == "TEXTAREA"

    def _ask(self, script: str) -> Any:
        return self._browser.do("/execute/sync", {"script": script, "args": []})

    def look(self, seconds: float = 0.0) -> None:
        """Take in what the page has received within `seconds`."""
        until = time.monotonic() + seconds
        while True:
            for data in self._ask("const got = window.__got; window.__got = []; return got;"):
                self.picture.feed(base64.b64decode(data))
            if time.monotonic() >= until:
                return
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._browser.do("/actions", _key(W3C.get(key, key)))
            self.keys += 1
            self.look(0.02)

    def photograph(self, name: str) -> None:
        """What the browser has drawn."""
        time.sleep(0.3)
        data = self._browser.do("/screenshot", method="GET")
        (self._pictures / f"{name}.png").write_bytes(base64.b64decode(data))


def _key(value: str) -> dict[str, Any]:
    presses = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
    return {"actions": [{"type": "key", "id": "keyboard", "actions": presses}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], port: int, log: Path, **options: Any) -> Iterator[None]:
    """A program that listens on this port, ended afterwards."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)
    try:
        until = time.monotonic() + 30
        while True:
            assert process.poll() is None, log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < until, f"{command[0]} does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextlib.contextmanager
def page(home: Path, pictures: Path, *options: str) -> Iterator[Page]:
    """A console in a browser, with this home."""
    port, driver = free_port(), free_port()
    console = [sys.executable, "-m", "estim", "console", "--web", "--port", str(port), "--home", str(home), *options]
    with (
        served(console, port, home / "web.log", env=environment(home)),
        served([str(shutil.which("chromedriver")), f"--port={driver}"], driver, home / "chromedriver.log"),
    ):
        browser = Browser(driver)
        try:
            yield Page(browser, f"http://127.0.0.1:{port}/", pictures)
        finally:
            browser.close()


def whole_session(home: Path, pictures: Path) -> Page:
    """From sign-in to the seal, a stop by key on the way; pictures of the main screens."""
    therapist.own_protocol(home, sample("contractions = 3", "contractions = 2"))
    with page(home, pictures, "--device", "sim://p24?patient=foot-drop&seed=1") as tab:
        hands: Any = tab
        tab.sees("Who works here?")
        tab.photograph("1-patient")
        therapist.sign_in(hands)
        therapist.choose(hands)
        therapist.screen(hands)
        tab.photograph("2-pads")
        therapist.place(hands)
        therapist.try_device(hands)
        tab.photograph("3-levels")
        therapist.find_levels(hands, steps=6)
        therapist.start_therapy(hands)
        tab.photograph("4-treat")
        tab.press("space")
        tab.sees("Why was it stopped")
        tab.photograph("5-stopped")
        tab.press("7")
        therapist.start_therapy(hands)
        tab.sees("on to the outcome")
        therapist.end_and_sign(hands)
        tab.photograph("6-sealed")
    return tab


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="folder for the screenshots")
    given = parser.parse_args()
    if names := missing():
        sys.stdout.write(
            f"skipped: not on the path: {', '.join(names)} (Debian: apt-get install chromium chromium-driver)\n"
        )
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        pictures = given.pictures or home
        pictures.mkdir(parents=True, exist_ok=True)
        tab = whole_session(home, pictures)
        (record,) = (home / "records" / "simulated").glob("2*/record.jsonl")
        verdict = verify_session(record.parent)
        lines = record.read_text(encoding="utf-8").splitlines()
    simulated = all('"simulated":true' in line for line in lines)
    sys.stdout.write(
        f"{tab.keys} keys, {time.monotonic() - began:.0f} s, {len(lines)} lines, all simulated: {simulated}\n"
        f"record verified: {verdict.ok}, sealed: {verdict.sealed}, outcome: {verdict.outcome}\n"
    )
    return 0 if verdict.ok and verdict.sealed and verdict.outcome == "completed" and simulated else 1


if __name__ == "__main__":
    sys.exit(main())
