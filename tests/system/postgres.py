"""A real PostgreSQL server for tests, in a folder of its own on a free local port."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg


def find_bin() -> Path | None:
    """Where `initdb` and `pg_ctl` are; None where there is no server."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += [Path(one).parent for one in sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)]
    return next((one for one in found if (one / "pg_ctl").exists()), None)


class Server:
    """Started and stopped at will; trusts local logins, so that only roles and row policies decide."""

    def __init__(self, binaries: Path) -> None:
        self._bin = binaries
        # The server refuses to be root; as root it runs as nobody, in a folder that nobody owns.
        self._user = "nobody" if os.getuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="estim-pg-"))
        if self._user is not None:
            shutil.chown(self._folder, user=self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._call(
            "initdb", "-D", str(self._folder / "data"), "-U", "admin", "-A", "trust", "-E", "UTF8", "--no-locale"
        )
        self.start()

    def _call(self, name: str, *words: str) -> None:
        done = subprocess.run(
            [str(self._bin / name), *words], user=self._user, cwd=self._folder, capture_output=True, text=True,
            check=False, env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        log = str(self._folder / "log")
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-w", "-o", options, "start")

    def encrypted(self, certificate: Path, key: Path) -> None:
        """From the next start on, for who asks for it."""
        data = self._folder / "data"
        for path, name in ((certificate, "server.crt"), (key, "server.key")):
            (data / name).write_bytes(path.read_bytes())
            (data / name).chmod(0o600)
            if self._user is not None:
                shutil.chown(data / name, user=self._user)
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("ssl = on\n")

    def stop(self) -> None:
        """As if the power went: connections break."""
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, user: str, database: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(
        self, sql: str, user: str = "admin", values: tuple[str, ...] | None = None, database: str = "postgres"
    ) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(user, database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []
