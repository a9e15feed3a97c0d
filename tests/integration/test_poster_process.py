"""Poster processes on real Kafka and PostgreSQL: killed, frozen, cut off and fighting, they book each thing once."""

import json
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest
from sqlalchemy import make_url

from schemas.topics import CREDITS, REGISTRY
from services.runtime.database import engine, psycopg_dsn
from services.runtime.settings import settings
from services.runtime.topics import log_ends
from services.settlement.books.migrations import migrate
from tests.kit.command import koc
from tests.kit.commit_cutter import CommitCutter
from tests.kit.poster_process import Poster, all_is_posted, partition_for, positions, send_facts
from tests.kit.registry_events import ACCEPTED, CONTENT, PLAN, RELATION
from tests.kit.settlement_facts import Fact, FactCredit, usual
from tests.kit.topics import make_again, records
from tests.kit.waiting import until
from tests.reference.settlement_world import Net, net_of_lines

Start = Callable[..., Poster]
LINES = 9_000


@pytest.fixture
def start(empty_database: str, tmp_path: Path) -> Iterator[Start]:
    """Starts posters over an empty database and empty topics."""
    del empty_database
    make_again([CREDITS.name, REGISTRY.name, REGISTRY.dlq])
    owner = engine("owner")
    migrate(owner)
    owner.dispose()
    started: list[Poster] = []

    def one(name: str = "poster-1", **environment: str) -> Poster:
        started.append(Poster(tmp_path / name, name, environment))
        started[-1].start()
        return started[-1]

    yield one
    for poster in started:
        poster.kill()


def lines(count: int = LINES) -> list[Fact]:
    """Lines of many buyers: every third is refunded, every fifth is credited anew, some come twice."""
    facts: list[Fact] = []
    for number in range(count):
        fact = Fact(order_id=f"o_{number}", buyer_id=f"b_{number % 997}", goods_paid_minor=1_000 + number % 777)
        facts.append(fact)
        if number % 3 == 0:
            fact = fact.refunded(100 + number % 300)
            facts.append(fact)
        if number % 5 == 0:
            credit = FactCredit("v_late", f"k_{number % 11}")
            fact = fact.but(credits=(credit,)).refunded(0, event_id="o1_late")
            facts.append(fact)
        if number % 10 == 0:
            facts.append(facts[-1])
    return facts


def expected(facts: list[Fact]) -> Net:
    """What the last assertion of each order comes to."""
    return net_of_lines({fact.order_id: fact for fact in facts}.values(), usual())


def booked() -> Net:
    """What the journal says of order lines."""
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        rows = reader.execute(
            "SELECT order_id, line_id, key, account.currency, sum(v)::bigint"
            " FROM journal, unnest(accounts, amounts) AS leg (id, v) JOIN account USING (id)"
            " WHERE order_id IS NOT NULL GROUP BY 1, 2, 3, 4 HAVING sum(v) <> 0"
        )
        return {(order_id, line_id, key, currency): amount for order_id, line_id, key, currency, amount in rows}


def one_value(statement: str) -> int:
    with psycopg.connect(psycopg_dsn("reader")) as reader:
        (value,) = reader.execute(statement).fetchone() or (0,)
        return int(value)


def check(facts: list[Fact]) -> None:
    assert booked() == expected(facts)
    assert one_value("SELECT coalesce(sum(amount_minor), 0) FROM balance") == 0
    gaps = "SELECT count(*) FROM (SELECT count(*) - max(seq) AS d FROM journal GROUP BY writer) AS g WHERE d <> 0"
    assert one_value(gaps) == 0
    assert one_value("SELECT (SELECT sum(seq) FROM writer) - (SELECT count(*) FROM journal)") == 0


def share_posted() -> float:
    return sum(positions().values()) / sum(log_ends([CREDITS.name, REGISTRY.name]).values())


