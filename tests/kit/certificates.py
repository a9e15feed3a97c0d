"""Certificates that a test makes for itself: an authority, and PEM files of what it issues."""

from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives import serialization


class ClientFiles(NamedTuple):
    """Where a client's certificate and its key are."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority with its files in a folder.

    Args:
        folder: is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._authority = trustme.CA()
        self.file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def server(self, *hosts: str) -> ClientFiles:
        """A server's certificate and key for these names or addresses."""
        return self._write(f"server-{hosts[0]}", self._authority.issue_cert(*hosts), None)

    def server_store(self, *hosts: str) -> Path:
        """The same as one file, as a Java server takes it."""
        files = self.server(*hosts)
        store = self._folder / f"store-{hosts[0]}.pem"
        store.write_text(files.key.read_text() + files.certificate.read_text())
        return store

    def client(self, name: str, password: str | None = None) -> ClientFiles:
        """A client certificate with this common name, and its key, locked by a password if there is one."""
        return self._write(name, self._authority.issue_cert("client", common_name=name), password)

    def _write(self, name: str, issued: trustme.LeafCert, password: str | None) -> ClientFiles:
        files = ClientFiles(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        files.key.touch(0o600)  # libpq refuses a key that others may read
        files.key.write_bytes(key.private_bytes(*form, lock))
        return files
