"""`make bench`: worker and poster, each beside its raw loop, on a stack of their own; figures to .local/bench.json."""

import json
import tempfile
from pathlib import Path

from tests.bench import attribution, poster
from tests.kit.stacks import stack_of_its_own

TARGET = Path(__file__).parents[2] / ".local/bench.json"


def main() -> None:
    """Run both, print what they mean, and write what a program reads."""
    figures = {}
    for name, bench in (("attribution", attribution), ("poster", poster)):
        with tempfile.TemporaryDirectory() as folder, stack_of_its_own(Path(folder) / "stack"):
            print(f"{name}: running, about a minute", flush=True)
            figures[name] = bench.run()
        for key, value in figures[name].items():
            print(f"  {key:24} {value:,}")
        print(f"  {_raw(name, figures[name])}")
    known = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(known | figures, indent=1) + "\n")
    print(f"written to {TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET}")


def _raw(name: str, figure: dict[str, float]) -> str:
    """The raw loop's own figure, which the share was taken of in the same run."""
    if name == "attribution":
        cpu_us = figure["raw_share"] * figure["cpu_us_per_event"]
        return f"raw loop (consume only): {cpu_us:.2f} us of CPU a record; raw_share is that by ours"
    rate = figure["assertions_per_second"] / figure["raw_share"]
    return f"raw loop (COPY and upsert only): {rate:,.0f} a second; raw_share is our rate by that"


if __name__ == "__main__":
    main()
