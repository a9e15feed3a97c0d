"""What became of a candidate of an order line: the verdicts in attribution.credits.v1, each with its sentence."""

MEANING: dict[str, str] = {
    "wider_scope": "it was for something farther from this line than the policy lets count (product, shop or brand)",
    "outside_window": "it lay longer before the payment than the policy lets count for its kind of touch or content",
    "same_account": "the KOC is the buyer, and nobody earns from their own purchase",
    "weaker_evidence": "stronger evidence was there: a declaration beats a code, a code a click, and a click a view",
    "farther_scope": "another touch was closer to what was bought: same product beats same shop, same shop same brand",
    "not_last": "the policy credits the last touch: another came later, or at the same moment with the greater id",
    "not_first": "the policy credits the first touch: another came earlier, or at the same moment with the smaller id",
    "negligible": "its share would have been less than a millionth of the line",
    "beyond_limit": "more parties share the line than can be credited, and its share is among the smallest",
    "credited": "it is credited",
}
