"""`make bench`: worker and poster, each beside its raw loop, on a stack of their own; figures to .local/bench.json."""

import json
import os
import tempfile
from pathlib import Path

from services.runtime.local.stack import Stack
from services.runtime.settings import settings
from tests.bench import attribution, poster

TARGET = Path(__file__).parents[2] / ".local/bench.json"


def main() -> None:
    """Run both, print what they mean, and write what a program reads."""
    figures = {}
    for name, bench in (("attribution", attribution), ("poster", poster)):
        with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", workers=0) as stack:
            os.environ.update(stack.environment())
            settings.cache_clear()
            print(f"{name}: running, about a minute", flush=True)
            figures[name] = bench.run()
            stack.reset()
        for key, value in figures[name].items():
            print(f"  {key:24} {value:,}")
    print("raw_share: the share of the raw loop's throughput per CPU second that we reach, measured in the same run")
    known = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(known | figures, indent=1) + "\n")
    print(f"written to {TARGET.relative_to(Path.cwd()) if TARGET.is_relative_to(Path.cwd()) else TARGET}")


if __name__ == "__main__":
    main()
