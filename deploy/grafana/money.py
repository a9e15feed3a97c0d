"""The dashboard *Money*: do the books hold, who has how much, what waits for a person."""

from deploy.grafana.panel import Board, Healthy, Kind, Panel, Query, Row, firing, orange_from, rate, red_from

_MINOR = "Amounts are in minor units of each currency."

HOLDS = Row(
    "Do the books hold? Each must be 0",
    4,
    (
        firing(5),
        Panel(
            "Trial balance",
            "Sum of all balances, by currency, in minor units. Not 0: stop payouts at once, run `koc ledger verify`, "
            "and keep the database as it is.",
            (
                Query(
                    "max by (currency) (abs(koc_poster_trial_balance_minor))",
                    "{{currency}}",
                    Healthy.ZERO,
                ),
            ),
            ("KocTrialBalanceBroken",),
            5,
            Kind.NUMBERS,
            steps=red_from(1),
        ),
        Panel(
            "Broken invariants",
            "Things that must always hold and did not, in the last 15 minutes. Not 0: the process log names it. Do "
            "not restart in a loop; a person must look.",
            (Query("sum(max_over_time(koc_invariant_violations_total[15m])) or vector(0)", "in all", Healthy.ZERO),),
            ("KocInvariantBroken",),
            4,
            Kind.NUMBERS,
            steps=red_from(1),
        ),
        Panel(
            "Broken seals",
            "Closed months whose seal is not what the journal says. Not 0: somebody changed the journal. Stop "
            "payouts, keep the database, and run `koc ledger verify`.",
            (Query("max(koc_ledger_seals_broken)", "months", Healthy.ZERO),),
            ("KocSealBroken",),
            3,
            Kind.NUMBERS,
            steps=red_from(1),
        ),
        Panel(
            "Accounts in debit",
            "Accounts of parties that may only owe money and have a debit. Not 0: stop payouts and run "
            "`koc ledger verify`.",
            (Query("max(koc_poster_balances_in_debit)", "accounts", Healthy.ZERO),),
            ("KocAccountInDebit",),
            3,
            Kind.NUMBERS,
            steps=red_from(1),
        ),
        Panel(
            "Budgets over limit",
            "Campaign budgets that have committed more than their limit, by refunds that were reversed. Not 0: ask "
            "the brand to raise the limit. Nobody is paid less for it.",
            (Query("max(koc_poster_budgets_over_limit)", "budgets", Healthy.ZERO),),
            ("KocBudgetOverLimit",),
            4,
            Kind.NUMBERS,
            steps=orange_from(1),
        ),
    ),
)

