"""Sales figures a second time: from exported entries, assertions and registry events as plain dictionaries.

Of the services it uses only the audit's pricing, which is itself written apart from the rules that it checks here.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Any

from schemas import decoding
from schemas.topics import REGISTRY
from services.kernel.time import parse_rfc3339
from services.operations.audit.line_facts import LineFacts, read_line
from services.operations.audit.pricing import priced_credits
from services.operations.audit.registry_view import RegistryView

Key = tuple[str, str, str]
Body = dict[str, Any]
Group = tuple[tuple[str | None, ...], bool, str]
"""Names, whether it is credited, currency."""


@dataclass
class StoredLine:
    """What only the table of lines says: `planned` are (settled after the run, parts) of each run, in order."""

    standing: bool
    platform_settled: int
    terms_offset: int | None
    grants: Mapping[str, tuple[int, int, int, int]]
    bonus_minor: int
    planned: list[tuple[Mapping[str, int], list[tuple[str, str, Mapping[str, int]]]]]


@dataclass
class Exported:
    """What is outside of the books: ledger entries, assertions, registry events by offset; and stored lines."""

    entries: list[Body]
    assertions: dict[Key, bytes]
    registry: list[Body]
    lines: dict[Key, StoredLine]
    views: dict[int | None, RegistryView] = field(default_factory=dict)

    def newest(self, kind: str, name: str) -> dict[str, Body]:
        return {event[name]: event for event in self.registry if event["event_type"] == kind}

    def view(self, offset: int | None) -> RegistryView:
        if offset not in self.views:
            known = self.registry[:offset]
            models = [decoding.read(REGISTRY.name, json.dumps(event).encode()) for event in known]
            self.views[offset] = RegistryView(enumerate(models), len(known))
        return self.views[offset]


@dataclass(frozen=True)
class Wanted:
    """What counts, as `Selection`; moments are microseconds."""

    since: int | None = None
    until: int | None = None
    brand_id: str | None = None
    campaign_id: str | None = None
    koc_id: str | None = None


@dataclass
class Sales:
    """Figures by group, by (currency, traffic) and by (currency, promotion)."""

    groups: dict[Group, Counter[str]]
    traffic: dict[tuple[str, str], Counter[str]]
    promotion: dict[tuple[str, str], Counter[str]]


def remainder_parts(total: int, weights: list[int], ranks: list[Any]) -> list[int]:
    """Largest remainder, by fractions."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(one) for one in exact]
    first = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], ranks[i]))
    for i in first[: total - sum(parts)]:
        parts[i] += 1
    return parts


def spread(whole: Mapping[str, int], over: list[dict[str, int]], weights: list[int], ranks: list[bytes]) -> list[Any]:
    rows: list[dict[str, int]] = [{} for _ in over]
    for claimant, amount in whole.items():
        has = [one.get(claimant, 0) for one in over]
        for row, part in zip(rows, remainder_parts(amount, has if sum(has) else weights, ranks), strict=True):
            row[claimant] = part
    return rows


