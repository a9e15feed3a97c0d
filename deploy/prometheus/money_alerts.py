"""Alerts on the books: what must never be, and what waits for a person."""

from template import PAGE, TICKET, Alert, Group, lately, more_than_before, worst

BROKEN = Group(
    "koc-broken",
    (
        Alert(
            "KocTrialBalanceBroken",
            "max by (currency) (\n"
            "  max_over_time(koc_poster_trial_balance_minor[${5m}]) > 0\n"
            "  or -min_over_time(koc_poster_trial_balance_minor[${5m}]) > 0\n"
            ")",
            "0m",
            PAGE,
            "The books in {{ $labels.currency }} do not balance.",
            "The balances add up to {{ $value }} minor units instead of 0. Start no run and no payout.",
        ),
        Alert(
            "KocInvariantBroken",
            lately("koc_invariant_violations_total", "job, invariant", "15m"),
            "0m",
            PAGE,
            "{{ $labels.job }} found a broken invariant: {{ $labels.invariant }}.",
            "{{ $labels.invariant }} was broken within the last 15 minutes. A person must look.",
        ),
        Alert(
            "KocSealBroken",
            f"{worst('koc_ledger_seals_broken', window='1h')} > 0",
            "0m",
            PAGE,
            "A closed month is not what its seal says.",
            "{{ $value }} closed months were changed after their close. Their statements cannot be trusted.",
        ),
        Alert(
            "KocAccountInDebit",
            f"{worst('koc_poster_balances_in_debit')} > 0",
            "0m",
            PAGE,
            "An account that can only be owed is in debit.",
            "{{ $value }} pending, payable or held accounts are in debit. Start no run and no payout.",
        ),
    ),
)

_ONCE = " It is told for two hours; the list stays."

MONEY = Group(
    "koc-money",
    (
        Alert(
            "KocLinesOwnedTwice",
            more_than_before("koc_poster_lines_owned_twice"),
            "0m",
            TICKET,
            "Two buyers claim one order line.",
            "{{ $value }} more order lines than two hours ago are claimed by two buyers." + _ONCE,
        ),
        Alert(
            "KocLinesBelowJoin",
            f"{worst('koc_poster_lines_below_join')} > 0",
            "1h",
            TICKET,
            "Lines have waited for an assertion for an hour.",
            "{{ $value }} lines are below their join: an assertion that is known to exist has not come.",
        ),
        Alert(
            "KocLinesSetAside",
            more_than_before("koc_poster_lines_set_aside"),
            "0m",
            TICKET,
            "A line is over a limit of the journal and is not booked.",
            "{{ $value }} more lines than two hours ago are set aside." + _ONCE,
        ),
        Alert(
            "KocLinesQuarantined",
            more_than_before("koc_poster_lines_quarantined"),
            "0m",
            TICKET,
            "A line is frozen at what is booked.",
            "{{ $value }} more lines than two hours ago are quarantined." + _ONCE,
        ),
        Alert(
            "KocLinesUnpriced",
            more_than_before("koc_poster_lines_unpriced", "reason"),
            "30m",
            TICKET,
            "No plan prices a line: {{ $labels.reason }}.",
            "{{ $value }} more lines than two hours ago have no price." + _ONCE,
        ),
        Alert(
            "KocContentUnregistered",
            more_than_before("koc_poster_contents_unregistered", "kind"),
            "30m",
            TICKET,
            "A {{ $labels.kind }} names a content that nobody registered.",
            "{{ $value }} more {{ $labels.kind }} than two hours ago wait for a registration." + _ONCE,
        ),
        Alert(
            "KocBudgetOverLimit",
            f"{worst('koc_poster_budgets_over_limit')} > 0",
            "15m",
            TICKET,
            "A campaign budget has committed more than its limit.",
            "{{ $value }} budgets are over their limit. Runs grant nothing more of them.",
        ),
        Alert(
            "KocClawbackOld",
            worst('koc_poster_clawback_minor{days="90"}', "currency") + " > 0",
            "15m",
            TICKET,
            "Parties have owed money for 90 days.",
            "{{ $value | humanize }} minor units of {{ $labels.currency }} have been open for 90 days and more.",
        ),
        Alert(
            "KocRepriceStuck",
            f"{worst('koc_poster_reprice_jobs_open')} > 0",
            "1h",
            TICKET,
            "Lines have waited for an hour to be priced again.",
            "{{ $value }} reprice jobs are open.",
        ),
    ),
)
