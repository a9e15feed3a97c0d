"""Writes the four dashboards to dashboards/.

python -m deploy.grafana.boards           write them
python -m deploy.grafana.boards --check   exit 1 if a committed file is stale
"""

import sys
from pathlib import Path

from deploy.grafana import money, pipeline, settlement, worker
from deploy.grafana.grafana_json import grafana_json

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = (pipeline.BOARD, money.BOARD, settlement.BOARD, worker.BOARD)


def stale(folder: Path) -> list[str]:
    """Files of a folder that are missing, have other bytes, or belong to no board."""
    wanted = {f"{board.name}.json": grafana_json(board) for board in BOARDS}
    found = {file.name: file.read_text() for file in folder.glob("*.json")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def main(arguments: list[str]) -> int:
    """Write or check; the exit status."""
    if "--check" not in arguments:
        for board in BOARDS:
            (FOLDER / f"{board.name}.json").write_text(grafana_json(board))
        return 0
    if not (names := stale(FOLDER)):
        return 0
    sys.stderr.write(f"{', '.join(names)}: stale, run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
