"""The local stack survives what happens to it, and leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from sqlalchemy import create_engine

from schemas.topics import CLICKS, CREDITS
from services.runtime.kafka import admin
from services.runtime.local import broker
from services.runtime.local.layout import Layout
from services.runtime.local.stack import Stack
from services.runtime.topics import log_ends
from tests.kit.command import KOC, koc
from tests.kit.topics import send
from tests.kit.waiting import until


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a stack; whatever a test leaves there is stopped and removed."""
    yield tmp_path / "stack"
    Stack(tmp_path / "stack").reset()


def koc_of(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run koc on the stack of a folder."""
    return koc(*arguments, KOC_LOCAL_DIR=str(folder), **environment)


def living(folder: Path) -> list[str]:
    """Every process that has to do with the folder, however it came to be."""
    found = []
    for process in psutil.process_iter(["name", "cmdline", "environ", "cwd", "status"]):
        words = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values(), process.info["cwd"] or ""]
        near = [word for word in words if word.startswith(str(folder)) or "koc-postgres-" in word]
        if near and process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE:
            home = Stack(folder)._memory().get("postgres_home", "-")
            if any(word.startswith((str(folder), home)) for word in near):
                found.append(f"{process.info['name']} {process.pid}")
    return found


def execute(stack: Stack, statement: str) -> psycopg.Cursor[tuple[object, ...]]:
    connection = psycopg.connect(stack.superuser_dsn("koc"), autocommit=True)
    return connection.execute(statement)


def test_data_ports_and_passwords_survive_a_restart(folder: Path, lead_to: Callable[[Stack], None]) -> None:
    stack = Stack(folder, workers=0)
    with stack:
        lead_to(stack)
        before = stack.settings()
        assert stack.layout.stack_file.stat().st_mode & 0o777 == 0o600
        send(CLICKS.name, [b"{}"] * 3, key=b"b")
        execute(stack, "CREATE TABLE kept AS SELECT 7 AS seven")
        execute(stack, "DROP OWNED BY koc_payer")
        execute(stack, "DROP ROLE koc_operator_local, koc_payer")  # as in a stack of before these roles
    memory = json.loads(stack.layout.memory_file.read_text())
    del memory["passwords"]["koc_operator_local"]
    stack.layout.memory_file.write_text(json.dumps(memory))
    assert living(folder) == []
    assert not stack.layout.stack_file.exists()
    assert (stack.layout.broker / "data/.kafka_cleanshutdown").exists(), "else Kafka reads all its logs at the start"
    told: list[str] = []
    stack.up(told.append)
    with stack:
        assert "left by a stack that crashed" not in "".join(told)
        assert "was not properly shut down" not in (stack.layout.log / "postgres.log").read_text()
        operator = stack.settings().pop("database_operator_url")
        assert {**stack.settings(), "database_operator_url": before["database_operator_url"]} == before
        with create_engine(operator).connect() as connection:
            asked = "SELECT pg_has_role('koc_writer', 'usage'), pg_has_role('koc_operator', 'usage')"
            assert connection.exec_driver_sql(asked).one() == (True, True)
        assert execute(stack, "SELECT FROM pg_roles WHERE rolname = 'koc_payer'").rowcount == 1
        assert sum(log_ends([CLICKS.name]).values()) == 3
        assert execute(stack, "SELECT seven FROM kept").fetchone() == (7,)


def test_a_killed_broker_and_a_killed_database_are_started_again_with_their_data(
    fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None]
) -> None:
    stack = fresh_stack(workers=0)
    lead_to(stack)
    send(CLICKS.name, [b"{}"] * 2, key=b"b")
    execute(stack, "CREATE TABLE kept AS SELECT 7 AS seven")
    killed = {name: stack.pid(name) for name in ("kafka", "postgres")}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)

    def back() -> bool:
        now = {process["name"]: process for process in stack.processes()}
        return all(now[name]["pid"] not in {None, pid} and now[name]["restarts"] >= 1 for name, pid in killed.items())

    def broker_answers() -> bool:
        try:
            send(CLICKS.name, [b"{}"], key=b"b")
        except ConnectionError:
            return False
        return True

    until(back, "both were started again")
    until(broker_answers, "the broker takes records again")
    assert sum(log_ends([CLICKS.name]).values()) == 3

    def answers() -> bool:
        try:
            return execute(stack, "SELECT seven FROM kept").fetchone() == (7,)
        except psycopg.OperationalError:
            return False

    until(answers, "the row came back by recovery")


def test_nothing_survives_a_killed_supervisor_and_the_next_start_cleans_up(folder: Path) -> None:
    stack = Stack(folder, workers=0)
    stack.up()
    os.kill(stack.stack_file()["supervisor_pid"], signal.SIGKILL)
    until(lambda: not living(folder), f"the kernel ended all: {living(folder)}")
    assert stack.layout.stack_file.exists()
    assert not stack.running
    assert koc_of(folder, "local", "up", "--no-workers").returncode == 0
    assert koc_of(folder, "local", "down").stdout.strip() == "stopped"
    assert living(folder) == []


def test_leftovers_of_a_crash_are_found_and_ended(folder: Path) -> None:
    """A supervisor and a server frozen and killed in the worst moment: half-made folders, a server that hangs."""
    stack = Stack(folder, workers=0)
    stack.up()
    kafka = stack.pid("kafka")
    os.kill(kafka, signal.SIGSTOP)
    os.kill(stack.stack_file()["supervisor_pid"], signal.SIGKILL)
    until(lambda: len(living(folder)) == 1, "only the frozen broker is left")
    home = Path(json.loads(stack.layout.memory_file.read_text())["postgres_home"])
    (home / "data/postmaster.pid").write_text(f"1\n{home / 'data'}\n")
    (stack.layout.broker / "data.partial").mkdir()
    done = koc_of(folder, "local", "up", "--no-workers")
    assert done.returncode == 0, done.stderr
    assert f"ended java ({kafka}), left by a stack that crashed" in done.stdout
    koc_of(folder, "local", "down")
    assert living(folder) == []


@pytest.mark.parametrize("begun", ["supervisor", "kafka-format", "postgres"])
def test_ctrl_c_while_it_starts_leaves_nothing_running(folder: Path, begun: str) -> None:
    environment = {**os.environ, "KOC_LOCAL_DIR": str(folder)}
    up = subprocess.Popen([KOC, "local", "up", "--no-workers"], env=environment, stdout=subprocess.DEVNULL)
    log = Layout(folder).log / f"{begun}.log"
    until(log.exists, f"{begun} is started")
    up.send_signal(signal.SIGINT)
    assert up.wait(120) != 0
    # a child that was being started ends with its parent, by the kernel and a moment later
    until(lambda: not living(folder), f"still there: {living(folder)}")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stack_of_a_program_ends_with_it_however_it_ends(folder: Path, how: signal.Signals) -> None:
    script = f"""if True:
        import pathlib, time
        from services.runtime.local.stack import Stack
        with Stack(pathlib.Path({str(folder)!r}), workers=0):
            print("up", flush=True)
            time.sleep(100)
    """
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert program.stdout
    assert program.stdout.readline() == b"up\n"
    program.send_signal(how)
    program.wait(120)
    program.stdout.close()
    until(lambda: not living(folder), f"still there: {living(folder)}")


def test_two_stacks_live_side_by_side(stack: Stack, fresh_stack: Callable[..., Stack]) -> None:
    other = fresh_stack(workers=0)
    assert set(stack.settings().values()).isdisjoint(other.settings().values())
    assert execute(stack, "SELECT 1").fetchone() == execute(other, "SELECT 1").fetchone() == (1,)


def test_a_broker_whose_port_was_taken_while_it_started_is_named_with_its_reason(folder: Path) -> None:
    """What listens there instead takes connections and never answers: whoever asks it for topics learns nothing."""
    stack = Stack(folder, workers=0)
    with stack:
        port = json.loads(stack.layout.memory_file.read_text())["ports"]["kafka"]
    shutil.rmtree(stack.layout.broker)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))  # as long as it does not listen, the port looks free
        with ThreadPoolExecutor(1) as background:
            starting = background.submit(koc_of, folder, "local", "up", "--no-workers")
            until((stack.layout.broker / "format.properties").exists, "the ports are chosen")
            other.listen()
            refused = starting.result()
    assert refused.returncode == 78
    assert "kafka did not start: " in refused.stderr
    assert "Address already in use" in refused.stderr
    assert living(folder) == []


def test_a_second_up_changes_nothing_and_reset_removes_all_that_is_the_stacks_own(folder: Path) -> None:
    folder.mkdir()
    (folder / "bench.json").write_text("{}")
    with Stack(folder, workers=0) as stack:
        home = Path(stack._memory()["postgres_home"])
        assert home.exists()
        pids = {process["name"]: process["pid"] for process in stack.processes()}
        assert "it runs already" in koc_of(folder, "local", "up", "--no-workers").stdout
        assert {process["name"]: process["pid"] for process in stack.processes()} == pids
    done = koc_of(folder, "local", "reset")
    assert (done.returncode, done.stdout) == (0, "removed\n")
    assert [path.name for path in folder.iterdir()] == ["bench.json"]
    assert not home.exists()


def test_without_java_one_sentence_says_what_to_install(folder: Path) -> None:
    done = koc_of(folder, "local", "up", PATH="/nowhere")
    assert done.returncode == 78
    assert done.stderr.startswith("koc: Java is missing: install a Java 17 or newer")
    assert "docker compose up" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_old_java_is_refused_by_its_version(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    (tmp_path / "java").chmod(0o755)
    done = koc_of(folder, "local", "up", PATH=str(tmp_path))
    assert done.returncode == 78
    assert 'too old for Kafka (openjdk version "11.0.2" 2019-01-15)' in done.stderr


def test_without_maven_one_sentence_says_what_to_install(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from services.cli import main
    from services.runtime.local import requirements

    requirements.java()
    monkeypatch.setattr(broker, "JARS", tmp_path / "no-jars")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("KOC_LOCAL_DIR", str(folder))
    monkeypatch.setattr(sys, "argv", ["koc", "local", "up"])
    with pytest.raises(SystemExit, match="78"):
        main.app()
    assert capsys.readouterr().err.startswith("koc: Maven is missing, it fetches Kafka's jars once: install it")


def test_a_full_disk_is_refused_before_anything_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.kernel.errors import StartRefused
    from services.runtime.local import requirements

    monkeypatch.setattr(requirements, "FREE_BYTES", 1 << 60)
    with pytest.raises(StartRefused, match="make room, or set KOC_LOCAL_DIR"):
        Stack(folder).up()
    assert living(folder) == []


def test_status_shows_no_password_and_says_when_it_is_down(stack: Stack, folder: Path) -> None:
    done = koc_of(stack.layout.folder, "local", "status", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert told["running"] is True
    assert [process["name"] for process in told["processes"]] == ["kafka", "postgres"]
    password = json.loads(stack.layout.memory_file.read_text())["passwords"]["koc_writer"]
    assert password in stack.settings()["database_url"]
    assert password not in done.stdout
    down = koc_of(folder, "local", "status")
    assert down.returncode == 1
    assert "start it with: koc local up" in down.stdout


def test_the_database_speaks_utc_and_its_roles_are_no_superusers(stack: Stack) -> None:
    asked = "SELECT rolname, rolsuper, rolcanlogin FROM pg_roles WHERE rolname LIKE 'koc%' ORDER BY 1"
    assert execute(stack, asked).fetchall() == [
        ("koc_approver_local", False, True),
        ("koc_operator", False, False),
        ("koc_operator_local", False, True),
        ("koc_owner", False, True),
        ("koc_payer", False, False),
        ("koc_payer_local", False, True),
        ("koc_reader", False, True),
        ("koc_writer", False, True),
    ]
    assert execute(stack, "SHOW timezone").fetchone() == ("UTC",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(stack.superuser_dsn("koc"), user="koc_owner", password="guess")


@pytest.mark.usefixtures("on_stack")
def test_every_role_gets_a_session_in_utc_by_both_ways() -> None:
    from sqlalchemy import text

    from services.runtime.database import engine, psycopg_dsn

    logins = {"owner": "koc_owner", "writer": "koc_writer", "reader": "koc_reader", "operator": "koc_operator_local"}
    for role, login in logins.items():
        with engine(role).connect() as session, psycopg.connect(psycopg_dsn(role)) as raw:
            asked = "SELECT current_user, current_setting('TimeZone'), current_setting('application_name')"
            expected = (login, "UTC", "koc-cli")
            assert tuple(session.execute(text(asked)).one()) == expected
            assert raw.execute(asked).fetchone() == expected


def test_a_killed_worker_comes_back_and_one_that_refuses_stays_down_with_its_sentence(
    fresh_stack: Callable[..., Stack], lead_to: Callable[[Stack], None]
) -> None:
    stack = fresh_stack(workers=1)
    lead_to(stack)

    def process(name: str) -> dict[str, object]:
        return next(one for one in stack.processes() if one["name"] == name)

    assert [one["name"] for one in stack.processes() if stack.not_ready(one)] == []
    killed = stack.pid("attribution-1")
    os.kill(killed, signal.SIGKILL)
    until(lambda: process("attribution-1")["pid"] not in {None, killed}, "the worker is started again")
    assert process("attribution-1")["restarts"] == 1
    until(lambda: stack.not_ready(process("attribution-1")) is None, "the worker is ready again")
    with admin() as client:
        resource = ConfigResource(ConfigResourceType.TOPIC, CREDITS.name, {"cleanup.policy": "compact"})
        client.alter_configs([resource], incremental=True)
    os.kill(stack.pid("poster-1"), signal.SIGKILL)
    until(lambda: process("poster-1")["state"] == "refused", "the poster refuses the compacted topic")
    assert "attribution.credits.v1: cleanup.policy=compact must be delete" in str(process("poster-1")["note"])
    shown = koc_of(stack.layout.folder, "local", "status")
    assert "poster-1: attribution.credits.v1: cleanup.policy=compact" in shown.stdout
    os.kill(stack.stack_file()["supervisor_pid"], signal.SIGKILL)
    until(lambda: not living(stack.layout.folder), "workers end with their supervisor, servers or not")


def test_a_copy_of_the_binaries_runs_where_nothing_else_of_us_can_be_reached(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A clone below a private folder: as root, PostgreSQL's user gets a copy. Anyone else runs the original."""
    from services.runtime.local.layout import Memory
    from services.runtime.local.postgres import NOBODY, _copied, _programs, prepare

    original = _programs()
    memory = Memory()
    layout = Layout(tmp_path)
    home = prepare(layout, memory).home
    request.addfinalizer(lambda: shutil.rmtree(home))
    copy = _copied(original, home)
    assert copy.is_relative_to(home)
    assert (home.owner() == "nobody") == (os.geteuid() == 0)
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    for program in ("postgres", "initdb"):
        done = subprocess.run([copy / program, "--version"], cwd="/", capture_output=True, text=True, **user)
        assert "(PostgreSQL) 18" in done.stdout, done.stderr
    if os.geteuid() == 0:
        assert not home.is_relative_to(tmp_path), "pytest's folders are private, nobody could not reach them"
