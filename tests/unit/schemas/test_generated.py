"""The generated contract: fresh, true to the models, and a document that AsyncAPI's own schema accepts."""

import copy
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas import decoding, generate
from schemas.reasons import Reason
from schemas.specimens import MODELS
from schemas.topics import ALL, CLICKS, CREDITS, DLQS, LEDGER, ORDERS
from services.attribution.events import decode
from services.kernel.errors import Refused
from services.settlement.books import decode_credits as credit_wire

ROOT = Path(generate.__file__).parent
DOCUMENT = json.loads((ROOT / "asyncapi.json").read_text())
FAST = {CLICKS.name: decode.read_click, ORDERS.name: decode.decode_order, CREDITS.name: credit_wire.decode_credit}
TYPES = [(topic, name) for topic, models in MODELS.items() for name in models]
VALID = [(topic, ROOT / f"examples/{name}/valid.json") for topic, name in TYPES]
INVALID = [(topic, path) for topic, name in TYPES for path in sorted(ROOT.glob(f"examples/{name}/invalid-*.json"))]


def example(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def schema(name: str) -> Any:
    return json.loads((ROOT / f"json/{name}.schema.json").read_text())


def fits(path: Path) -> bool:
    """Whether the example fits the JSON Schema of its type."""
    return jsonschema.Draft202012Validator(schema(path.parent.name)).is_valid(json.loads(path.read_text()))


def test_what_is_committed_is_what_the_models_say() -> None:
    assert generate.stale() == []


def test_a_changed_a_missing_and_a_forgotten_file_are_stale(tmp_path: Path) -> None:
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []
    (tmp_path / "json/click.schema.json").write_text("{}")
    (tmp_path / "asyncapi.json").unlink()
    shutil.copy(tmp_path / "json/order.paid.schema.json", tmp_path / "json/order.lost.schema.json")
    assert generate.stale(tmp_path) == ["asyncapi.json", "json/click.schema.json", "json/order.lost.schema.json"]
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []


def test_the_check_names_what_is_stale_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "stale", lambda: ["a", "b", "c", "d"])
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == "schemas: stale: a, b, c and 1 more; `make docs` writes them again\n"
    monkeypatch.setattr(generate, "stale", list)
    assert generate.main(["--check"]) == 0
    assert generate.main(["--chekc"]) == 2


@pytest.mark.parametrize(("topic", "name"), TYPES)
def test_every_object_of_a_schema_is_closed(topic: str, name: str) -> None:
    def objects(node: Any) -> Any:
        if isinstance(node, dict):
            if "properties" in node:
                yield node
            for inner in node.values():
                yield from objects(inner)

    assert topic
    found = list(objects(schema(name)))
    assert found
    assert all(one["additionalProperties"] is False for one in found)


@pytest.mark.parametrize(("topic", "path"), VALID, ids=map(example, [path for _, path in VALID]))
def test_a_valid_example_is_accepted_by_all(topic: str, path: Path) -> None:
    assert fits(path)
    decoding.read(topic, path.read_bytes())
    if topic in FAST:
        FAST[topic](path.read_bytes())


@pytest.mark.parametrize(("topic", "path"), INVALID, ids=map(example, [path for _, path in INVALID]))
def test_an_invalid_example_is_refused_by_all(topic: str, path: Path) -> None:
    assert not fits(path)
    with pytest.raises(decoding.InvalidEvent) as refused:
        decoding.read(topic, path.read_bytes())
    expected = Reason.INVALID_TYPE if "event_type" in path.name else Reason.INVALID_FIELD
    assert refused.value.reason == expected
    if topic in FAST:
        with pytest.raises(Refused) as fast:
            FAST[topic](path.read_bytes())
        assert fast.value.reason == expected


def test_there_are_several_invalid_examples_of_every_type() -> None:
    for _, name in TYPES:
        assert len([path for _, path in INVALID if path.parent.name == name]) >= 3, name


def test_the_document_is_asyncapi_3() -> None:
    official = Path(__file__).parents[2] / "data/asyncapi-3.0.0.schema.json.gz"
    rules = jsonschema.Draft7Validator(json.loads(gzip.decompress(official.read_bytes())))
    assert [error.message for error in rules.iter_errors(DOCUMENT)] == []
    broken = copy.deepcopy(DOCUMENT)
    broken["channels"][CLICKS.name]["adress"] = broken["channels"][CLICKS.name].pop("address")
    assert not rules.is_valid(broken)


def references(node: Any) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 30
    for reference in found:
        file, _, fragment = reference.partition("#")
        node = json.loads((ROOT / file).read_text()) if file else DOCUMENT
        for step in fragment.split("/")[1:]:
            node = node[step]


def test_the_document_has_every_topic_with_its_messages() -> None:
    assert DOCUMENT["channels"].keys() == {topic.name for topic in ALL}
    for topic in ALL:
        channel = DOCUMENT["channels"][topic.name]
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        assert channel["messages"].keys() == ({"refused"} if topic in DLQS else MODELS[topic.name].keys())
    actions = {
        one["channel"]["$ref"].removeprefix("#/channels/"): one["action"] for one in DOCUMENT["operations"].values()
    }
    assert actions[CLICKS.name] == "receive"
    assert actions[LEDGER.name] == actions[ORDERS.dlq] == "send"


def test_the_contract_needs_nothing_but_pydantic() -> None:
    program = """
import importlib.abc, pkgutil, sys
import pydantic, pydantic.main
OURS = {"schemas", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in OURS | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{root} is not pydantic", name=root)
sys.meta_path.insert(0, Guard())
import schemas
for module in pkgutil.walk_packages(schemas.__path__, "schemas."):
    __import__(module.name)
from schemas import decoding, specimens
import json
assert decoding.read("commerce.clicks.v1", json.dumps(specimens.VALID["click"]).encode()).buyer_id == "b_1"
try:
    import msgspec
except ModuleNotFoundError:
    print("alone")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True)
    assert done.stdout == "alone\n", done.stderr
