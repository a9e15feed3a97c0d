"""The service's own totals on 19,785 real conversions equal those of a public library, model by model.

Through the real broker and the real worker: each buyer's clicks once, and one order for each model, which is chosen by
the order's platform. The witness is the package mta, computed here from the same file. With `allow_loops` it keeps a
channel that is seen twice in a row, as we keep every touch; our merging of a content's credits only adds shares up.
Its position-based and linear (`proportional`) go by touches, like ours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from mta.mta import MTA

from services.demo.conversion_paths import DATA, ORDER_PREFIX, conversions, journey
from services.demo.events import Event, record
from services.runtime.publishing import publish
from tests.kit.attribution_process import Worker, drained, truth
from tests.kit.stacks import stack_of_its_own

MODELS = {
    "first_click": ("first_touch", {}, "first_touch"),
    "last_click": ("last_touch", {}, "last_touch"),
    "linear": ("linear", {"share": "proportional"}, "linear"),
    "position_based": ("position_based", {}, "pos_based"),
}
"""Our model -> mta's method, its arguments, and where it leaves its result."""
CONVERSIONS = 19_785
PPM = 1e-6


def policies(folder: Path) -> Path:
    """A policy file: a platform for each model, called like it."""
    head = (
        "revision = 1\n[horizons]\ncandidate_window_days = 15\ntouch_lateness_days = 3\norder_lateness_days = 15\n"
        "order_memory_days = 180\n"
    )
    tables = [
        f'[[policies]]\nname = "{name}"\nmodel = "{model}"\nwidest_scope = "product"\n'
        f"window_hours = {{ click = 360, code = 360, view = 24 }}\n{platforms}\n"
        for name, model, platforms in [
            ("elsewhere", "time_decay", ""),
            *((f"{model}_rule", model, f'platforms = ["{model}"]') for model in MODELS),
        ]
    ]
    path = folder / "policies.toml"
    path.write_text(head + "".join(tables))
    return path


def told() -> Iterator[Event]:
    """Every conversion's clicks, and its order once for each model."""
    for conversion in conversions():
        *clicks, order = journey(conversion)
        yield from clicks
        for model in MODELS:
            name = f"{order['order_id']}.{model}"
            yield {**order, "order_id": name, "event_id": f"{name}_paid", "platform": model}


@pytest.fixture(scope="module")
def credited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """By model the accepted truth of every order, as a reader of the credits topic ends with it."""
    with stack_of_its_own(tmp_path_factory.mktemp("models")):
        publish(map(record, told()))
        folder = tmp_path_factory.mktemp("worker")
        with Worker(folder, environment={"KOC_POLICY_FILE": str(policies(folder))}) as worker:
            drained(worker, seconds=300)
        yield _by_model()


def _by_model() -> dict[str, list[dict[str, Any]]]:
    by_model: dict[str, list[dict[str, Any]]] = {model: [] for model in MODELS}
    for said in truth().values():
        by_model[said["platform"]].append(said)
    return by_model


@pytest.fixture(scope="module")
def witness() -> MTA:
    """mta on the same file; no exposure times are made up, for no model here asks for them."""
    return MTA(data=str(DATA), allow_loops=True, add_timepoints=False)


@pytest.mark.parametrize("model", MODELS)
def test_totals_by_channel_equal_those_of_mta(credited, witness, model):
    method, arguments, result = MODELS[model]
    getattr(witness, method)(**arguments, normalize=False)
    wanted = witness.attribution[result]
    assert len(credited[model]) == CONVERSIONS
    ours: Counter[str] = Counter()
    for credit in chain.from_iterable(said["credits"] for said in credited[model]):
        ours[credit["content_id"].removeprefix("v_")] += credit["weight_ppm"]
    assert set(ours) == {channel for channel, total in wanted.items() if total}
    assert sum(ours.values()) == CONVERSIONS * 1_000_000
    for channel, weight_ppm in ours.items():
        assert abs(weight_ppm / 1_000_000 - wanted[channel]) <= CONVERSIONS * PPM, channel


@pytest.mark.parametrize("model", MODELS)
def test_each_conversion_is_divided_to_the_millionth(credited, model):
    """Nearer than totals: every single order, against the model in fractions of its path."""
    paths = {f"{ORDER_PREFIX}{one.number}.{model}": one.channels for one in conversions()}
    for said in credited[model]:
        assert (said["policy"], said["version"]["rules"]) == (f"{model}_rule", 1)
        exact = shares(model, paths[said["order_id"]])
        weights = {credit["content_id"].removeprefix("v_"): credit["weight_ppm"] for credit in said["credits"]}
        assert sum(weights.values()) == 1_000_000
        assert weights.keys() == exact.keys()
        assert all(abs(weights[channel] - exact[channel] * 1_000_000) < 1 + PPM for channel in exact), said["order_id"]


def shares(model: str, path: tuple[str, ...]) -> dict[str, float]:
    """Each channel's part of one conversion."""
    found: dict[str, float] = defaultdict(float)
    ends = 0.5 if len(path) == 2 else 0.4
    for place, channel in enumerate(path):
        first, last = place == 0, place == len(path) - 1
        if model == "linear" or len(path) == 1:
            found[channel] += 1 / len(path)
        elif model == "position_based":
            found[channel] += ends if first or last else 0.2 / (len(path) - 2)
        elif (first, last)[model == "last_click"]:
            found[channel] += 1
    return found
