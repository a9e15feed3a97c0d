"""Reference data: what makes no sense is refused with a sentence, and one identity has one name."""

import json
from typing import Any

import pytest

from schemas import decoding
from schemas.entities import KEY_FIELDS
from schemas.house import HOUSE_KEY
from schemas.reasons import Reason
from schemas.specimens import MODELS, VALID
from schemas.topics import REGISTRY


def read(name: str, **changed: Any) -> Any:
    return decoding.read(REGISTRY.name, json.dumps(VALID[name] | changed).encode())


def refusal(name: str, **changed: Any) -> str:
    with pytest.raises(decoding.InvalidEvent) as refused:
        read(name, **changed)
    assert refused.value.reason == Reason.INVALID_FIELD
    return refused.value.detail


def split(role: str, of: str) -> dict[str, Any]:
    return {"role": role, "of": of, "share_ppm": 1_000}


def test_identities_and_keys_are_those_of_the_contract() -> None:
    found = {name: (read(name).identity, read(name).key) for name in MODELS[REGISTRY.name]}
    assert found == {
        "plan.published": ("pl_1|1", "pl_1"),
        "relation.set": ("k_7|1790812800000000", "k_7"),
        "content.registered": ("v_93", "v_93"),
        "script_fee.accepted": ("v_93", "v_93"),
        "spend.reported": ("sp_1", "v_93"),
        "content.removed": ("v_93", "v_93"),
        "dispute.opened": ("d_1", "d_1"),
        "dispute.decided": ("d_1", "d_1"),
        "hold.placed": ("h_1", "h_1"),
        "hold.released": ("h_1", "h_1"),
        "campaign.budget_set": ("c_1111|CNY", "c_1111"),
        "koc.left": ("k_7", "k_7"),
        "payee.set": ("koc:k_7", "koc:k_7"),
        "house.set": ("1790784000000000", "house"),
    }


def test_a_moment_written_in_another_zone_is_the_same_identity_and_half_a_second_later_is_another() -> None:
    times = ("2026-10-01T00:00:00Z", "2026-10-01T08:00:00+08:00", "2026-10-01T00:00:00.5Z", "2026-10-01T00:00:01.5Z")
    for name in ("relation.set", "house.set"):
        same, again, *others = [read(name, effective_from=at).identity for at in times]
        assert same == again
        assert len({same, *others}) == 3


@pytest.mark.parametrize(
    "role",
    ["brand", "bank", "clawback", "payout", "tax", "vat", "traffic", "suspense", "writeoff", "budget", "commission"],
)
def test_a_role_may_not_be_called_like_another_account_owner(role: str) -> None:
    assert f"may not be called {role}" in refusal("plan.published", splits=[split(role, "commission")])


@pytest.mark.parametrize("role", ["platform", "koc", "brand"])
def test_a_relation_cannot_say_who_is_the_platform_the_koc_or_the_brand(role: str) -> None:
    assert role in refusal("relation.set", parties={role: "x_1"})


def test_a_split_is_of_the_commission_the_base_the_koc_or_an_earlier_role() -> None:
    good = [split("mcn", "commission"), split("recruiter", "mcn"), split("scout", "base"), split("friend", "koc")]
    assert len(read("plan.published", splits=good).splits) == 4
    assert "earlier role" in refusal("plan.published", splits=[split("recruiter", "mcn"), split("mcn", "commission")])
    assert "earlier role" in refusal("plan.published", splits=[split("mcn", "mcn")])


@pytest.mark.parametrize("name", ["plan.published", "relation.set"])
@pytest.mark.parametrize("until", ["2026-10-01T00:00:00Z", "2026-10-01T07:00:00+08:00"])
def test_what_ends_must_have_begun(name: str, until: str) -> None:
    assert "after effective_from" in refusal(name, effective_to=until)
    assert read(name, effective_to="2026-10-01T08:00:01+08:00").effective_to


def test_a_script_fee_needs_a_brand_and_a_currency() -> None:
    assert "needs" in refusal("content.registered", currency=None)
    assert read("content.registered", currency=None, brand_id=None, script_fee_minor=0)


def test_the_first_key_field_that_an_event_has_is_its_key() -> None:
    for name in MODELS[REGISTRY.name]:
        named = [VALID[name][field] for field in KEY_FIELDS if VALID[name].get(field)]
        assert read(name).key == (named[0] if named else HOUSE_KEY)


def tiers(*from_minor: int) -> list[dict[str, Any]]:
    return [{"from_minor": start, "rate_ppm": 1_000} for start in from_minor]


def test_tiers_ascend_and_differ() -> None:
    assert len(read("plan.published", tiers=tiers(0, 1, 500)).tiers) == 3
    for wrong in (tiers(1, 1), tiers(0, 2, 1)):
        assert "must be greater than that of the tier before" in refusal("plan.published", tiers=wrong)


