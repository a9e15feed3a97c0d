"""A day of the whole service, each part under a principal of its own: topics, events, a ledger, and questions."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from schemas.topics import CLICKS, COMMANDS, LEDGER, ORDERS, REGISTRY, STATEMENTS
from services.runtime.kafka import kafka_python_options
from services.runtime.publishing import Outgoing, publish
from tests.kit.command import output_of
from tests.kit.console_client import ConsoleClient
from tests.kit.console_process import ConsoleProcess
from tests.kit.events import buyer_in, click, paid
from tests.kit.processes import KocProcess
from tests.kit.registry_events import PLAN
from tests.kit.scaler_client import Trigger, lag, triggers
from tests.kit.stacks import with_environment
from tests.kit.waiting import until

PROCESSES = {
    "koc-attribution": ("attribution", "worker"),
    "koc-poster": ("settlement", "poster"),
    "koc-relay": ("settlement", "relay"),
}
"""What runs under a principal."""

_BRAND = {"brand_id": "br_1"}
NO_EVENT = b'{"event_id":"poison"}'


class Life:
    """The service as it lives on a broker and a database.

    Args:
        folder: for logs and state.
        login: the variables of a principal.
        database: those of all database logins.
        name: tells events apart from those of other lives on the same broker.
    """

    def __init__(
        self, folder: Path, login: Callable[[str], dict[str, str]], database: Mapping[str, str], name: str
    ) -> None:
        self.folder, self.name = folder, name
        self._login, self._database = login, database

    def environment(self, principal: str) -> dict[str, str]:
        """All variables of a principal."""
        return {**self._database, **self._login(principal), "KOC_SNAPSHOT_URL": (self.folder / "snapshots").as_uri()}

    def koc(self, principal: str, *words: str) -> str:
        """What `koc …` prints under a principal, where nothing goes wrong."""
        return output_of(*words, **self.environment(principal))

    @contextmanager
    def processes(self) -> Iterator[list[KocProcess]]:
        """Worker, poster and relay, ready; ended in order with the block."""
        with ExitStack() as ends:
            started = [
                ends.enter_context(
                    KocProcess(self.folder / principal, f"{principal}-{self.name}", words, self.environment(principal))
                )
                for principal, words in PROCESSES.items()
            ]
            for process in started:
                until(process.is_ready, f"{process.name} is ready", process=process)
            yield started
            assert {process.name: process.terminate() for process in started} == {one.name: 0 for one in started}

    def publish(self) -> None:
        """Good events by `koc publish`; broken ones, and some under a wrong key, by a client of the backends'."""
        buyer, other = buyer_in(3, self.name), buyer_in(5, self.name)
        order = f"o_{self.name}"
        good = {
            "koc-backend": [click(buyer, f"{self.name}_click", 1), paid(buyer, order, 2)],
            "koc-back-office": [PLAN | {"event_id": f"{self.name}_plan", "plan_id": f"pl_{self.name}"} | _BRAND],
        }
        for principal, events in good.items():
            file = self.folder / f"{principal}.jsonl"
            file.write_text("".join(json.dumps(event) + "\n" for event in events))
            self.koc(principal, "publish", str(file))
        astray = [
            (CLICKS, click(other, f"{self.name}_astray", 1)),
            (ORDERS, paid(other, f"{order}_astray", 2)),
        ]
        broken = [Outgoing(topic.name, buyer.encode(), NO_EVENT) for topic in (CLICKS, ORDERS)] * 2
        self._send(
            "koc-backend", [Outgoing(t.name, buyer.encode(), json.dumps(e).encode()) for t, e in astray] + broken
        )
        self._send("koc-back-office", [Outgoing(REGISTRY.name, b"pl_1", NO_EVENT)] * 2)

    def use_console(self, refused: Sequence[str]) -> str:
        """Look at pages that ask Kafka, and send refused events again; what the page says became of them."""
        environment = self.environment("koc-console")
        operator = make_url(self._database["KOC_DATABASE_OPERATOR_URL"])
        with ConsoleProcess(self.folder / "koc-console", f"koc-console-{self.name}", environment) as process:
            with ConsoleClient(process.address) as console:
                for page in (
                    f"/order/o_{self.name}?part=log",
                    f"/order/o_{self.name}?part=why&koc=k_0",
                    "/dead-letters",
                ):
                    console.page(page)
                until(lambda: "commerce.orders.v1" in console.page("/health?part=lag"), "the lag is known")
                console.sign_in(str(operator.username), str(operator.password))
                told = console.send_again(refused)
            assert process.terminate() == 0
        return told

    def lags(self) -> dict[Trigger, int]:
        """What KEDA's scaler finds of each trigger of ours."""
        login = self._login("koc-scaler")
        return {trigger: lag(login, trigger) for trigger in triggers()}

    def _send(self, principal: str, records: Iterable[Outgoing]) -> None:
        with with_environment(self.environment(principal)):
            publish(records)

    def read_ledger(self) -> dict[str, int]:
        """How many records a program of finance finds in each topic that is meant for it, remembered in its group."""
        from kafka import KafkaConsumer

        counts = dict.fromkeys((LEDGER.name, COMMANDS.name, STATEMENTS.name), 0)
        with with_environment(self.environment("koc-finance")):
            reader: Any = KafkaConsumer(
                *counts, **kafka_python_options(), group_id=f"finance-{self.name}", auto_offset_reset="earliest"
            )

        def has_entries() -> bool:
            for place, records in reader.poll(500).items():
                counts[place.topic] += len(records)
            return counts[LEDGER.name] > 0 and counts[COMMANDS.name] > 0

        try:
            until(has_entries, "finance has read the ledger")
            reader.commit()
        finally:
            reader.close()
        return counts
