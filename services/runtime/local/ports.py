"""Loopback ports for servers, chosen so that no two stacks of this machine take the same one.

A port that is free now may be another's a second later: a server takes seconds until it listens, and one that was
killed lets go of its port until it is started again. So a process that chose a port holds a name for it.
"""

import socket

RANGE = range(20_000, 32_000)
"""Below the range from which Linux takes ports for outgoing connections, so that none of them is in our way."""

_held: dict[int, socket.socket] = {}
"""The names of the ports that this process chose. The kernel forgets them when the process ends, however it ends."""


def hold(port: int) -> bool:
    """Take a port for the life of this process, for its servers; whether nobody else listens there or holds it."""
    return _is_free(port) and (port in _held or _hold(port))


def _hold(port: int) -> bool:
    """Bind the port's name among Linux's abstract sockets, which like ports belong to the network namespace."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0koc-port-{port}")
    except OSError:
        name.close()
        return False
    _held[port] = name
    return True


def _is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
