"""A folder in which the project runs under Windows' CPython 3.11, made from the package registries alone.

Wine 10 of Debian 13, in a tree of its own, since older ones lack what pydantic-core imports; python.org's interpreter
out of a wheel that carries it; the standard library of this machine's own 3.11, which is the same source; and the
Windows wheels of the locks. Root, Debian's tools, some 350 MB of downloads; 2 to 4 minutes on two cores; 1.4 GB.

The kernel below is Wine, not Windows: what fails here nearly always fails there too; what passes is evidence, no proof.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from tools.lock import FOLDER
from tools.windows.run import words_of

HERE = Path(__file__).parent
PACKAGES = "wine64,gcc-mingw-w64-x86-64-win32"
PYTHON = "python311"
THERE = {
    "sys_platform": "win32",
    "os_name": "nt",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "extra": "",
}
# Linters and type checkers look at text, not at Windows; numpy comes from windows.txt.
LEFT_OUT = {"numpy", "panda3d", "mypy", "ruff", "grimp", "import-linter", "librt", "ast-serialize", "uvloop"}
LEFT_OUT_FILES = ("api-ms", "ucrt", "tcl", "tk", "_tkinter")  # the C runtime is Wine's own business


PROBE_S = 20.0  # a registry that has not answered by then does not
SECONDS = 150  # on two quiet cores it takes less; what is not begun when less is left


class Unable(Exception):
    """Not on this machine, or not in the time that is left, and why."""


class Place:
    """The folder, and how long its making may take.

    Attributes:
        cache: where all of it lies.
    """

    def __init__(self, cache: Path, seconds: float | None = None) -> None:
        self.cache = cache
        self._until = None if seconds is None else time.monotonic() + seconds

    def left_s(self) -> float | None:
        """Seconds; None for as long as it takes."""
        return None if self._until is None else self._until - time.monotonic()

    def command(self, *words: str | Path, log: Path | None = None, most_s: float | None = None) -> str:
        """One step.

        Raises:
            Unable: it failed, with its last lines, or there is no time for it.
        """
        left = [each for each in (self.left_s(), most_s) if each is not None]
        name = Path(str(words[0])).name
        said = [str(word) for word in words]
        with subprocess.Popen(
            said, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                out, err = process.communicate(timeout=max(0.0, min(left)) if left else None)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its own children too
                process.communicate()
                raise Unable(f"{name} takes longer than there is time for") from None
        if log is not None:
            log.write_text(out + err, encoding="utf-8")
        if process.returncode:
            last = " / ".join((out + err).strip().splitlines()[-3:])
            raise Unable(f"{name}: exit {process.returncode}: {last}")
        return out


def say(text: str) -> None:
    """What takes time."""
    print(f"windows: {time.strftime('%H:%M:%S')} {text}", flush=True)


def able() -> None:
    """Raises Unable where nothing can be prepared."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Unable("it takes root on Linux, for chroot and mounts")
    if sys.version_info[:2] != (3, 11):
        raise Unable(f"it takes Python 3.11, whose standard library goes along; this is {sys.version.split()[0]}")
    if shutil.which("apt-get") is None:
        raise Unable("it takes Debian's apt")


def recipe() -> str:
    """What the tree was made by."""
    files = (*(HERE / name for name in ("prepare.py", "starter.c", "starter.manifest")), FOLDER / "windows.txt")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def locks() -> str:
    """What its packages were taken from."""
    return hashlib.sha256((FOLDER / "dev.txt").read_bytes()).hexdigest()


def prepare(cache: Path, seconds: float | None = None) -> None:
    """Make what is missing; a second at most when nothing is.

    Raises:
        Unable: why it can't be made here, or not within so many seconds.
    """
    able()
    place = Place(cache, seconds)
    tree, packages = _said(cache / "recipe") != recipe(), _said(cache / "packages") != locks()
    if tree or packages:
        reachable(place, tree=tree)
    if tree:
        shutil.rmtree(cache / "root", ignore_errors=True)
        (cache / "packages").unlink(missing_ok=True)
        _tree(place)
        _interpreter(place)
        say("Wine's own folders")
        place.command(*words_of(cache, [], {}, boot=True))
        place.command(*words_of(cache, ["-c", "import ctypes, sqlite3, ssl, sys; assert sys.platform == 'win32'"], {}))
        (cache / "recipe").write_text(recipe(), encoding="utf-8")
    if tree or packages:
        _packages(place)
        place.command(*words_of(cache, ["-c", "import pytest, textual.app, estim.cli"], {}))
        (cache / "packages").write_text(locks(), encoding="utf-8")


