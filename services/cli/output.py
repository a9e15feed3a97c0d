"""Standard output and standard error: they take every character, and a full disk is noticed before the process ends."""

import codecs
import io
import json
import os
import sys

_SIGNS = {"…": "...", "·": ";"}
"""What our own sentences use beyond ASCII, and how it is written where a terminal cannot show it."""


def accept_every_character() -> None:
    """Write what the terminal's encoding lacks in readable ASCII, such as \\u00fc, instead of failing.

    The form is JSON's, so that a JSON document stays one.
    """
    codecs.register_error("koc.readable", _readable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="koc.readable")


def say(line: str) -> None:
    """Progress of long work, on standard error."""
    print(line, file=sys.stderr, flush=True)


def flush() -> None:
    """Hand over what is still buffered.

    Raises:
        BrokenPipeError: nobody reads it any more.
        OSError: it cannot be written; the disk is full, for instance.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def discard() -> None:
    """Give up what is still buffered: the interpreter would try to write it once more as it ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _readable(problem: UnicodeError) -> tuple[str, int]:
    """An error handler of `codecs`: the replacement, and where to go on."""
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    lost = problem.object[problem.start : problem.end]
    return "".join(_SIGNS.get(sign) or json.dumps(sign)[1:-1] for sign in lost), problem.end
