"""`koc config` shows what a process would work with, and no secret."""

import json
from pathlib import Path

import pytest

from services.kernel.errors import StartRefused
from services.runtime.settings import Settings, found_settings, settings
from tests.kit.command import NOWHERE, koc
from tests.kit.stacks import with_environment

SECRET = "c4n4ry"
SECRETS = [one.name for one in found_settings() if one.is_secret]


def shown(*names: str, **environment: str) -> dict[str, dict[str, object]]:
    done = koc("config", "--json", *names, **{**NOWHERE, **environment})
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["settings"]}


def test_every_setting_is_printed_with_its_meaning_and_origin(tmp_path: Path) -> None:
    (tmp_path / "koc_kafka_password").write_text("from a file\n")
    (tmp_path / "koc_kafka_username").write_text("from a file\n")
    stack = tmp_path / "stack"
    stack.mkdir()
    (stack / "stack.json").write_text(json.dumps({"settings": {"kafka_bootstrap": "127.0.0.1:2", "instance_id": "x"}}))
    found = shown(
        KOC_LOCAL_DIR=str(stack),
        KOC_SECRETS_DIR=str(tmp_path),
        KOC_KAFKA_USERNAME="from the environment",
        KOC_KAFKA_BOOTSTRAP="127.0.0.1:1",
    )
    assert len(found) == len(Settings.model_fields)
    assert [name for name, one in found.items() if not one["meaning"] or one["meaning"] == "None"] == []
    origins = {name: (one["value"], one["origin"]) for name, one in found.items()}
    assert origins["KOC_KAFKA_USERNAME"] == ("from the environment", "environment"), "the environment comes first"
    assert origins["KOC_KAFKA_PASSWORD"] == ("***", "secret file")
    assert origins["KOC_INSTANCE_ID"] == ("x", "local stack")
    assert origins["KOC_KAFKA_BOOTSTRAP"] == ("127.0.0.1:1", "environment")
    assert origins["KOC_HTTP_PORT"] == ("0", "default")


def test_a_secret_file_is_what_a_process_works_with(tmp_path: Path) -> None:
    (tmp_path / "koc_database_payer_url").write_text("postgresql://p:word@h/koc\n")
    with with_environment(NOWHERE | {"KOC_SECRETS_DIR": str(tmp_path), "KOC_DATABASE_PAYER_URL": None}):
        assert settings().database_payer_url.get_secret_value() == "postgresql://p:word@h/koc"


def test_a_folder_of_secrets_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        with_environment(NOWHERE | {"KOC_SECRETS_DIR": str(tmp_path / "none")}),
        pytest.raises(StartRefused, match=r"KOC_SECRETS_DIR=.*none is no folder"),
    ):
        settings()


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        (f"postgresql://ann:{SECRET}@db:5432/koc?sslmode=verify-full", "postgresql://ann:***@db:5432/koc?sslmode=verify-full"),
        (f"postgresql://ann@db/koc?password={SECRET}&sslpassword={SECRET}", "postgresql://ann@db/koc?password=***&sslpassword=***"),
        (f"postgresql://ann:p@{SECRET}@db/koc", "***"),
        (f"postgresql://a/nn:{SECRET}@db/koc", "***"),
        (f"host=db password={SECRET}", "***"),
        (SECRET, "***"),
    ],
)  # fmt: skip
def test_of_an_address_all_but_the_password_is_shown(address: str, printed: str) -> None:
    assert (
        shown("KOC_DATABASE_READER_URL", KOC_DATABASE_READER_URL=address)["KOC_DATABASE_READER_URL"]["value"] == printed
    )


@pytest.mark.parametrize(
    "form", [f"{SECRET}", f"postgresql://ann:{SECRET}@127.0.0.1:1/koc", f"x://{SECRET}:{SECRET}@{SECRET}"]
)
def test_no_secret_is_ever_printed(form: str) -> None:
    assert len(SECRETS) > 7, "else the test would look at nothing"
    for words in (["config"], ["config", "--json"]):
        done = koc(*words, **NOWHERE, **dict.fromkeys(SECRETS, form))
        assert SECRET not in done.stderr
        assert SECRET not in done.stdout.replace(f"//{SECRET}:", "//user:").replace(f"@{SECRET}", "@host")
        assert done.stdout.count("***") == len(SECRETS)


def test_a_wrong_setting_is_named_beside_the_good_ones() -> None:
    done = koc("config", **NOWHERE, KOC_HTTP_PORT="90000", KOC_SNAPSHOT_SECONDS=SECRET)
    assert done.returncode == 78
    assert "KOC_HTTP_PORT: Input should be less than or equal to 65535" in done.stderr
    assert "KOC_SNAPSHOT_SECONDS: Input should be a valid number" in done.stderr
    assert "KOC_KAFKA_BOOTSTRAP = 127.0.0.1:1  [environment]" in done.stdout


def test_a_slip_of_the_pen_is_named() -> None:
    done = koc("config", **NOWHERE, KOC_KAFKA_PASSWROD="x")
    assert (done.returncode, done.stderr) == (0, "KOC_KAFKA_PASSWROD is set, and there is no such setting\n")
    assert koc("config", "KOC_NONE", **NOWHERE).returncode == 2
