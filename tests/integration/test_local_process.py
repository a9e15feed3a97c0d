"""A supervised process: started again after a crash, left alone after a refusal, ended with its supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from services.runtime.local import process as module
from services.runtime.local.process import Process
from tests.kit.waiting import until


def make(tmp_path: Path, script: str) -> Process:
    return Process("worker-1", ["sh", "-c", script], dict(os.environ), tmp_path / "worker-1.log")


def watch_until(process: Process, holds: Callable[[], bool]) -> None:
    def watched() -> bool:
        process.watch()
        return holds()

    until(watched, f"{process} is as it should be")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The supervisor's time, which stands still until a test moves it."""
    stopped = SimpleNamespace(now=1000.0, monotonic=lambda: stopped.now)
    monkeypatch.setattr(module, "time", stopped)
    return stopped


def test_a_crash_is_followed_by_a_restart_after_a_pause_that_doubles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: SimpleNamespace
) -> None:
    monkeypatch.setattr(module, "_LONGEST_DELAY_SECONDS", 0.5)
    process = make(tmp_path, "echo no such table; exit 3")
    process.start()
    pauses = []
    for _ in range(4):
        watch_until(process, lambda: process.state == "waiting")
        assert process.start_at is not None
        pauses.append(round(process.start_at - clock.now, 6))
        assert process.note == "exit 3: no such table"
        assert not process.watch()
        clock.now = process.start_at
        watch_until(process, lambda: process.state == "running")
    assert pauses == [0.2, 0.4, 0.5, 0.5]
    assert process.restarts == 4
    process.kill()


def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    process = make(tmp_path, "exec sleep 100")
    process.start()
    first = process.pid
    assert first
    os.kill(first, signal.SIGKILL)
    watch_until(process, lambda: process.state == "waiting")
    assert process.note == "killed by SIGKILL"
    watch_until(process, lambda: process.pid not in {None, first})
    process.kill()


def test_a_refusal_is_not_repeated_and_its_sentence_is_kept(tmp_path: Path, clock: SimpleNamespace) -> None:
    process = make(tmp_path, "echo working; echo 'koc: topic x has 3 partitions instead of 12' >&2; exit 78")
    process.start()
    watch_until(process, lambda: process.state == "refused")
    assert process.note == "topic x has 3 partitions instead of 12"
    clock.now += 1000
    assert not process.watch()
    assert (process.restarts, process.pid) == (0, None)


def test_a_process_that_ends_by_itself_without_error_stays_stopped(tmp_path: Path) -> None:
    process = make(tmp_path, "exit 0")
    process.start()
    watch_until(process, lambda: process.state == "stopped")
    assert not process.watch()


def test_a_process_that_was_asked_to_stop_is_not_started_again(tmp_path: Path) -> None:
    process = make(tmp_path, "exec sleep 100")
    process.start()
    process.ask_to_stop()
    assert process.wait(60) == -signal.SIGTERM
    assert not process.watch()
    assert process.state == "stopped"


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOG_KEPT_BYTES", 10)
    process = make(tmp_path, "echo new")
    process.log.write_text("old and too long\n")
    process.start()
    process.wait(60)
    assert process.log.read_text() == "new\n"
    assert (tmp_path / "worker-1.log.1").read_text() == "old and too long\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_child_gets_its_death_signal_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""if True:
        import os, pathlib, time, signal
        from services.runtime.local.process import Process
        log = pathlib.Path({str(tmp_path)!r}) / "child.log"
        trap = "trap 'echo stopped cleanly; exit' INT; echo ready; while :; do sleep 0.05; done"
        child = Process("child", ["bash", "-c", trap], dict(os.environ), log, death_signal=signal.SIGINT)
        child.start()
        print(child.pid, flush=True)
        time.sleep(100)
    """
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    log = tmp_path / "child.log"
    until(lambda: "ready" in log.read_text(), "the child is ready")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(60)
    assert log.read_text() == "ready\nstopped cleanly\n"
