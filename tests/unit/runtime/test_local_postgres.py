"""How long a local PostgreSQL is waited for."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from services.runtime.local.layout import Memory
from services.runtime.local.postgres import Postgres


def test_only_who_asks_whether_it_has_started_is_in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(dsn: str) -> None:
        asked.append(conninfo_to_dict(dsn)["connect_timeout"])
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", refuse)
    postgres = Postgres(Memory(ports={"postgres": 1}), Path())
    assert not postgres.answers()
    assert asked == ["2"]
    given = conninfo_to_dict(postgres.superuser_dsn("koc"))
    assert (given["dbname"], given["connect_timeout"]) == ("koc", "10")
