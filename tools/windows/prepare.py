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
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from tools.lock import FOLDER, ROOT
from tools.windows.run import start

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


class Unable(Exception):
    """Not on this machine, and why."""


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


def command(*words: str | Path, log: Path | None = None) -> str:
    """One step.

    Raises:
        Unable: it failed; its last lines.
    """
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if log is not None:
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        last = " / ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise Unable(f"{Path(str(words[0])).name}: exit {done.returncode}: {last}")
    return done.stdout


def recipe() -> str:
    """What the tree was made by."""
    files = (*sorted(HERE.glob("*.*")), FOLDER / "windows.txt")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.suffix != ".pyc")).hexdigest()


def locks() -> str:
    """What its packages were taken from."""
    return hashlib.sha256((FOLDER / "dev.txt").read_bytes()).hexdigest()


def prepare(cache: Path) -> None:
    """Make what is missing; a second at most when nothing is."""
    able()
    cache.mkdir(parents=True, exist_ok=True)
    if _said(cache / "recipe") != recipe():
        shutil.rmtree(cache / "root", ignore_errors=True)
        (cache / "packages").unlink(missing_ok=True)
        _tree(cache)
        _interpreter(cache)
        say("Wine's own folders")
        start(cache, [], boot=True)
        start(cache, ["-c", "import ctypes, sqlite3, ssl, sys; assert sys.platform == 'win32'"])
        (cache / "recipe").write_text(recipe(), encoding="utf-8")
    if _said(cache / "packages") != locks():
        _packages(cache)
        start(cache, ["-c", "import pytest, textual.app, estim.cli"])
        (cache / "packages").write_text(locks(), encoding="utf-8")


def _said(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _tree(cache: Path) -> None:
    if shutil.which("debootstrap") is None:
        command("apt-get", "update", "-qq")
        command("apt-get", "install", "-y", "-qq", "debootstrap")
    sites = command("apt-get", "indextargets", "--format", "$(SITE)").split()
    mirror = next((site for site in sites if site.rstrip("/").endswith("/debian")), None)
    if mirror is None:
        raise Unable("apt names no mirror of Debian")
    say("Debian 13 with Wine")
    words = ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "trixie", cache / "root", mirror)
    command(*words, log=cache / "debootstrap.log")
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(cache / "root" / waste, ignore_errors=True)


def _interpreter(cache: Path) -> None:
    say("CPython 3.11 for Windows")
    root, home = cache / "root", cache / "root" / "srv" / "python"
    (home / "DLLs").mkdir(parents=True, exist_ok=True)
    wheels = fetch(cache, [requirement for requirement in entries("windows.txt") if requirement.startswith("panda3d")])
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
    command("chroot", root, "/bin/sh", "-eu", "/tmp/build.sh")  # noqa: S108 - inside the tree


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


def fetch(cache: Path, requirements: list[str]) -> Path:
    """The Windows wheels of these, hashes checked."""
    wheels, listed = cache / "wheels", cache / "wanted.txt"
    shutil.rmtree(wheels, ignore_errors=True)
    listed.write_text("\n".join(requirements), encoding="utf-8")
    words = ["--disable-pip-version-check", "download", "--quiet", "--no-deps", "--require-hashes"]
    words += ["--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.11", "-d", str(wheels)]
    command(sys.executable, "-m", "pip", *words, "-r", listed)
    return wheels


def _packages(cache: Path) -> None:
    say("the project's packages")
    place = cache / "root" / "srv" / "python" / "Lib" / "site-packages"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    wanted = [line for line in entries("dev.txt") if Requirement(line.split(" --")[0]).name not in LEFT_OUT]
    wanted += [line for line in entries("windows.txt") if line.startswith("numpy")]
    wheels = fetch(cache, wanted)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(place)
    shutil.rmtree(wheels)


__all__ = ["ROOT", "Unable", "able", "prepare"]
