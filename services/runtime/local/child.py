"""Runs before a child's own program: gives up root where asked, ties its life to the supervisor's, becomes the program.

    python child.py PARENT_PID DEATH_SIGNAL UID PROGRAM [ARGUMENT…]

Stands alone (standard library only, started without site-packages), so that it costs a few milliseconds. The signal
is asked for after the change of user, which would clear it. UID -1 keeps the user.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 75


def main(arguments: list[str]) -> None:
    """Never returns: replaces this process by the program."""
    parent, death_signal, uid = (int(argument) for argument in arguments[:3])
    program = arguments[3:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit(_PARENT_GONE)
    os.execvp(program[0], program)  # noqa: S606 - becoming another program is what this one is for


if __name__ == "__main__":
    main(sys.argv[1:])
