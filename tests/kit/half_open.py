"""A network that forgets a connection: the server sees it end, the client hears nothing."""

import contextlib
import socket
import threading
from typing import Self


class HalfOpenProxy:
    """A proxy before a server on loopback, as a firewall that drops what it has forgotten; ended with the block.

    Args:
        port: of the server.

    Attributes:
        port: of the proxy.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._is_forgetful = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._listener, *(end for pair in self._pairs for end in pair)):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def forget(self) -> None:
        """End what there is at the server; its clients go on waiting for answers."""
        self._is_forgetful.set()
        for _, server in self._pairs:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Pass on what comes; an end is passed on too, unless all is forgotten."""
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        if not self._is_forgetful.is_set():
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
