"""Whether Kafka lets us in: one connection by hand, whose failure says why.

The clients try again and again whatever the reason is, and say in the end that no broker answers.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

from services.kernel.errors import StartRefused
from services.runtime.settings import settings

_SECONDS = 5.0
"""As long as a broker takes at most to answer; one that does not is the clients' business."""


async def check_login(options: Mapping[str, Any]) -> None:
    """Connect to the first broker that answers, with TLS and login as the options say.

    Args:
        options: as aiokafka's clients take them.

    Raises:
        StartRefused: a broker answers and does not let us in, or is not who it should be; none lets us in.
    """
    how = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    refusals = []
    for host, port, _ in collect_hosts(options["bootstrap_servers"], randomize=False):
        try:
            connection = await create_conn(host, port, request_timeout_ms=_SECONDS * 1000, **how)
        except (OSError, KafkaError) as problem:
            if sentence := _refusal(problem, f"{host}:{port}", how):
                refusals.append(sentence)
        else:
            connection.close()
            return
    if refusals:
        raise StartRefused(refusals[0])


def _refusal(problem: BaseException, address: str, how: Mapping[str, Any]) -> str | None:
    """What a failed attempt says about names, certificates and passwords; None = nothing, the broker is away."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return (
            f"the certificate of the Kafka broker at {address} does not hold: {problem.verify_message.rstrip('.')}; "
            f"KOC_KAFKA_CA_FILE must hold its CA, and KOC_KAFKA_BOOTSTRAP a name that is in it"
        )
    if isinstance(problem, SaslAuthenticationFailed | UnsupportedSaslMechanismError):
        return (
            f"the Kafka broker at {address} does not let the user {how['sasl_plain_username']} in by "
            f"{how['sasl_mechanism']}: see KOC_KAFKA_USERNAME, KOC_KAFKA_PASSWORD and KOC_KAFKA_SASL_MECHANISM"
        )
    alert = problem if isinstance(problem, ssl.SSLError) else problem.__cause__
    if isinstance(alert, ssl.SSLError) and "ALERT" in (said := str(alert.reason)):
        is_set = settings().kafka_client_cert_file is not None
        remedy = "must hold a certificate of a CA that it trusts" if is_set else "is not set, and it asks for one"
        return (
            f"the Kafka broker at {address} does not accept our certificate ({said.lower().replace('_', ' ')}): "
            f"KOC_KAFKA_CLIENT_CERT_FILE {remedy}"
        )
    return None
