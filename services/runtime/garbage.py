"""The garbage collector, kept from looking at state: that would cost a microsecond an event and find nothing.

State and chunks are made without cycles (a test holds them to it), so they go when the last reference does. What has
cycles is what Faust and its clients leave behind, and that is little: a look every ten minutes is enough for it, and
what survives one is not looked at again. A worker that gets other partitions looks at everything once.
"""

import gc

TIDY_SECONDS = 600.0


def settle() -> None:
    """From now on the collector runs only when it is told to; what is there now is to stay."""
    gc.disable()
    tidy()


def tidy() -> None:
    """Collect what has come since the last call and is of no use any more."""
    gc.collect()
    gc.freeze()


def begin_anew() -> None:
    """Let the next `tidy` look at everything again."""
    gc.unfreeze()
