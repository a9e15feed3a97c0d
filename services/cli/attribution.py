"""`koc attribution`: the worker that credits order lines."""

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from services.attribution.repair.workshop import Workshop

app = typer.Typer(no_args_is_help=True)


@app.callback()
def about() -> None:
    """Clicks and orders in, credits out."""


@app.command()
def worker() -> None:
    """Read clicks and orders, publish the current truth of every order line, keep state in KOC_STATE_DIR.

    Run as many as there are cores, at most one a partition (12), each with its own KOC_STATE_DIR and KOC_INSTANCE_ID.
    SIGTERM ends it with exit status 0 after a last checkpoint, or with 75 if that took longer than 25 s: nothing is
    lost, records that are not durable are read again. 78: a policy, topic, store or setting is wrong, as a sentence
    says; or another process has joined under this KOC_INSTANCE_ID and has its place now. 69: no broker answers.

    Examples: koc attribution worker · KOC_INSTANCE_ID=attribution-2 KOC_STATE_DIR=/data/2 koc attribution worker
    """
    # Until Faust listens, nothing has to be kept. An exception would be lost where Python ignores them, as in __del__.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from services.attribution.worker.app import DEFAULT_PROCESS, create_app
    from services.attribution.worker.startup import check_world, occupy
    from services.kernel.errors import InvariantBroken, StartRefused
    from services.runtime.log import configure_logging
    from services.runtime.settings import settings

    configure_logging(settings().instance_id or DEFAULT_PROCESS)
    _occupied, world = occupy(settings().state_dir), check_world()
    attribution = create_app()
    attribution.world = world
    with attribution.health.lingering():
        try:
            attribution.Worker(loglevel="WARN", override_logging=False, quiet=True).execute_from_commandline()
        except SystemExit as ended:
            problem = attribution.why(ended)
            if isinstance(problem, StartRefused | InvariantBroken | ConnectionError):
                raise problem from None
            sys.exit(1 if problem else ended.code)


@app.command()
def rebase() -> None:
    """Keep the state when input topics were made again or moved to another cluster; workers must be stopped.

    Takes each partition's furthest state (KOC_STATE_DIR, snapshots), publishes all its orders under a new generation
    of the log, and leaves a snapshot that workers start from. Another run does no harm.

    Examples: koc attribution rebase
    """
    from services.attribution.repair.rebase import rebase as rebase_all

    with _workshop() as workshop:
        steps = asyncio.run(rebase_all(workshop))
    for step in steps:
        print(f"partition {step.partition}: log {step.log}, {step.orders} orders published")
    if not steps:
        print("the state belongs to these topics; nothing to do")


@app.command()
def adopt_truncated(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Give up history that the input topics no longer hold; workers must be stopped.

    A partition whose state is lost, or too old for the records that its log still holds, begins again where the log
    now begins. Only orders whose window lies wholly inside the kept log are published. Earlier orders stay as they were
    last published; their later events (refunds, too) have no effect. Look for a snapshot first.

    Examples: koc attribution adopt-truncated · koc attribution adopt-truncated --yes
    """
    from services.attribution.repair.adopt_truncated import adopt, partitions_without_history
    from services.kernel.time import format_rfc3339

    with _workshop() as workshop:
        found = partitions_without_history(workshop)
        if not found:
            print("every partition can be read on; nothing to do")
            return
        for partition in found:
            print(f"Partition {partition} has lost history.")
        if not yes:
            typer.confirm("Let them begin again where their logs begin, without earlier orders?", abort=True)
        for partition, starts in found.items():
            adopted = adopt(workshop, partition, starts)
            since = format_rfc3339(adopted.publish_from)
            print(f"partition {partition}: begins at {starts}, publishes orders paid from {since} on")


def _workshop() -> "Workshop":
    from services.attribution.repair.workshop import Workshop
    from services.attribution.worker.startup import check_world
    from services.runtime.log import configure_logging
    from services.runtime.settings import settings

    configure_logging("attribution")
    return Workshop(check_world(), settings().state_dir)
