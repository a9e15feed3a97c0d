"""A worker that is told to end before Faust listens ends at once, wherever it is told."""

import subprocess
import sys

TOLD_IN_A_FINALIZER = """
import os, signal
from services.attribution.worker import startup
from services.cli.attribution import worker


class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        [None for _ in range(1000)]


def occupy(_):
    Finalized()
    os._exit(3)


startup.occupy = occupy
worker()
"""


def test_a_stop_is_not_lost_where_python_ignores_exceptions() -> None:
    ended = subprocess.run([sys.executable, "-c", TOLD_IN_A_FINALIZER], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
