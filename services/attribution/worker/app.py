"""The Faust app: membership, co-partitioned assignment, life cycle and sensors are Faust's; the rest is ours.

The app relies on these settings, each of them measured. Faust uses its own assignor only with
`table_standby_replicas` > 0; aiokafka's round robin would separate clicks and orders. `stream_buffer_maxsize` counts
chunks. `stream_wait_empty` would wait for acknowledgements that never come. A topic that is learnt late costs 45 s.
"""

import asyncio
from functools import cached_property
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import KafkaConnectionError
from faust.sensors.prometheus import FaustMetrics, PrometheusMonitor
from mode import CrashingSupervisor
from prometheus_client import REGISTRY

from services.attribution.stream.consumer import ChunkConsumer
from services.attribution.stream.producer import Outbox
from services.attribution.worker import metrics as worker_metrics
from services.attribution.worker.partitions import AssignedPartitions
from services.attribution.worker.process import Pipeline
from services.attribution.worker.startup import GROUP, INPUTS, World, check_world, volumes
from services.kernel.errors import InvariantBroken, StartRefused
from services.runtime import garbage, tracing
from services.runtime.groups import leave_group, positions
from services.runtime.hard_exit import end_hard_after
from services.runtime.health import Health
from services.runtime.kafka import faust_broker, no_broker
from services.runtime.lag import lag_watch
from services.runtime.settings import settings

DEFAULT_PROCESS = "attribution"
_RECORDS_PER_CHUNK = 4000
_SESSION_SECONDS = 10.0
_HEARTBEAT_SECONDS = 0.5
"""The answer to a heartbeat tells a member that the others wait for it to join again."""
_STOP_SECONDS = 25.0
"""Orchestrators kill a process after 30 s."""
_CRASH_SECONDS = 10.0
_LATE_STATUS = 75
"""EX_TEMPFAIL: the worker was asked to stop, and a service that it needs for that did not answer."""


class AttributionApp(faust.App):
    """The worker as a Faust app."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.outbox = Outbox()
        self.health = Health(settings().instance_id or DEFAULT_PROCESS)
        self.world: World | None = None

    @cached_property
    def partitions(self) -> AssignedPartitions:
        """The assigned partitions; made once the world is known."""
        if self.world is None:
            raise StartRefused("the worker was given partitions before it was started")
        keeper = self.world.keeper(settings().state_dir)
        return AssignedPartitions(INPUTS, keeper, Pipeline(self.outbox), self.outbox, self.crash)

    @cached_property
    def chunk_consumer(self) -> ChunkConsumer:
        """The consumer that Faust asks for, with the arguments that Faust would give it, and with the partitions."""
        return ChunkConsumer(
            self.transport,
            assignments=self.partitions,
            callback=self.topics.on_message,
            on_partitions_revoked=self._on_partitions_revoked,
            on_partitions_assigned=self._on_partitions_assigned,
            loop=self.transport.loop,
            beacon=self.beacon,
        )

    def _new_consumer(self) -> ChunkConsumer:
        return self.chunk_consumer

    async def start(self) -> None:
        """Check the world first: Faust makes the consumer before `on_start`, and the consumer needs the partitions."""
        self.world = self.world or await asyncio.to_thread(check_world)
        await super().start()

    async def on_start(self) -> None:
        """Answer health checks and connect; then let Faust join its group."""
        self.health.not_ready = self.partitions.not_ready
        self.health.serve()
        tracing.configure(self.health.process)
        worker_metrics.watch_disks(volumes())
        worker_metrics.remember_counted(await asyncio.to_thread(positions, GROUP))
        lag_watch().start()
        await self.outbox.start()
        garbage.settle()
        await super().on_start()

    async def stop(self) -> None:
        """Stop in order; end hard if that takes too long."""
        self._end_hard_after(_STOP_SECONDS, _LATE_STATUS)
        await super().stop()

    async def crash(self, reason: BaseException) -> None:
        """Stop as in `stop`, with less time: the failure may keep the worker from stopping."""
        if isinstance(reason, InvariantBroken):
            self.health.report(reason)
        self._end_hard_after(_CRASH_SECONDS, getattr(reason, "exit_code", InvariantBroken.exit_code))
        await super().crash(reason)

    def why(self, ended: SystemExit) -> BaseException | None:
        """The problem that ended the worker, which Faust reports as a bare exit status. None: it was asked to stop."""
        problem = self.partitions.failure.problem or (ended.__context__ if ended.code else None)
        if isinstance(problem, KafkaConnectionError):
            return no_broker(problem)
        return problem

    def _end_hard_after(self, seconds: float, status: int) -> None:
        is_made = self._consumer is not None
        end_hard_after(seconds, status, *([self.chunk_consumer.thread_loop] if is_made else []))

    async def on_shutdown(self) -> None:
        """Disconnect and leave the group; the consumer has already taken its last checkpoint."""
        await super().on_shutdown()
        await self.outbox.stop()
        if settings().leave_on_stop and self.world is not None and self.partitions.failure.problem is None:
            await asyncio.to_thread(leave_group, GROUP, settings().instance_id, self.chunk_consumer.member_id)


def create_app() -> AttributionApp:
    """The app with its agent, tasks and sensors, not started and not connected."""
    # The settings that the module's docstring explains.
    broker = faust_broker()
    app = AttributionApp(
        GROUP,
        broker=broker.urls,
        broker_credentials=broker.credentials,
        broker_session_timeout=_SESSION_SECONDS,
        broker_heartbeat_interval=_HEARTBEAT_SECONDS,
        broker_max_poll_records=_RECORDS_PER_CHUNK,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings().instance_id,
        datadir=str(_faust_dir()),
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        stream_buffer_maxsize=8,
        stream_wait_empty=False,
        table_standby_replicas=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.monitor = _monitor()
    inputs = app.topic(*sorted(INPUTS), key_serializer="raw", value_serializer="raw")

    # One agent reads both topics; an error in it ends the worker.
    @app.agent(inputs, supervisor_strategy=CrashingSupervisor)
    async def attribute(stream: Any) -> None:
        async for event in stream.noack().events():
            await app.partitions.apply(event.value)

    # Tasks beside the agent: checkpoints, snapshots, and the garbage collector.
    @app.task  # type: ignore[untyped-decorator]  # Faust's
    async def checkpoints() -> None:
        while not app.should_stop:
            app.health.beat()
            await app.partitions.checkpoint(app.chunk_consumer)

    @app.task  # type: ignore[untyped-decorator]  # Faust's
    async def snapshots() -> None:
        while not app.should_stop:
            await app.sleep(settings().snapshot_seconds)
            await app.partitions.snapshots()

    @app.task  # type: ignore[untyped-decorator]  # Faust's
    async def tidying() -> None:
        while not app.should_stop:
            await app.sleep(garbage.TIDY_SECONDS)
            garbage.tidy()

    return app


def _monitor() -> PrometheusMonitor:
    """Faust's own sensor, as metrics that begin with `faust_`.

    Without its time of an event: nothing is ever acknowledged to Faust, so that it would stay empty, and its name has
    no base unit.
    """
    sensor = FaustMetrics.create(REGISTRY, "faust")
    REGISTRY.unregister(sensor.events_runtime_latency)
    return PrometheusMonitor(metrics=sensor)


def _faust_dir() -> Path:
    """The folder for Faust's own files; it holds nothing of ours."""
    folder = settings().state_dir / "faust"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