@pytest.mark.parametrize("sum_of_money", [{"tiers": tiers(1)}, {"new_customer_bonus_minor": 1}])
def test_tiers_and_a_bonus_need_the_plans_currency(sum_of_money: dict[str, Any]) -> None:
    without = {"currency": None, "tiers": [], "new_customer_bonus_minor": 0}
    assert read("plan.published", **without).currency is None
    assert refusal("plan.published", **without | sum_of_money).startswith("currency: is missing: ")


HOLD: dict[str, Any] = {"order_id": None, "line_id": None, "content_id": None, "owner": None}


@pytest.mark.parametrize(
    "one", [{"order_id": "o_1"}, {"order_id": "o_1", "line_id": "1"}, {"content_id": "v_1"}, {"owner": "mcn:m:1"}]
)
def test_a_hold_is_of_one_thing(one: dict[str, Any]) -> None:
    assert read("hold.placed", **HOLD | one)


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ({}, "order_id: is missing: a hold names an order_id, a content_id or an owner"),
        ({"line_id": "1"}, "order_id: is missing: a hold names an order_id, a content_id or an owner"),
        ({"line_id": "1", "owner": "koc:k_7"}, "order_id: is missing: a line_id needs it"),
        (
            {"order_id": "o_1", "owner": "koc:k_7"},
            "owner: must be absent: this hold names order_id, and a hold names one thing",
        ),
        (
            {"content_id": "v_1", "order_id": "o_1"},
            "content_id: must be absent: this hold names order_id, and a hold names one thing",
        ),
    ],
)
def test_a_hold_of_nothing_or_of_several_things_is_refused(things: dict[str, Any], told: str) -> None:
    assert refusal("hold.placed", **HOLD | things) == told


@pytest.mark.parametrize("owner", ["platform:us", "brand:br_2", "bank:main", "writeoff:koc", "budget:c_1"])
def test_only_a_party_is_held_or_paid(owner: str) -> None:
    told = f"owner: {owner.partition(':')[0]} is not a role that a party fills"
    assert refusal("payee.set", owner=owner) == told
    assert refusal("hold.placed", **HOLD | {"owner": owner}) == told


@pytest.mark.parametrize("owner", ["koc:", ":k_7", "KOC:k_7", "koc k_7", "koc:k 7", 7])
def test_an_owner_is_a_role_and_an_id(owner: Any) -> None:
    assert refusal("payee.set", owner=owner).startswith("owner: must be a ")


def test_sums_of_the_house_are_in_currencies_that_exist() -> None:
    for field in ("vat_ppm", "payout_minimum_minor"):
        told = f"{field}.RMB: the name is not an ISO 4217 currency code, three capital letters such as CNY"
        assert refusal("house.set", **{field: {"RMB": 1}}) == told
        assert read("house.set", **{field: {}}).event_id


@pytest.mark.parametrize("name", [name for name in MODELS[REGISTRY.name] if name != "hold.placed"])
def test_what_may_be_left_out_may_be_null(name: str) -> None:
    fields = MODELS[REGISTRY.name][name].model_fields
    optional = [field for field, one in fields.items() if not one.is_required()]
    assert read(name, **dict.fromkeys(optional))


def test_only_what_is_required_is_enough_for_a_plan() -> None:
    required = (
        "event_id",
        "event_type",
        "occurred_at",
        "plan_id",
        "version",
        "kind",
        "rate_ppm",
        "base",
        "effective_from",
    )
    event = {name: VALID["plan.published"][name] for name in required}
    assert decoding.read(REGISTRY.name, json.dumps(event).encode()).splits is None


def test_an_unknown_type_is_told_from_a_bad_field_and_from_what_is_no_json() -> None:
    reasons = []
    for raw in (
        b'{"event_type":"plan.lost"}',
        b'{"plan_id":"pl_1"}',
        b'{"event_type":17}',
        b"[]",
        b'{"a":NaN}',
        b"\xff",
    ):
        with pytest.raises(decoding.InvalidEvent) as refused:
            decoding.read(REGISTRY.name, raw)
        reasons.append(refused.value.reason)
    assert reasons == [Reason.INVALID_TYPE] * 3 + [Reason.INVALID_JSON] * 3


def test_unknown_fields_are_ignored_when_read_and_refused_when_made() -> None:
    event = VALID["script_fee.accepted"] | {"surprise": 1}
    raw = json.dumps(event).encode()
    found = decoding.read(REGISTRY.name, raw)
    assert not hasattr(found, "surprise")
    with pytest.raises(ValueError, match="surprise"):
        type(found).model_validate(event, strict=False)
