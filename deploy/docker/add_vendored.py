"""Add what this repository carries of others to a bill of materials that has the installed packages, in place.

python deploy/docker/add_vendored.py BILL    vendored.cdx.json, which lies beside this script, says what is added

The image's build and sbom.py run it. It needs Python alone.
"""

import json
import sys
from pathlib import Path

VENDORED = Path(__file__).with_name("vendored.cdx.json")


def add_vendored(path: Path) -> None:
    """Add the components; the project depends on each.

    Args:
        path: a bill in CycloneDX's JSON whose subject has a `bom-ref`.
    """
    bill, vendored = (json.loads(one.read_text()) for one in (path, VENDORED))
    references = [component["bom-ref"] for component in vendored["components"]]
    subject = bill["metadata"]["component"]["bom-ref"]
    (ours,) = (entry for entry in bill["dependencies"] if entry["ref"] == subject)
    bill["components"] += vendored["components"]
    ours["dependsOn"] = sorted([*ours["dependsOn"], *references])
    bill["dependencies"] += [{"ref": reference} for reference in references]
    path.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    add_vendored(Path(sys.argv[1]))
