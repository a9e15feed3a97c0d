"""A program that checks us from outside is never quietly left out."""

import os
import shutil

import pytest

from tests.kit.without import installed, required


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on the path, and we are nobody."""
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("KOC_WITHOUT", raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_a_missing_program_fails_its_tests_and_says_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"hledger is missing: only root .*KOC_WITHOUT=hledger"):
        required("hledger")


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("value", ["hledger", "prometheus,hledger", "prometheus hledger"])
def test_only_its_name_in_the_environment_leaves_it_out(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KOC_WITHOUT", value)
    assert not required("hledger")
    with pytest.raises(pytest.skip.Exception, match="left out by KOC_WITHOUT"):
        installed("hledger")


@pytest.mark.usefixtures("bare_machine")
def test_the_name_of_another_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOC_WITHOUT", "prometheus")
    assert not required("promtool"), "promtool comes with prometheus"
    with pytest.raises(pytest.fail.Exception):
        required("hledger")