HAVE = Row(
    "Who has how much?",
    7,
    (
        Panel(
            "Owed to KOCs, agencies, recruiters and us",
            f"Credit balances of the books by owner and purpose. {_MINOR} A drop without a run or a payout: compare "
            "`koc ledger balances` with yesterday's report.",
            (
                Query(
                    '-max by (role, purpose, currency) (koc_poster_balance_minor{role!="budget"}) > 0',
                    "{{role}} {{purpose}} {{currency}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocTrialBalanceBroken",),
            8,
        ),
        Panel(
            "Due from brands, banks and others",
            f"Debit balances by owner and purpose: what brands owe, and what our bank holds. {_MINOR} Brands billed "
            "and unpaid for long: ask finance.",
            (
                Query(
                    'max by (role, purpose, currency) (koc_poster_balance_minor{role!="budget"}) > 0',
                    "{{role}} {{purpose}} {{currency}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocTrialBalanceBroken",),
            8,
        ),
        Panel(
            "Money moved an hour",
            f"Debits of new entries, by kind: accruals, and what adjusts them. {_MINOR} A jump of clawbacks: look "
            "for a shop with many refunds in `koc report`.",
            (
                Query(
                    f"3600 * {rate('koc_poster_posted_minor_total', 'kind', 'currency')}",
                    "{{kind}} {{currency}}",
                    Healthy.POSITIVE,
                ),
            ),
            ("KocClawbackOld",),
            8,
        ),
    ),
)

PRICE = Row(
    "What has no price, what do plans change?",
    7,
    (
        Panel(
            "Lines without a price",
            "Lines that no plan prices, by reason. Ask the registry's owner for the plan; it prices them also "
            "afterwards. `koc ledger lines` lists them.",
            (Query("max by (reason) (koc_poster_lines_unpriced)", "{{reason}}", Healthy.POSITIVE),),
            ("KocLinesUnpriced",),
            6,
        ),
        Panel(
            "Commission base without a price",
            f"What those lines were sold for. {_MINOR} The larger it is, the sooner the plan is needed.",
            (Query("max by (currency) (koc_poster_unpriced_minor)", "{{currency}}", Healthy.POSITIVE),),
            ("KocLinesUnpriced",),
            6,
        ),
        Panel(
            "Reprice jobs open",
            "New plans whose lines are still priced again. Must come back to 0; runs wait for it. If it stays: look "
            "at the posters' logs.",
            (Query("max(koc_poster_reprice_jobs_open)", "jobs"),),
            ("KocRepriceStuck",),
            6,
        ),
        Panel(
            "Registry events",
            "Plans, relations and contents that posters read, by outcome. Refused: `koc dlq list` names event and "
            "reason; ask the registry's owner.",
            (Query(rate("koc_poster_registry_events_total", "outcome"), "{{outcome}}", Healthy.POSITIVE),),
            ("KocContentUnregistered",),
            6,
            unit="cps",
        ),
    ),
)

PERSON = Row(
    "What waits for a person?",
    7,
    (
        Panel(
            "Lines set aside or frozen",
            "Set aside: over a limit of the journal. Quarantined: frozen by a person. Neither is booked further. "
            "`koc ledger lines` lists them; decide each.",
            (
                Query("max(koc_poster_lines_set_aside)", "set aside", Healthy.ZERO),
                Query("max(koc_poster_lines_quarantined)", "quarantined", Healthy.ZERO),
            ),
            ("KocLinesSetAside", "KocLinesQuarantined"),
            6,
            steps=orange_from(1),
        ),
        Panel(
            "Lines in doubt",
            "Claimed twice: two buyers claim one order line; ask the shop. Below their join: a worker fell behind "
            "what it had said; it catches up by itself, else look for a lost state.",
            (
                Query("max(koc_poster_lines_owned_twice)", "claimed twice", Healthy.ZERO),
                Query("max(koc_poster_lines_below_join)", "below their join", Healthy.ZERO),
            ),
            ("KocLinesOwnedTwice", "KocLinesBelowJoin"),
            6,
            steps=orange_from(1),
        ),
        Panel(
            "Facts of unknown contents",
            "Script fees accepted and spends reported for contents that nobody registered. Nothing is booked for "
            "them. Ask for `content.registered`, or for the right content_id.",
            (Query("max by (kind) (koc_poster_contents_unregistered)", "{{kind}}"),),
            ("KocContentUnregistered",),
            6,
            steps=orange_from(1),
        ),
        Panel(
            "Owed back",
            f"What parties owe back, by how many days it is open at least. {_MINOR} Next earnings pay it. If it is "
            "old: write it off or collect it (`koc clawback`).",
            (
                Query(
                    "max by (days, currency) (koc_poster_clawback_minor)",
                    "{{days}} days {{currency}}",
                    Healthy.NONE_OR_NATURAL,
                ),
            ),
            ("KocClawbackOld",),
            6,
            stacked=True,
        ),
    ),
)

BOARD = Board(
    "money",
    "KOC settlement: Money",
    "Do the books hold, who has how much, what waits for a person?",
    (HOLDS, HAVE, PRICE, PERSON),
    "now-6h",
    "30s",
)