def journal_of_lines(entries: Iterable[Body]) -> dict[Key, Counter[str]]:
    """Account -> net amount of each line; the buyer stands in the idem_key."""
    lines: dict[Key, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        if entry["order_id"] is not None:
            name = next(part for part in entry["idem_key"].split("|") if part.count("/") == 2)
            for leg in entry["legs"]:
                lines[tuple(name.split("/"))][leg["account"]] += leg["amount_minor"]  # type: ignore[index]
    return lines


def claims(accounts: Mapping[str, int], platform_settled: int) -> tuple[dict[str, int], dict[str, int]]:
    """(T, S) by claimant, from a line's net accounts."""
    owed: Counter[str] = Counter()
    settled: Counter[str] = Counter({"platform": platform_settled})
    for account, amount in accounts.items():
        if account.startswith("brand:"):
            continue
        if account.startswith("clawback:"):
            owed[account.removeprefix("clawback:")] -= amount
        elif account in ("platform:fee_deferred", "platform:fee", "vat:output"):
            owed["platform"] -= amount
        else:
            party, _, purpose = account.rpartition(":")
            assert purpose in ("pending", "payable"), account
            owed[party] -= amount
            if purpose == "payable":
                settled[party] -= amount
    charged = sum(amount for account, amount in accounts.items() if account.startswith("brand:"))
    assert charged == sum(owed.values()), accounts
    return {one: n for one, n in owed.items() if n}, {one: n for one, n in settled.items() if n}


class SalesReference:
    """The sales of what is exported, for what is wanted."""

    def __init__(self, exported: Exported, by: str, wanted: Wanted, launch: dict[Any, int] | None, days: int) -> None:
        self.exported, self.by, self.wanted, self.launch, self.days = exported, by, wanted, launch, days
        self.contents = exported.newest("content.registered", "content_id")
        self.sales = Sales(defaultdict(Counter), defaultdict(Counter), defaultdict(Counter))
        self.people: dict[Any, dict[str, set[Any]]] = defaultdict(lambda: {"orders": set(), "buyers": set()})
        self.promoted: set[tuple[str, str]] = set()

    def compute(self) -> Sales:
        self._spends()
        self._fees()
        nets = journal_of_lines(self.exported.entries)
        for key, raw in self.exported.assertions.items():
            said, stored = json.loads(raw), self.exported.lines[key]
            facts = read_line(raw)[0]
            if self._is_wanted(said, facts.paid_at):
                self._line(key, said, facts, stored, claims(nets.get(key, {}), stored.platform_settled))
        for name, people in self.people.items():
            where, which = name
            getattr(self.sales, where)[which].update({one: len(seen) for one, seen in people.items()})
        return self.sales

    def _is_wanted(self, said: Body, paid_at: int) -> bool:
        if self.wanted.brand_id not in (None, said["brand_id"]):
            return False
        if self.launch is None:
            return self._in_range(paid_at)
        first = self.launch.get((said["brand_id"], said["product_id"]))
        return first is not None and self._in_range(first) and 0 <= paid_at - first < self.days * 86_400_000_000

    def _in_range(self, at: int) -> bool:
        since, until = self.wanted.since, self.wanted.until
        return (since is None or at >= since) and (until is None or at < until)

    def _line(
        self, key: Key, said: Body, facts: LineFacts, stored: StoredLine, money: tuple[dict[str, int], dict[str, int]]
    ) -> None:
        owed, settled = money
        gmv = said["goods_paid_minor"] if stored.standing else 0
        net = 0 if said["status"] == "cancelled" else max(0, gmv - said["refunded_minor"])
        kept = {one: min(amount, owed.get(one, 0)) for one, amount in settled.items()}
        touched = set()
        for credit, figures in self._credited(said, facts, stored, owed, kept, gmv, net):
            campaign = credit.get("campaign_id")
            if not stored.standing and campaign is None:
                campaign = self._content(credit.get("content_id")).get("campaign_id")
            if not self._takes(credit.get("koc_id"), campaign):
                continue
            group = self._group(said, credit.get("content_id"), credit.get("koc_id"), campaign)
            self._add(group, said["currency"], figures)
            if stored.standing:
                parts = self._parts(said["currency"], credit)
                for where, part in zip(("traffic", "promotion"), parts, strict=True):
                    getattr(self.sales, where)[part].update(figures)
                touched |= {("groups", group), ("traffic", parts[0]), ("promotion", parts[1])}
        for where, which in touched:
            getattr(self.sales, where)[which]["lines"] += 1
            self.people[where, which]["orders"].add(key[0])
            if where == "groups":
                self.people[where, which]["buyers"].add(key[2])
        self._add_lost(said, stored, settled, kept)

    def _add_lost(self, said: Body, stored: StoredLine, settled: dict[str, int], kept: dict[str, int]) -> None:
        for (content, koc), lost in self._lost(stored, settled, kept).items():
            same = [one for one in said["credits"] if (one["content_id"], one["koc_id"]) == (content, koc)]
            campaign = same[-1].get("campaign_id") if same else None
            if campaign is None:
                campaign = self._content(content).get("campaign_id")
            if self._takes(koc, campaign):
                figures = {"settled": lost, "clawed_back": lost}
                self._add(self._group(said, content, koc, campaign), said["currency"], figures)

    def _credited(
        self, said: Body, facts: LineFacts, stored: StoredLine, owed: dict[str, int], kept: dict[str, int], gmv: int,
        net: int,
    ) -> Iterable[tuple[Body, dict[str, int]]]:  # fmt: skip
        found = said["credits"] or [{}]
        names = ("content_id", "koc_id", "campaign_id", "traffic")
        order = [said["order_id"], said["line_id"]]
        ranks = [
            sha256("|".join([*order, *(one.get(name) or "" for name in names)]).encode()).digest() for one in found
        ]
        weights = [one.get("weight_ppm", 1) for one in found]
        view = self.exported.view(stored.terms_offset)
        state = facts.refunded_minor, facts.is_cancelled
        credited = priced_credits(facts, view, stored.grants, stored.bonus_minor, state)
        prices = [one.amounts() for one in credited] or [{}]
        priced: Counter[str] = Counter()
        for one in prices:
            priced.update(one)
        if +priced != Counter(owed):
            prices = spread(owed, prices, weights, ranks)
        settled = spread(kept, prices, weights, ranks)
        gmvs, nets = (remainder_parts(amount, weights, ranks) for amount in (gmv, net))
        for i, credit in enumerate(found):
            charged, done = sum(prices[i].values()), sum(settled[i].values())
            yield credit, {
                "gmv": gmvs[i], "net_revenue": nets[i], "accrued": charged - done, "settled": done,
                "koc": prices[i].get(f"koc:{credit.get('koc_id')}", 0), (credit.get("traffic") or "no_credit"): nets[i],
            }  # fmt: skip

    def _lost(self, stored: StoredLine, settled: dict[str, int], kept: dict[str, int]) -> Counter[Any]:
        through: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        before: Mapping[str, int] = {}
        for after, parts in stored.planned:
            for claimant, amount in after.items():
                mine = [part for part in parts if part[2].get(claimant)]
                added = amount - before.get(claimant, 0)
                if added > 0 and mine:
                    shares = remainder_parts(added, [part[2][claimant] for part in mine], list(range(len(mine))))
                    for part, share in zip(mine, shares, strict=True):
                        through[claimant][part[0], part[1]] += share
            before = after
        lost: Counter[Any] = Counter()
        for claimant, amount in settled.items():
            rest = amount - kept[claimant]
            makers = sorted(through[claimant])
            if rest and not makers:
                lost[None, None] += rest
            elif rest:
                weights = [through[claimant][maker] for maker in makers]
                lost.update(dict(zip(makers, remainder_parts(rest, weights, makers), strict=True)))
        return +lost

    def _takes(self, koc: str | None, campaign: str | None) -> bool:
        return self.wanted.koc_id in (None, koc) and self.wanted.campaign_id in (None, campaign)

    def _content(self, content_id: str | None) -> Body:
        return self.contents.get(content_id or "", {})

    def _group(self, said: Body, content_id: str | None, koc: str | None, campaign: str | None) -> Group:
        content = self._content(content_id)
        names = {
            "content": (content_id,), "koc": (koc,), "campaign": (campaign,),
            "family": (content.get("content_family_id"), content.get("platform")),
            "product": (said.get("brand_id"), said.get("product_id")),
        }[self.by]  # fmt: skip
        return names, content_id is not None or self.by == "product", said["currency"]

    def _add(self, group: Group, currency: str, figures: dict[str, int]) -> None:
        assert group[2] == currency
        self.sales.groups[group].update(figures)

    def _parts(self, currency: str, credit: Body) -> list[tuple[str, str]]:
        if not credit:
            return [(currency, "no_credit")] * 2
        is_promoted = (credit["content_id"], currency) in self.promoted
        return [(currency, credit["traffic"]), (currency, "with_spend" if is_promoted else "without_spend")]

    def _content_group(self, content_id: str, currency: str) -> Group:
        content = self._content(content_id)
        return self._group({"currency": currency}, content_id, content.get("koc_id"), content.get("campaign_id"))

    def _has_content(self, event: Body) -> bool:
        content, wanted = self._content(event["content_id"]), self.wanted
        return self._in_range(parse_rfc3339(event["occurred_at"])) and all(
            getattr(wanted, name) in (None, content.get(name)) for name in ("brand_id", "campaign_id", "koc_id")
        )

    def _spends(self) -> None:
        for event in self.exported.newest("spend.reported", "spend_id").values():
            if self.by != "product" and self._has_content(event):
                group = self._content_group(event["content_id"], event["currency"])
                self.sales.groups[group][f"spend_{event['paid_by']}"] += event["amount_minor"]
                if event["amount_minor"]:
                    self.promoted.add((event["content_id"], event["currency"]))

    def _fees(self) -> None:
        accepted = self.exported.newest("script_fee.accepted", "content_id")
        for entry in self.exported.entries:
            words = entry["idem_key"].split("|")
            if self.by == "product" or entry["order_id"] is not None or words[2:3] != ["script_fee"]:
                continue
            if words[3] in accepted and self._has_content(accepted[words[3]]):
                charged = sum(leg["amount_minor"] for leg in entry["legs"] if leg["account"].startswith("brand:"))
                self.sales.groups[self._content_group(words[3], entry["currency"])]["script_fee"] += charged