def reachable(place: Place, *, tree: bool) -> None:
    """A look at each registry, before anything long is begun.

    Raises:
        Unable: which does not answer.
    """
    left = place.left_s()
    if left is not None and left < SECONDS:
        raise Unable(f"{left:.0f} s are left, and to prepare it may take {SECONDS} s")
    place.cache.mkdir(parents=True, exist_ok=True)
    place.command("unshare", "--mount", "--propagation", "private", "true", most_s=PROBE_S)
    if tree:
        file = f"{_mirror(place).rstrip('/')}/dists/trixie/InRelease"
        place.command("/usr/lib/apt/apt-helper", "download-file", file, place.cache / "probe", most_s=PROBE_S)
    shutil.rmtree(fetch(place, [line for line in entries("dev.txt") if line.startswith("pyserial=")], most_s=PROBE_S))


def _said(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _mirror(place: Place) -> str:
    sites = place.command("apt-get", "indextargets", "--format", "$(SITE)").split()
    mirror = next((site for site in sites if site.rstrip("/").endswith("/debian")), None)
    if mirror is None:
        raise Unable("apt names no mirror of Debian")
    return mirror


def _tree(place: Place) -> None:
    cache = place.cache
    if shutil.which("debootstrap") is None:
        place.command("apt-get", "update", "-qq")
        place.command("apt-get", "install", "-y", "-qq", "debootstrap")
    say("Debian 13 with Wine")
    words = ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "trixie", cache / "root", _mirror(place))
    place.command(*words, log=cache / "debootstrap.log")
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(cache / "root" / waste, ignore_errors=True)


def _interpreter(place: Place) -> None:
    say("CPython 3.11 for Windows")
    cache = place.cache
    root, home = cache / "root", cache / "root" / "srv" / "python"
    (home / "DLLs").mkdir(parents=True, exist_ok=True)
    wheels = fetch(place, [line for line in entries("windows.txt") if line.startswith("panda3d")])
    with zipfile.ZipFile(next(wheels.glob("panda3d-*.whl"))) as wheel:
        for name in wheel.namelist():
            folder, _, file = name.partition("/")
            if folder == "deploy_libs" and not file.startswith(LEFT_OUT_FILES) and ".cp311t" not in file:
                (home / ("DLLs" if file.endswith(".pyd") else "") / file).write_bytes(wheel.read(name))
    shutil.rmtree(wheels)
    shutil.copytree(
        sysconfig.get_path("stdlib"), home / "Lib", dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(
            "site-packages", "dist-packages", "lib-dynload", "config-*", "__pycache__", "idlelib", "turtledemo",
            "tkinter", "lib2to3", "test",
        ),
    )  # fmt: skip
    for file in ("starter.c", "starter.manifest"):
        shutil.copy(HERE / file, root / "tmp")
    # python3.dll passes the stable interface's names on to the interpreter's own library.
    (root / "tmp" / "build.sh").write_text(BUILD, encoding="utf-8")
    place.command("chroot", root, "/bin/sh", "-eu", "/tmp/build.sh")  # noqa: S108 - inside the tree


BUILD = f"""\
export PATH=/usr/bin:/bin
cd /tmp
x86_64-w64-mingw32-objdump -p /srv/python/{PYTHON}.dll > names
{{ echo LIBRARY python3.dll; echo EXPORTS
  sed -n '/Name Pointer.*Table/,/^$/p' names |
    awk '$NF ~ /^_?Py/ {{ print "  " $NF " = {PYTHON}." $NF }}'; }} > python3.def
x86_64-w64-mingw32-gcc -shared -nostdlib -o /srv/python/python3.dll python3.def
echo '1 24 "starter.manifest"' > starter.rc
x86_64-w64-mingw32-windres starter.rc starter.o
x86_64-w64-mingw32-gcc -municode -O2 -s -o /srv/python/python.exe starter.c starter.o
rm -f names python3.def starter.* build.sh
"""


def entries(file: str) -> list[str]:
    """A lock's requirements that hold on that Windows, without their markers, with their hashes."""
    text = (FOLDER / file).read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        asked, _, hashes = line.partition(" --hash")
        requirement = Requirement(asked.strip())
        if requirement.marker is None or requirement.marker.evaluate(THERE):
            found.append(f"{requirement.name}{requirement.specifier} --hash{hashes}")
    return found


def fetch(place: Place, requirements: list[str], *, most_s: float | None = None) -> Path:
    """The Windows wheels of these, hashes checked."""
    wheels, listed = place.cache / "wheels", place.cache / "wanted.txt"
    shutil.rmtree(wheels, ignore_errors=True)
    listed.write_text("\n".join(requirements), encoding="utf-8")
    words = ["--disable-pip-version-check", "download", "--quiet", "--no-deps", "--require-hashes"]
    words += ["--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.11", "-d", str(wheels)]
    place.command(sys.executable, "-m", "pip", *words, "-r", listed, most_s=most_s)
    return wheels


def _packages(place: Place) -> None:
    say("the project's packages")
    home = place.cache / "root" / "srv" / "python" / "Lib" / "site-packages"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    wanted = [line for line in entries("dev.txt") if Requirement(line.split(" --")[0]).name not in LEFT_OUT]
    wanted += [line for line in entries("windows.txt") if line.startswith("numpy")]
    wheels = fetch(place, wanted)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(home)
    shutil.rmtree(wheels)
