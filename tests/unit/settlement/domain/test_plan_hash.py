"""A plan's proof covers every field of every row, in no order."""

import hashlib

import pytest

from services.settlement.domain.lines.terms import NO_GRANTS, Grant, LineGrants
from services.settlement.domain.settling.netting import NO_RESERVE, NetResult, Reserve
from services.settlement.domain.settling.parts import CreditPart
from services.settlement.domain.settling.plan_hash import (
    ContentPlan,
    LinePlan,
    PartyPlan,
    content_digest,
    line_digest,
    party_digest,
    plan_sha256,
)

PART = CreditPart("v_93", "k_7", "pl_1|1", 20_000, 4_000, {"koc:k_7": 3_600, "platform": 400})
GRANTS = LineGrants({"v_93|k_7||natural": Grant(20_000, 4_000, 1, 1), "v_9|k_7||paid": Grant(1, 2, 3, 4)}, 5)
LINE = LinePlan(3, ("o_1", "1", "b_1"), 17, {"platform": 400, "koc:k_7": 3_600}, GRANTS, (PART,))
PARTY = PartyPlan("koc:k_7", "CNY", 3_600, Reserve(360, 88), NetResult(1, 2, 3, 4, -5))


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_the_bytes_are_those_of_the_documentation() -> None:
    """Written out by hand, as another program would."""
    assert line_digest(LINE) == sha(
        '["line",3,"o_1","1","b_1",17,[["koc:k_7",3600],["platform",400]],'
        '[["v_93|k_7||natural",20000,4000,1,1],["v_9|k_7||paid",1,2,3,4]],5,'
        '[["v_93","k_7","pl_1|1",20000,4000,[["koc:k_7",3600],["platform",400]]]]]'
    )
    assert party_digest(PARTY) == sha('["party","koc:k_7","CNY",3600,360,88,1,2,3,4,-5]')
    assert party_digest(PARTY._replace(reserve=NO_RESERVE)) == sha('["party","koc:k_7","CNY",3600,0,null,1,2,3,4,-5]')
    content = ContentPlan("v_93", "CNY", {"koc:k_7": 30_000})
    assert content_digest(content) == sha('["content","v_93","CNY",[["koc:k_7",30000]]]')


def test_a_plan_is_its_rows_in_any_order_block_by_block() -> None:
    one, two, three = sha("1"), sha("2"), sha("3")
    block = hashlib.sha256(b"".join(sorted([one, two]))).digest()
    alone, empty = hashlib.sha256(three).digest(), hashlib.sha256(b"").digest()
    whole = hashlib.sha256(b"koc-plan-1" + block + alone + empty).digest()
    assert plan_sha256([one, two], [three], []) == whole
    assert plan_sha256(iter([two, one]), iter([three]), iter([])) == whole
    assert plan_sha256([one, two, three], [], []) != whole


@pytest.mark.parametrize(
    "other",
    [
        LINE._replace(partition=4),
        LINE._replace(key=("o_1", "1", "b_2")),
        LINE._replace(position=18),
        LINE._replace(settled={"platform": 400, "koc:k_7": 3_601}),
        LINE._replace(grants=NO_GRANTS),
        LINE._replace(grants=GRANTS._replace(bonus_minor=6)),
        LINE._replace(parts=()),
        LINE._replace(parts=(PART._replace(plan="pl_1|2"),)),
    ],
)
def test_any_other_field_gives_another_digest(other: LinePlan) -> None:
    assert line_digest(other) != line_digest(LINE)
