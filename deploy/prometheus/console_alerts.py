"""Alerts on the console. Without it no book is late and nobody is paid less, so all of them are tickets.

What is counted lately is recorded: the dashboard colours the same numbers.
"""

from template import CONSOLE, TICKET, Alert, Group, Recording, grown

_LATELY = "15m"
_MOST_FAILURES, _MOST_REFUSED = 4, 20
"""Within _LATELY. People mistype some of their passwords; 20 failures within a minute shut everybody out."""
_SLOW_SECONDS, _FEW_ANSWERS = 3, 9
"""A bound of the histogram; with fewer answers one slow page is more than one in twenty."""


def _counted(series: str, by: str) -> str:
    """By how much the counters have grown lately."""
    return f"sum by ({by}) (\n  {grown(series, _LATELY)}\n)"


PAGES = Group(
    "koc-console",
    (
        Recording(
            "koc:console_failures:count", _counted('koc_console_requests_total{status=~"5.."}', "instance, page")
        ),
        Recording(
            "koc:console_seconds:p95",
            f"histogram_quantile(0.95, {_counted('koc_console_request_seconds_bucket', 'instance, page, le')}) >= 0",
        ),
        Recording(
            "koc:console_refused:count",
            _counted('koc_console_sign_ins_total{outcome=~"refused|too_many"}', "instance"),
        ),
        Alert(
            "KocConsoleDown",
            f"max by (job) (up{{{CONSOLE}}}) == 0\n"
            f"or max by (job) (koc_ready{{{CONSOLE}}}) == 0\n"
            f"or time() - max by (job) (koc_heartbeat_timestamp_seconds{{{CONSOLE}}} > 0) > ${{2m seconds}}\n"
            f"or absent(up{{{CONSOLE}}})",
            "5m",
            TICKET,
            "The console does not work.",
            "It is down, cannot read the books, or its loop stands still. Nobody sees pages. The books go on.",
        ),
        Alert(
            "KocConsoleFailing",
            f"koc:console_failures:count > {_MOST_FAILURES}",
            "0m",
            TICKET,
            "Pages of the console fail: {{ $labels.page }}.",
            "{{ $labels.instance }} failed {{ $value | humanize }} times within 15 minutes to show {{ $labels.page }}.",
        ),
        Alert(
            "KocConsoleSlow",
            f"koc:console_seconds:p95 > {_SLOW_SECONDS}\n"
            f"and {_counted('koc_console_requests_total', 'instance, page')} > {_FEW_ANSWERS}",
            _LATELY,
            TICKET,
            "Pages of the console are slow: {{ $labels.page }}.",
            "{{ $labels.instance }} took {{ $value | humanizeDuration }} or longer for one of 20 answers.",
        ),
        Alert(
            "KocConsoleGuessing",
            f"koc:console_refused:count > {_MOST_REFUSED}",
            "0m",
            TICKET,
            "Many attempts to sign in to the console fail.",
            "{{ $labels.instance }} refused {{ $value | humanize }} of them within 15 minutes. Somebody guesses, or a "
            "program has an old password.",
        ),
    ),
)
