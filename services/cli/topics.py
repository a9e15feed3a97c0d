"""`koc topics`: create the topics, or say how they differ."""

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.command()
def apply() -> None:
    """Create missing topics and correct the settings of those there are.

    Partition counts are never changed: keys would move. Safe to run again at any time. With fewer brokers than
    KOC_KAFKA_REPLICATION it does nothing and ends with 69.

    Example: koc topics apply
    """
    from services.runtime.topics import apply_topics

    for done in apply_topics() or ["all topics are as they should be"]:
        print(done)


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="A list of sentences.")] = False) -> None:
    """Say how the broker's topics differ from schemas/topics.py, and which have too few replicas; exit 1 if any do.

    Example: koc topics check --json
    """
    from services.runtime.topics import replication_problems, topic_problems

    problems = topic_problems() + replication_problems()
    if as_json:
        print(json.dumps(problems))
    else:
        print("\n".join(problems or ["all topics are as they should be"]))
    sys.exit(1 if problems else 0)