def test_late_reference_data_and_what_the_process_says_of_itself(start: Start) -> None:
    facts = lines(1_500)
    poster = start(KOC_GAUGE_SECONDS="0.2")
    send_facts(facts)
    until(all_is_posted, "the credits are posted")
    assert booked() == {}
    bad = [b"{", json.dumps(PLAN | {"rate_ppm": -1}).encode(), b'{"event_type":"plan.torn"}']
    send_facts([], registry=[RELATION, *bad, PLAN, CONTENT, ACCEPTED])
    until(all_is_posted, "the lines are priced again")
    check(facts)
    assert one_value("SELECT count(*) FROM line WHERE unpriced IS NOT NULL") == 0
    assert one_value("SELECT count(*) FROM journal WHERE writer = 12") == 1
    refused = records(REGISTRY.dlq)
    reasons = {(dict(r.headers)["source_offset"], dict(r.headers)["reason"]) for r in refused}
    assert reasons == {(b"1", b"invalid_json"), (b"2", b"invalid_field"), (b"3", b"invalid_type")}

    assert poster.get("/readyz") == poster.get("/healthz") == "ok\n"
    assert poster.metric("koc_poster_rebalances_total") == 1, "kafka-python forgets a join that follows at once"
    poster.await_metric('koc_poster_registry_events_total{outcome="refused"}', 3)
    poster.await_metric('koc_poster_assertions_total{outcome="accepted"}', len(set(facts)))
    poster.await_metric('koc_poster_assertions_total{outcome="same"}', len(facts) - len(set(facts)))
    poster.await_metric('koc_poster_assertions_total{outcome="repriced"}', 1_500)
    owed = sum(amount for (_, _, account, _), amount in expected(facts).items() if account.startswith("brand"))
    poster.await_metric('koc_poster_balance_minor{currency="CNY",purpose="accrued",role="brand"}', owed + 30_000)
    assert poster.metric('koc_poster_trial_balance_minor{currency="CNY"}') == 0
    assert_lag_grows_while_the_books_are_locked(poster)
    assert poster.terminate() == 0


def assert_lag_grows_while_the_books_are_locked(poster: Poster) -> None:
    partition = partition_for(Fact())
    records, seconds = (
        f'koc_lag_{unit}{{partition="{partition}",topic="{CREDITS.name}"}}' for unit in ("records", "seconds")
    )
    with psycopg.connect(psycopg_dsn("owner")) as owner:
        owner.execute("SELECT FROM writer FOR UPDATE")
        send_facts([Fact(order_id="o_late")])
        until(lambda: poster.metric(records) == 1 and poster.metric(seconds) > 2, "it shows that it waits")
    until(lambda: poster.metric(records) == poster.metric(seconds) == 0, "it has caught up")


def test_killed_in_the_middle_of_a_batch_twice_it_books_everything_once(start: Start) -> None:
    facts = lines()
    third = len(facts) // 3
    send_facts(facts[:third], registry=[PLAN, RELATION])
    for part in (facts[third : 2 * third], facts[2 * third :]):
        poster = start()
        until(all_is_posted, "what was published before is posted")
        poster.freeze_within_a_transaction(partial(send_facts, part))
        assert 0.0 < share_posted() < 1.0
        assert poster.kill() == -signal.SIGKILL
    start()
    until(all_is_posted, "all are posted")
    check(facts)


@pytest.mark.parametrize("table", ["journal", "balance"])  # PostgreSQL waits for its COPY, or for its next statement
def test_a_frozen_poster_loses_its_partitions_and_changes_nothing_when_it_wakes(start: Start, table: str) -> None:
    facts = lines()
    half = len(facts) // 2
    send_facts(facts[:half], registry=[PLAN, RELATION])
    zombie = start("poster-1")
    until(all_is_posted, "a half is posted")
    zombie.freeze_within_a_transaction(partial(send_facts, facts[half:]), table)
    assert 0.0 < share_posted() < 1.0
    start("poster-2")
    until(all_is_posted, "the other poster took over")
    check(facts)
    zombie.send_signal(signal.SIGCONT)
    more = [fact.refunded(50, event_id="o1_more") for fact in lines(200)]
    final = list({fact.order_id: fact for fact in more}.values())
    send_facts(final)
    until(all_is_posted, "both go on")
    check([*facts, *final])
    assert zombie.problem() is None, zombie.last_words()


