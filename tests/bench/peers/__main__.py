"""`make bench-peers`: our worker and other engines' versions of the same join, in turn over the same events.

Every run starts with empty state on one broker that keeps the input; what each publishes is read back and compared.
Rounds alternate, so that whatever else the machine does meets all alike; medians count.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from services.runtime.settings import REPOSITORY
from tests.bench.peers import contenders, figures, measuring, truths
from tests.bench.peers.publishing import publish
from tests.kit.stacks import stack_of_its_own

TARGET = REPOSITORY / ".local/bench-peers.json"
EVENTS, ROUNDS = 1_000_000, 3


def main() -> None:
    """Run what was asked for; print a table, and write what a program reads if all were compared."""
    asked = _asked()
    names = asked.only or list(contenders.ALL)
    with tempfile.TemporaryDirectory() as folder, stack_of_its_own(Path(folder) / "stack"):
        print(f"publishing {asked.events:,} events", flush=True)
        publish(asked.events, seed=int(time.time()))
        runs = _rounds(Path(folder), names, asked.rounds)
    print(figures.table(runs))
    if names == list(contenders.ALL):
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(json.dumps(figures.summary(runs), indent=1) + "\n")
        print(f"written to {TARGET.relative_to(REPOSITORY)}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many; copies come on top")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", choices=list(contenders.ALL), help="these alone; writes no file")
    return parser.parse_args()


def _rounds(folder: Path, names: list[str], rounds: int) -> dict[str, list[figures.Result]]:
    """Runs of each contender.

    Raises:
        SystemExit: a peer's result is not the first contender's.
    """
    runs: dict[str, list[figures.Result]] = {name: [] for name in names}
    reference: truths.Published | None = None
    for number in range(1, rounds + 1):
        for name in names:
            place = contenders.ALL[name].place(folder, number)
            with measuring.cleared(place):
                run = measuring.measure(contenders.ALL[name], place, f"round {number}: {name}")
                published = truths.read(run.output)
            shutil.rmtree(place.folder)
            reference = reference or published
            if problem := truths.difference(reference, published):
                sys.exit(f"{name} does not do what {names[0]} does: {problem}")
            runs[name].append(figures.Result(run, published.emissions, published.bytes_each()))
            print(f"round {number}: {figures.line(name, runs[name][-1])}", flush=True)
    return runs


if __name__ == "__main__":
    main()
