"""What a command prints is its answer: what is logged meanwhile goes to standard error."""

import subprocess
import sys

LOGS = """
import stamina, structlog
from services.runtime.log import log_on_stderr
log_on_stderr()
structlog.get_logger("ours").warning("ours is told")
for attempt in stamina.retry_context(on=ValueError, wait_initial=0, wait_jitter=0):
    with attempt:
        if attempt.num == 1:
            raise ValueError("tried again")
print("the answer")
"""


def test_the_answer_stands_alone_on_standard_output() -> None:
    done = subprocess.run([sys.executable, "-c", LOGS], capture_output=True, text=True, check=True)
    assert done.stdout == "the answer\n"
    assert "ours is told" in done.stderr
    assert "tried again" in done.stderr
