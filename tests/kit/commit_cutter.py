"""A network that fails in the worst moment of a poster: between COMMIT and its answer."""

import contextlib
import socket
import threading


class CommitCutter:
    """A proxy before PostgreSQL that cuts a connection when it sees COMMIT of a transaction that wrote the journal.

    Args:
        port: of the server on loopback.
        times: how many commits to cut before it lets all through. Every other time the server gets the COMMIT, and its
            answer never arrives; of the rest nothing.
    """

    def __init__(self, port: int, times: int) -> None:
        self._port = port
        self.cuts_left = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        wrote = False
        while data := self._receive(client):
            wrote = wrote or b"COPY journal" in data
            if wrote and b"COMMIT\0" in data and self.cuts_left:
                self.cuts_left -= 1
                client.shutdown(socket.SHUT_RDWR)
                if self.cuts_left % 2:
                    server.sendall(data)
                break
            server.sendall(data)
        self._end(server, socket.SHUT_WR)
        client.close()

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := self._receive(server):
                client.sendall(data)
        except OSError:
            pass
        self._end(client, socket.SHUT_RDWR)
        server.close()

    @staticmethod
    def _end(one: socket.socket, how: int) -> None:
        """Shut down, for its reader to close: who closes what another thread waits for tells nobody."""
        with contextlib.suppress(OSError):
            one.shutdown(how)

    @staticmethod
    def _receive(one: socket.socket) -> bytes:
        try:
            return one.recv(1 << 16)
        except OSError:
            return b""

    def close(self) -> None:
        self._listener.close()
