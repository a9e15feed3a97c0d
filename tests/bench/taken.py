"""What a process took, as a row of the table in docs/kubernetes.md."""

from typing import NamedTuple

_MIB = 1 << 20
_MICRO = 1_000_000
HEAD = "| process | idle | peak | in /tmp | CPU | records | CPU a record |\n|---|---|---|---|---|---|---|"


class Taken(NamedTuple):
    """Memory and files in bytes, CPU time in seconds; None = it was not measured, or there is none.

    Attributes:
        name: of the process, and of its work.
        idle: memory when it was ready and had nothing to do.
        peak: the most memory that it ever had.
        records: how many the CPU time was for.
        files: the most that its temporary files ever took.
    """

    name: str
    idle: int | None
    peak: int
    cpu_seconds: float
    records: int | None
    files: int | None = None

    def row(self) -> str:
        """A row of the page's table."""
        each = "" if not self.records else f"{self.cpu_seconds / self.records * _MICRO:,.0f} us"
        count = "" if not self.records else f"{self.records:,}"
        sizes = " | ".join(
            "" if size is None else f"{size / _MIB:.0f} MiB" for size in (self.idle, self.peak, self.files)
        )
        return f"| {self.name} | {sizes} | {self.cpu_seconds:.1f} s | {count} | {each} |"
