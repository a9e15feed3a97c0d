"""`koc policy`: what it says, and with what status it ends."""

import json

import pytest
from typer.testing import CliRunner

from services.cli.policy import app
from services.runtime.settings import settings
from tests.unit.attribution.policy.test_file import HEAD, entry, month


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "policies.toml"
    own = entry("own", model='"linear"', platforms='["douyin"]', effective_from=month(11), effective_to=month(12))
    path.write_text(HEAD + entry("all") + own)
    monkeypatch.setenv("KOC_POLICY_FILE", str(path))
    settings.cache_clear()
    yield path
    settings.cache_clear()


def run(*words):
    return CliRunner().invoke(app, words)


def shown(*words):
    """Platform, name and span of what is shown."""
    said = json.loads(run("show", "--json", *words).stdout)
    return [(p["platform"], p["name"], p["effective_from"], p["effective_to"]) for p in said["policies"]]


def test_a_good_file_is_named_with_its_revision(file):
    said = run("check")
    assert (said.exit_code, said.stdout) == (0, f"{file} is as it should be: revision 3, policies all, own\n")


def test_all_that_is_wrong_is_said_and_the_status_is_1(file, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(file.read_text().replace("linear", "lucky").replace("revision = 3", "revision = 0"))
    said = run("check", str(bad))
    assert said.exit_code == 1
    assert [line.split(":")[0] for line in said.stdout.splitlines()] == ["revision", "policies[2] (own).model"]
    as_json = run("check", str(bad), "--json")
    answer = json.loads(as_json.stdout)
    assert (as_json.exit_code, answer["ok"], len(answer["problems"])) == (1, False, 2)


def test_an_order_is_told_its_one_policy(file):
    del file
    [own] = shown("--platform", "douyin", "--at", "2026-11-11T00:00:00+08:00")
    assert own == ("douyin", "own", month(11), month(12))
    assert [name for _, name, *_ in shown("--platform", "douyin", "--at", month(12))] == ["all"]
    assert [name for _, name, *_ in shown("--platform", "taobao", "--at", month(11))] == ["all"]


def test_the_whole_table_is_in_time(file):
    del file
    assert shown() == [
        ("douyin", "all", None, month(11)),
        ("douyin", "own", month(11), month(12)),
        ("douyin", "all", month(12), None),
        ("*", "all", None, None),
    ]


def test_a_person_reads_sentences(file):
    del file
    said = run("show", "--at", month(11)).stdout.splitlines()
    assert said[1:3] == [
        "douyin, orders paid from 2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z: own",
        "  model linear, to brand scope; windows: click 360 h, code 360 h, view 24 h",
    ]
    assert said[3] == "every other platform, orders paid from ever to further notice: all"


def test_a_time_that_is_none_is_the_callers_mistake(file):
    del file
    assert run("show", "--at", "yesterday").exit_code == 2
