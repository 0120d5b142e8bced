"""Real Postgres and Redis servers for tests: each on a free port, with its data in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

START_S = 30.0
PASSWORD = "s3cret-Pässword"


class ServerMissing(RuntimeError):
    """A program that the tests start is not installed."""


def program(name: str, package: str) -> Path:
    """Return the path of a server program, wherever Debian puts it.

    Raises:
        ServerMissing: it is not installed; the message names the package.
    """
    found = shutil.which(name)
    candidates = [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    if not candidates:
        raise ServerMissing(f"{name} is not installed, and this test starts it. apt-get install {package}")
    return candidates[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server process that can be stopped and started again on the same port and data."""

    def __init__(
        self, command: list[str], port: int, url: str, user: int | None = None, ready: Callable[[], bool] | None = None
    ) -> None:
        self._command = command
        self._ready = ready
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.url = url

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=self._user, group=self._user
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._command[0]} ended with code {self._process.returncode}")
            with socket.socket() as probe:
                listens = probe.connect_ex(("127.0.0.1", self.port)) == 0
            if listens and (self._ready is None or self._ready()):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self._command[0]} does not answer on port {self.port}")

    def stop(self) -> None:
        if self._process is not None:
            # Postgres: fast shutdown. Redis: ends without saving.
            self._process.send_signal(2)
            self._process.wait(START_S)
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[Server]:
    """Run Redis with a password and no persistence."""
    binary, port = program("redis-server", "redis-server"), free_port()
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        PASSWORD,
        "--dir",
        str(folder),
    ]
    server = Server([str(binary), *options], port, f"redis://:{_quoted()}@127.0.0.1:{port}/0")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run Postgres with password authentication. It refuses to run as root: then it runs as another user.

    Its folder is one of its own: that user may not enter pytest's.
    """
    with TemporaryDirectory(prefix="shelfwise-postgres-") as folder:
        yield from _postgres_in(Path(folder))


def _postgres_in(folder: Path) -> Iterator[Server]:
    # Resolved: a link to it stands apart from the other programs of its version.
    binary = program("postgres", "postgresql").resolve()
    initdb = binary.with_name("initdb")
    if not initdb.exists():
        initdb = program("initdb", "postgresql")
    user = _unprivileged()
    data, secret, port = folder / "data", folder / "password", free_port()
    data.mkdir()
    secret.write_text(PASSWORD, encoding="utf-8")
    if user is not None:
        for path in (folder, data, secret):
            os.chown(path, user, user)
    made = subprocess.run(
        [str(initdb), "-D", str(data), "-U", "shop", "--pwfile", str(secret), "-A", "scram-sha-256", "-E", "UTF8"],
        user=user,
        group=user,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr[-500:]}")
    command = [str(binary), "-D", str(data), "-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", "fsync=off", "-c", "max_connections=60"]
    url = f"postgresql://shop:{_quoted()}@127.0.0.1:{port}/postgres"
    # It listens before it answers: "the database system is starting up".
    server = Server(command, port, url, user, ready=partial(_answers, url))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _unprivileged() -> int | None:
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise ServerMissing("Postgres does not run as root, and there is no user postgres. apt-get install postgresql")


def _quoted() -> str:
    return quote(PASSWORD, safe="")
