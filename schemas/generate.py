"""Write what is generated of the contract: JSON Schemas, examples and the AsyncAPI document.

python -m schemas.generate          writes json/, examples/ and asyncapi.json
python -m schemas.generate --check  exits with 1 and one sentence if any of them is stale
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.asyncapi import document
from schemas.specimens import MODELS, VALID, invalid

ROOT = Path(__file__).parent
VERSION = "1.1.0"
"""Of the contract: the first number is the v1 of the topics' names, the second rises with a new field."""
_SHOWN = 3
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def contents() -> dict[str, str]:
    """Every generated file's text by its path below `schemas/`."""
    files = {"asyncapi.json": _text(document(VERSION))}
    for models in MODELS.values():
        for name, model in models.items():
            schema = {"$schema": _DIALECT, **model.model_json_schema()}
            files[f"json/{name}.schema.json"] = _text(schema)
            files[f"examples/{name}/valid.json"] = _text(VALID[name])
            files |= {f"examples/{name}/invalid-{wrong}.json": _text(event) for wrong, event in invalid(name)}
    return files


def stale(root: Path = ROOT) -> list[str]:
    """Paths below `root` that differ from what would be written, are missing, or should not be there."""
    wanted = contents()
    there = {str(path.relative_to(root)): path.read_text() for path in _generated(root)}
    return sorted(path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path))


def write(root: Path = ROOT) -> None:
    """Write every generated file and remove those that are generated no more."""
    for path in _generated(root):
        path.unlink()
    for name, text in contents().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _generated(root: Path) -> Iterator[Path]:
    yield from root.glob("asyncapi.json")
    yield from root.glob("json/*.schema.json")
    yield from root.glob("examples/*/*.json")


def _text(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if not arguments:
        write()
    elif paths := stale():
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        sys.stderr.write(f"schemas: stale: {', '.join(paths[:_SHOWN])}{more}; `make docs` writes them again\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
