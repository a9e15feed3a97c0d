"""`koc attribution`: the worker that credits order lines."""

import signal
import sys

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def about() -> None:
    """Clicks and orders in, credits out."""


@app.command()
def worker() -> None:
    """Read clicks and orders, publish the current truth of every order line, keep state in KOC_STATE_DIR.

    Run as many as there are cores, at most one a partition (12), each with its own KOC_STATE_DIR and KOC_INSTANCE_ID.
    SIGTERM ends it with exit status 0 after a last checkpoint; 78: the world is not as it needs it, with a sentence.

    Examples: koc attribution worker · KOC_INSTANCE_ID=attribution-2 KOC_STATE_DIR=/data/2 koc attribution worker
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Faust listens, nothing has to be kept
    from services.attribution.adapters.faust_app import DEFAULT_PROCESS, create_app
    from services.attribution.adapters.lane import expected
    from services.attribution.adapters.world import check_world
    from services.runtime.log import configure_logging
    from services.runtime.settings import settings

    configure_logging(settings().instance_id or DEFAULT_PROCESS)
    world = check_world()
    attribution = create_app()
    attribution.world = world
    try:
        attribution.Worker(loglevel="WARN", override_logging=False, quiet=True).execute_from_commandline()
    except SystemExit:
        problem = attribution.lane.failed
        if problem is None:
            raise
        if expected(problem):
            raise problem from None
        sys.exit(1)
