"""No two stacks of a machine choose the same port, however long their servers take to listen there."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.local import ports
from services.runtime.local.layout import Layout, Memory

CHOOSE = """
import json, sys
from pathlib import Path
from services.runtime.local.layout import Layout, Memory
memory = Memory()
memory.choose_ports(Layout(Path(sys.argv[1])), ("kafka", "controller", "postgres"))
print(json.dumps(sorted(memory.ports.values())), flush=True)
sys.stdin.read()
"""
PURPOSES = ("kafka", "controller", "postgres")


@pytest.fixture
def other(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which has chosen the ports that this one would choose for the same folder."""
    command = [sys.executable, "-c", CHOOSE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def _chosen(process: "subprocess.Popen[str]") -> set[int]:
    assert process.stdout is not None
    return set(json.loads(process.stdout.readline()))


def _choose(memory: Memory, folder: Path) -> list[int]:
    memory.choose_ports(Layout(folder), PURPOSES)
    return list(memory.ports.values())


def test_ports_that_another_process_chose_are_not_chosen_before_its_servers_listen(
    other: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    theirs = _chosen(other)
    ours = _choose(Memory(), tmp_path)
    assert len(theirs) == len(set(ours)) == len(PURPOSES)
    assert not theirs & set(ours)


def test_ports_of_a_killed_process_are_free_at_once(other: "subprocess.Popen[str]") -> None:
    theirs = _chosen(other)
    assert not any(map(ports.hold, theirs))
    other.kill()
    other.wait()
    assert all(map(ports.hold, theirs))


def test_remembered_ports_are_chosen_again_by_the_process_that_holds_them(tmp_path: Path) -> None:
    memory = Memory()
    first = _choose(memory, tmp_path)
    assert _choose(memory, tmp_path) == first


@pytest.mark.parametrize("taken", range(len(PURPOSES)))
def test_a_remembered_port_that_is_taken_is_exchanged_for_none_of_the_others(tmp_path: Path, taken: int) -> None:
    memory = Memory()
    first = _choose(memory, tmp_path)
    with socket.create_server(("127.0.0.1", first[taken])):
        again = _choose(memory, tmp_path)
    assert len(set(again)) == len(PURPOSES)
    assert [one for one in again if one in first] == [one for one in first if one != first[taken]]
