"""`python -m tests.chaos`: many faults on real processes, one digest. `make chaos` runs it, then tests.chaos.pauses."""

import argparse
import json
import os
import random
import shutil
import sys
import time

from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from tests.chaos.drive import Chaos, Outcome, folder_of

FAULTS = 210
ORDERS_PER_FAULT = 60


def main() -> int:
    """Run, print what happened, and keep the workers' logs if it went wrong; 1 then."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the history and the faults")
    parser.add_argument("--faults", type=int, default=FAULTS)
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    asked = parser.parse_args()

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    folder, began = folder_of(asked.seed), time.monotonic()
    say(f"seed {asked.seed}, {asked.faults} faults, workers in {folder}")
    stack = Stack(folder / "stack", workers=0)
    try:
        with stack:
            os.environ.update(stack.environment())
            settings.cache_clear()
            outcome = Chaos(stack, folder, asked.seed, say).run(asked.faults, asked.faults * ORDERS_PER_FAULT)
    except BaseException:
        shutil.copytree(stack.layout.log, folder / "servers", dirs_exist_ok=True)
        raise
    finally:
        stack.reset()
    minutes = (time.monotonic() - began) / 60
    if asked.json:
        print(json.dumps(outcome.as_json() | {"minutes": round(minutes, 1)}))
    else:
        report(outcome, minutes)
    if outcome.problems:
        say(f"seed {asked.seed} failed; the workers' logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def report(outcome: Outcome, minutes: float) -> None:
    """For a person."""
    print(f"\nseed {outcome.seed}: {sum(outcome.faults.values())} faults in {minutes:.1f} minutes")
    for kind, count in sorted(outcome.faults.items()):
        print(f"  {count:4} {kind}")
    print(f"{outcome.zombies} zombies woke up; {len(outcome.endings)} workers ended by themselves:")
    for ending in outcome.endings:
        print(f"  {ending.worker} with {ending.status} after it was {ending.after}")
    print(f"{outcome.events:,} records in, {outcome.credits:,} assertions out for {outcome.lines:,} lines,")
    print(f"{outcome.refused:,} refused; longest way back to the end {outcome.longest_catch_up_seconds} s")
    print(f"digest of what the reader accepted {outcome.digest}")
    print(f"digest of the function of the logs {outcome.digest_of_the_function}")
    for problem in outcome.problems:
        print(f"WRONG: {problem}")
    print("one digest" if not outcome.problems else "NOT one truth")


if __name__ == "__main__":
    sys.exit(main())
