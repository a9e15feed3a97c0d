"""A log holds no buyer: what an error of the database repeats of its rows is left out, also where nobody caught it."""

import subprocess
import sys

PROGRAM = """
import structlog
from services.runtime.log import configure_logging
configure_logging("poster")
def fail():
    raise RuntimeError('''duplicate key value violates unique constraint "line_pkey"
DETAIL:  Key (order_id, line_id, buyer_id)=(o_1, 1, b_secret) already exists.
CONTEXT:  COPY line, line 3: "o_1\\\\t1\\\\tb_secret\\\\t3"
[SQL: SELECT 1]
[parameters: ('b_secret',)]''')
try:
    fail()
except RuntimeError as error:
    structlog.get_logger("a test").exception("stopped", reason=str(error))
fail()
"""


def test_rows_and_parameters_of_a_database_error_are_in_no_log() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr.count("duplicate key value violates unique constraint") == 3
    assert ran.stderr.count("Traceback") == 2
    assert "[SQL: SELECT 1]" in ran.stderr
    assert "b_secret" not in ran.stderr