def test_posters_that_come_and_go_share_the_partitions_and_book_once(start: Start) -> None:
    facts = lines()
    first = start("poster-1")
    send_facts(facts[: len(facts) // 2], registry=[PLAN, RELATION])
    second = start("poster-2")
    send_facts(facts[len(facts) // 2 :])
    until(lambda: "partitions assigned" in second.log(), "it joins")
    assert first.terminate() == 0
    until(all_is_posted, "the second goes on alone")
    check(facts)
    assert second.terminate() == 0


def test_a_connection_cut_within_commit_neither_loses_nor_doubles(start: Start) -> None:
    """Whether a commit took place whose answer never came shows in the offsets."""
    facts = lines()
    send_facts(facts, registry=[PLAN, RELATION])
    url = make_url(settings().database_url.get_secret_value())
    cutter = CommitCutter(url.port or 5432, times=4)
    there = url.set(host="127.0.0.1", port=cutter.port).render_as_string(hide_password=False)
    poster = start(KOC_DATABASE_URL=there)
    until(lambda: cutter.cuts_left == 0 and all_is_posted(), "all are posted")
    check(facts)
    assert poster.metric('koc_poster_retries_total{cause="connection"}') == 4
    assert poster.metric('koc_poster_retries_total{cause="fenced"}') >= 1
    assert poster.terminate() == 0
    cutter.close()


def test_two_truths_under_one_vector_stop_the_poster_until_the_line_is_quarantined(start: Start) -> None:
    other = Fact(order_id="o_2")
    send_facts([Fact(), Fact(goods_paid_minor=1), other], registry=[PLAN, RELATION])
    poster = start()
    assert poster.ended() == 70
    assert "koc settlement quarantine o_1/1/BUYER" in poster.log()
    assert positions()[CREDITS.name, partition_for(Fact())] == 1, "what stands before it is posted"
    assert booked() == expected([Fact()])

    frozen = koc("settlement", "quarantine", "o_1/1/b_1", "--reason", "two truths")
    assert frozen.returncode == 0, frozen.stderr
    unknown = koc("settlement", "quarantine", "o_9/1/b_1", "--reason", "two truths")
    assert (unknown.returncode, "the books do not know o_9/1/b_1 yet" in unknown.stdout) == (0, True)
    poster = start()
    send_facts([Fact().refunded(20_000)])
    until(all_is_posted, "it goes on")
    check([Fact(), other])


def test_a_credit_that_cannot_be_read_stops_the_poster_after_all_that_stands_before_it(start: Start) -> None:
    partition = partition_for(Fact())
    send_facts([Fact(), (partition, b'{"order_id":1}'), Fact(order_id="o_2")])
    poster = start(KOC_LINGER_SECONDS="600")
    words = f"attribution.credits.v1-{partition} holds at offset 1"
    until(lambda: words in poster.readiness(), "it says why it is not ready")
    with pytest.raises(HTTPError, match="503"):
        poster.get("/healthz")
    poster.await_metric('koc_invariant_violations_total{invariant="poison_credit"}', 1)
    assert poster.metric("koc_ready") == 0
    assert poster.terminate() == 70
    assert words in poster.log()
    assert positions()[CREDITS.name, partition] == 1


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE writer SET topic_id = 'another' WHERE partition < 12", "was deleted and made again"),
        ("UPDATE writer SET next_offset = 7 WHERE partition = 3", "holds offsets 0 to 0"),
        ("UPDATE alembic_version SET version_num = '0001'", "run `koc settlement migrate`"),
        ("UPDATE alembic_version SET version_num = '9999'; DELETE FROM compatible_code", "newer than this code"),
    ],
)
def test_a_world_that_is_not_as_it_must_be_is_refused_with_one_sentence(
    start: Start, statement: str, sentence: str
) -> None:
    with psycopg.connect(psycopg_dsn("owner")) as owner:
        owner.execute(statement)
    poster = start()
    assert poster.ended() == 78
    assert sentence in poster.log()
