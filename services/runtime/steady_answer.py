"""An answer of Kafka while its brokers come, go and choose leaders: asked for again, for half a minute at most."""

import time
from collections.abc import Callable
from typing import TypeVar

from services.runtime.settings import settings

Told = TypeVar("Told")

_UNSETTLED_SECONDS = 30.0
"""A cluster has chosen new leaders by then; whoever waits longer has a broker that is away."""

_INCOMPLETE_SECONDS = 2.0
"""A broker hears of a new topic a moment after the one that made it."""

_POLL_SECONDS = 0.2


def steady_answer(question: Callable[[], Told], is_whole: Callable[[Told], bool] = lambda _: True) -> Told:
    """What brokers say once they have settled: an error that passes is no answer yet.

    Args:
        question: asks once.
        is_whole: whether an answer lacks nothing; one that lacks something is believed after 2 s.

    Raises:
        ConnectionError: the brokers gave no answer for half a minute.
        KafkaError: one that does not pass.
    """
    from kafka.errors import RetriableError, UnknownBrokerIdError

    deadline = time.monotonic() + _UNSETTLED_SECONDS
    incomplete_since: float | None = None
    while True:
        try:
            answer = question()
        except (RetriableError, UnknownBrokerIdError) as error:
            if time.monotonic() > deadline:
                raise ConnectionError(
                    f"the Kafka brokers at {settings().kafka_bootstrap} have not settled in {_UNSETTLED_SECONDS:.0f} s:"
                    f" {error}"
                ) from error
        else:
            incomplete_since = incomplete_since or time.monotonic()
            if is_whole(answer) or time.monotonic() - incomplete_since > _INCOMPLETE_SECONDS:
                return answer
        time.sleep(_POLL_SECONDS)
