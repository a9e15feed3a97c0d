"""`koc explain` before it asks anybody: what it does not take."""

from typer.testing import CliRunner

from services.cli.explain import app


def test_an_order_id_that_is_no_utf8_is_the_users_mistake() -> None:
    done = CliRunner().invoke(app, ["o_\udcff"])
    assert done.exit_code == 2
    assert "it is not UTF-8" in done.output
