"""The garbage collector is kept away from state: a search there costs a microsecond an event and finds nothing.

State and chunks have no cycles (a test checks this), so that they are freed with their last reference. Only Faust and
its clients leave cycles behind, and few: a collection every ten minutes is enough. Objects that survive it are not
searched again, until a worker gets other partitions and searches everything once.
"""

import gc

TIDY_SECONDS = 600.0


def settle() -> None:
    """Let the collector run only on request from now on, and freeze all present objects."""
    gc.disable()
    tidy()


def tidy() -> None:
    """Collect the unreachable objects that came since the last call, and freeze the others."""
    gc.collect()
    gc.freeze()


def begin_anew() -> None:
    """Let the next `tidy` search all objects again."""
    gc.unfreeze()
