"""The whole service over TLS, each part under its own principal with the rights that are listed, by either login."""

import json
from pathlib import Path

import pytest

from tests.kit.secure_broker import SecureBroker
from tests.kit.secure_life import Life
from tests.kit.tls_postgres import TlsPostgres


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_every_part_does_its_work_with_what_is_listed(
    way: str, broker: SecureBroker, database: TlsPostgres, tmp_path: Path
) -> None:
    login = broker.by_password if way == "password" else broker.by_certificate
    life = Life(tmp_path, login, database.environment(), way)
    life.koc("koc-topics", "topics", "apply")
    life.koc("koc-topics", "topics", "check")
    life.koc("koc-topics", "settlement", "migrate")
    with life.processes():
        life.publish()
        life.koc("koc-operator", "drain", "--timeout", "60")
        life.koc("koc-operator", "settlement", "run", "--id", f"run-{way}")
        life.koc("koc-operator", "drain", "--timeout", "60")
        explained = life.koc("koc-auditor", "explain", f"o_{way}")
        assert "commission.accrued" in explained
        refused = json.loads(life.koc("koc-auditor", "dlq", "list", "--json"))
        assert len(refused) >= 3
        life.koc("koc-replayer", "dlq", "replay", "--all", "--yes", "--wait", "30")
        life.koc("koc-auditor", "ledger", "audit", "--from-topics")
        found = json.loads(life.koc("koc-auditor", "doctor", "--json"))
        assert [one for one in found if not one["ok"]] == []
        assert life.read_ledger()
