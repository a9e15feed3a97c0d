"""The table of faults is about the alerts that there are; and how PromQL is taken apart."""

import yaml

from tests.ops.alerts.conftest import GENERATOR
from tests.ops.alerts.expressions import operands
from tests.ops.alerts.faults import MONEY_ROUNDS, PROCESS_ROUNDS, alerts_of


def test_every_alert_has_a_fault_and_every_fault_an_alert() -> None:
    groups = yaml.safe_load((GENERATOR.parent / "rules/koc.yml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
    assert sorted(alerts) == sorted(alerts_of((*MONEY_ROUNDS, *PROCESS_ROUNDS)))


def test_operands_are_what_set_operators_and_comparisons_stand_between() -> None:
    assert operands('a > 1 and on (job, instance) b{c="d > e or f"} == bool 0') == ["a", 'b{c="d > e or f"}']
    assert operands("max by (job) (\n  (a[5m] > 0)\n  or -b < 2\n)") == ["a[5m]", "-b"]
    assert operands("(sum((a unless a offset 5m) or increase(a[5m])) or vector(0)) > 0") == [
        "a", "a offset 5m", "increase(a[5m])"]  # fmt: skip
    assert operands('time() - max(a) > 3600 or absent(up{job="x"})') == ["time() - max(a)"]
