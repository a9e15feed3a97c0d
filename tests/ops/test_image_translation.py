"""What the image's suite hands to podman is what the compose file says of a service; and it says what it needs."""

import json
import os
from pathlib import Path

import pytest

from tests.kit.without import installed_file
from tests.ops import compose
from tests.ops.image.build import KEYS, bootstrap_command, debian_mirror
from tests.ops.image.engine import Engine
from tests.ops.image.project import Project
from tests.ops.image.translation import Place, run_arguments, seconds

PLACE = Place({"kafka:9092": "127.0.0.1:1234", "@postgres:5432/koc": "@127.0.0.1:5555/books"}, 8123)
PASSWORDS = {
    **{f"KOC_{role}_PASSWORD": f"pw-{role}" for role in ("OWNER", "WRITER", "READER", "OPERATOR", "APPROVER", "PAYER")},
    "KOC_CONSOLE_TOKEN": "a-token-that-nobody-guesses",
}
SERVICES = compose.interpolated(Project.services_of_ours(), PASSWORDS)


def test_a_service_that_stays_gets_its_rights_limits_settings_and_command() -> None:
    words = run_arguments("poster", SERVICES["poster"], PLACE)
    assert words[words.index("koc-settlement") :] == ["koc-settlement", "koc", "settlement", "poster"]
    wanted = {
        "--name=poster", "--network=host", "--pull=never", "--init=true", "--read-only=true",
        "--read-only-tmpfs=false", "--tmpfs=/tmp:size=1g", "--cap-drop=ALL", "--security-opt=no-new-privileges:true",
        "--restart=unless-stopped", "--stop-timeout=30", "--env=KOC_KAFKA_BOOTSTRAP=127.0.0.1:1234",
        "--env=KOC_DATABASE_URL=postgresql+psycopg://koc_writer:pw-WRITER@127.0.0.1:5555/books",
        "--env=KOC_INSTANCE_ID=poster-1", "--env=KOC_HTTP_PORT=8123", "--env=KOC_HTTP_HOST=127.0.0.1",
    }  # fmt: skip
    assert set(words[: words.index("koc-settlement")]) == wanted


def test_a_service_that_listens_for_everybody_in_its_container_listens_on_loopback_here() -> None:
    words = run_arguments("console", SERVICES["console"], PLACE)
    assert words[words.index("koc-settlement") :] == ["koc-settlement", "koc", "console", "--host", "127.0.0.1"]
    assert not any("0.0.0.0" in word for word in words)  # noqa: S104 - it must not


def test_a_one_shot_keeps_its_entry_point_and_takes_other_words() -> None:
    words = run_arguments("run", SERVICES["run"], PLACE, ["--dry-run"])
    entrypoint = next(word.removeprefix("--entrypoint=") for word in words if word.startswith("--entrypoint="))
    assert json.loads(entrypoint) == ["koc", "settlement", "run"]
    assert words[words.index("koc-settlement") :] == ["koc-settlement", "--dry-run"]
    assert run_arguments("close", SERVICES["close"], PLACE)[-1] == "--help"


def test_attribution_keeps_its_volumes() -> None:
    words = run_arguments("attribution", SERVICES["attribution"], PLACE)
    assert {word for word in words if word.startswith("--volume=")} == {
        "--volume=attribution-state:/var/lib/koc",
        "--volume=attribution-snapshots:/var/lib/koc-snapshots",
    }


def test_the_health_check_asks_where_the_service_listens_here() -> None:
    words = PLACE.health(SERVICES["relay"])
    assert words[:2] == ["python", "-c"]
    assert "http://127.0.0.1:8123/readyz" in words[2]


def test_a_key_without_a_translation_is_an_error() -> None:
    with pytest.raises(KeyError, match="mem_limit"):
        run_arguments("relay", {**SERVICES["relay"], "mem_limit": "1g"}, PLACE)


def test_durations_are_read() -> None:
    assert (seconds("30s"), seconds("2m")) == (30, 120)


def test_without_root_the_suite_fails_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.fail.Exception, match="sudo make test-image"):
        Engine()


def test_on_debian_the_base_comes_from_the_mirror_of_apt() -> None:
    address = "http://mirror.example/debian/"
    rows = f"Debian main bookworm {address}\nDebian main bookworm-security http://mirror.example/debian-security/\n"
    assert debian_mirror(f"Elsewhere main stable http://elsewhere.example/\n{rows}") == address
    assert bootstrap_command("bookworm", Path("base"), address)[-3:] == ["bookworm", "base", address]


def test_on_ubuntu_the_base_comes_from_debians_public_mirror_and_must_be_signed_by_debian() -> None:
    assert debian_mirror("Ubuntu main noble http://mirror.example/ubuntu/\n") is None
    words = bootstrap_command("bookworm", Path("base"), None)
    assert words[-4:] == [f"--keyring={KEYS}", "--force-check-gpg", "bookworm", "base"]


def test_a_file_that_cannot_be_installed_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.fail.Exception, match="Install debian-archive-keyring"):
        installed_file(tmp_path / "keys", "debian-archive-keyring")
