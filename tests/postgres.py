"""A PostgreSQL that the tests start themselves: in a folder of its own, behind a socket in it, gone with the tests."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from storage import migrate

PROGRAMS = ("initdb", "postgres", "pg_isready")
ACCESS = "local all locked scram-sha-256\nlocal all all trust\n"
START = 30.0  # seconds that a start may take
# nothing in it has to outlive the machine; a kill of a bot loses nothing either way
SWIFT = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "listen_addresses=")


def programs() -> Path | None:
    """The folder that holds them: the newest of Debian's, or what stands on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    on_path = [Path(one).resolve().parent for name in PROGRAMS if (one := shutil.which(name))]
    whole = (path for path in (*found, *on_path) if all((path / name).exists() for name in PROGRAMS))
    return next(whole, None)


def needed() -> Path:
    """The same, or the test is skipped; where everything has to be there, it fails."""
    if found := programs():
        return found
    reason = f"no {', '.join(PROGRAMS)}; Debian's package postgresql brings them"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Server:
    """Started by `start`; `new` gives the address of a database with every table and no row."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self._binaries, self._numbers = folder, binaries, count(1)
        self._user = _other_user() if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        if self._user:
            os.chown(self.folder, self._user, -1)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "shop", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)

    def start(self) -> None:
        """Until it lets somebody in."""
        options = [part for one in (*SWIFT, f"unix_socket_directories={self.folder}") for part in ("-c", one)]
        with (self.folder / "log.txt").open("ab") as log:
            command = [str(self._binaries / "postgres"), "-D", str(self.folder / "data"), *options]
            self._process = subprocess.Popen(command, user=self._user, stdout=log, stderr=log, cwd=self.folder)
        until = time.monotonic() + START
        while self._process.poll() is None and time.monotonic() < until:
            if subprocess.run([self._binaries / "pg_isready", "-q", "-h", self.folder], check=False).returncode == 0:
                return
            time.sleep(0.05)  # between two looks
        pytest.fail(f"PostgreSQL did not start:\n{(self.folder / 'log.txt').read_text('utf-8', 'replace')[-3000:]}")

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGINT)  # its fast shutdown: connections are ended
            self._process.wait(START)

    def url(self, database: str, user: str = "shop") -> str:
        return f"postgresql+asyncpg://{user}@/{database}?host={self.folder}"

    def empty(self) -> str:
        """The address of a new database with nothing in it."""
        name = f"empty{next(self._numbers)}"
        self.say(f"CREATE DATABASE {name}")
        return self.url(name)

    def new(self) -> str:
        """The address of a new database with every table and no row."""
        name = f"shop{next(self._numbers)}"
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            self.say("CREATE DATABASE pattern")
            migrate.upgrade(self.url("pattern"))
        self.say(f"CREATE DATABASE {name} TEMPLATE pattern")
        return self.url(name)

    def say(self, *statements: str, database: str = "postgres") -> list[asyncpg.Record]:
        """What the last statement returns."""

        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(host=str(self.folder), user="shop", database=database)
            try:
                return [await connection.fetch(one) for one in statements][-1]
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:  # there may be a running loop here
            return thread.submit(asyncio.run, run()).result()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([self._binaries / program, *arguments], user=self._user, capture_output=True, cwd="/",
                              check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")


def _other_user() -> int:
    """It refuses to run as root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    pytest.fail("PostgreSQL doesn't run as root, and there is no user `nobody`")


@contextlib.contextmanager
def served() -> Iterator[Server]:
    """A server for as long as it is entered."""
    binaries = needed()
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path is at most 107 bytes
    server = Server(folder, binaries)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
