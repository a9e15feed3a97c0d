"""Reference data: what makes no sense is refused with a sentence, and one identity has one name."""

import json
from typing import Any

import pytest

from schemas import decoding
from schemas.reasons import Reason
from schemas.specimens import VALID
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
    found = {
        name: (read(name).identity, read(name).key)
        for name in VALID
        if not name.startswith(("order.", "cl", "cr", "l"))
    }
    assert found == {
        "plan.published": ("pl_1|1", "pl_1"),
        "relation.set": ("k_7|1790812800000000", "k_7"),
        "content.registered": ("v_93", "v_93"),
        "script_fee.accepted": ("v_93", "v_93"),
        "spend.reported": ("sp_1", "v_93"),
    }


def test_a_moment_written_in_another_zone_is_the_same_identity_and_half_a_second_later_is_another() -> None:
    times = ("2026-10-01T00:00:00Z", "2026-10-01T08:00:00+08:00", "2026-10-01T00:00:00.5Z", "2026-10-01T00:00:01.5Z")
    same, again, *others = [read("relation.set", effective_from=at).identity for at in times]
    assert same == again
    assert len({same, *others}) == 3


@pytest.mark.parametrize(
    "role", ["brand", "bank", "clawback", "payout", "tax", "vat", "traffic", "suspense", "commission"]
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
