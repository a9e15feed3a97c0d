"""Where a stack keeps its things, and what it remembers between starts: ports and passwords."""

import hashlib
import itertools
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from services.kernel.errors import StartRefused
from services.runtime.local import ports


@dataclass(frozen=True, slots=True)
class Layout:
    """The files and folders of one stack, all below `folder`."""

    folder: Path

    @property
    def stack_file(self) -> Path:
        """Addresses, secrets and processes of the running stack, mode 0600; there only while it runs (or crashed)."""
        return self.folder / "stack.json"

    @property
    def memory_file(self) -> Path:
        """Ports, passwords and PostgreSQL's home, kept between starts, mode 0600."""
        return self.folder / "memory.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor as long as it lives; holds its pid."""
        return self.folder / "supervisor.lock"

    @property
    def broker(self) -> Path:
        """Kafka's configuration and data."""
        return self.folder / "broker"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data, unless its user cannot reach it here."""
        return self.folder / "postgres"

    @property
    def state(self) -> Path:
        """One folder per worker."""
        return self.folder / "state"

    @property
    def snapshots(self) -> Path:
        """The workers' snapshots: where settings look for them by default."""
        return self.folder / "snapshots"

    @property
    def log(self) -> Path:
        """NAME.log of every process."""
        return self.folder / "log"

    @property
    def run(self) -> Path:
        """NAME.json of every process that serves HTTP."""
        return self.folder / "run"

    @property
    def own(self) -> tuple[Path, ...]:
        """All that belongs to the stack; the folder may hold other things too."""
        return (
            self.stack_file,
            self.memory_file,
            self.lock_file,
            self.broker,
            self.postgres,
            self.state,
            self.snapshots,
            self.log,
            self.run,
        )


@dataclass(slots=True)
class Memory:
    """What a stack remembers between starts.

    Attributes:
        ports: by purpose: kafka, controller, postgres.
        passwords: by role: postgres (superuser), and each role that logs in.
        postgres_home: where binaries and data of PostgreSQL are; null = not yet chosen.
    """

    ports: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    postgres_home: str | None = None

    @classmethod
    def load(cls, layout: Layout) -> "Memory":
        """What was remembered; empty for a new stack.

        Raises:
            StartRefused: there is data, but the memory that opens it is gone.
        """
        try:
            return cls(**json.loads(layout.memory_file.read_text()))
        except FileNotFoundError:
            if layout.broker.exists() or layout.postgres.exists():
                raise StartRefused(
                    f"{layout.memory_file} is gone and with it the passwords of the data beside it; "
                    f"remove the data with `koc local reset --yes`"
                ) from None
            return cls()

    def save(self, layout: Layout) -> None:
        """Write it down."""
        write_private(layout.memory_file, asdict(self))

    def password(self, role: str) -> str:
        """The role's password, made on first use."""
        return self.passwords.setdefault(role, secrets.token_urlsafe(24))

    def choose_ports(self, layout: Layout, purposes: tuple[str, ...]) -> None:
        """Give every purpose a loopback port and hold it for this process: the remembered one if possible."""
        digest = hashlib.sha256(os.fsencode(layout.folder)).digest()
        first = int.from_bytes(digest[:4], "big")
        further = (ports.RANGE[at % len(ports.RANGE)] for at in itertools.count(first))
        for purpose in purposes:
            port = self.ports.pop(purpose, 0)
            while not port or port in self.ports.values() or not ports.hold(port):
                port = next(further)
            self.ports[purpose] = port


def write_private(path: Path, content: Any) -> None:
    """Write JSON that only its owner may read, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
    partial.replace(path)
