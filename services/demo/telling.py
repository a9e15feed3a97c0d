"""How the demo tells: sections with numbers, and commands run as their user would."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Say = Callable[[str], None]


@dataclass
class Demo:
    """A demo under way: how it tells, the number of its next section, and whether everything came out right so far."""

    say: Say
    section: int = 1
    problems: list[str] = field(default_factory=list)
    """What did not come out right, a sentence each."""
    money: list[list[int]] = field(default_factory=list)
    """Sums of figures.MONEY_ROWS, once a stage."""

    def title(self, text: str) -> None:
        """Begin a section."""
        self.say(f"{self.section}. {text}")
        self.section += 1

    def show(self, title: str, *command: str) -> None:
        """A section that is the output of a command, run as its user would, on the demo's stack."""
        self.title(f"{title}:  koc {' '.join(command)}")
        self.run(*command)

    def run(self, *command: str) -> None:
        """Run a command. What it says on standard error (progress, or why it failed) is shown only if it fails."""
        sys.stdout.flush()
        koc = Path(sys.executable).with_name("koc")
        done = subprocess.run([str(koc), *command], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode:
            self.say(done.stderr.decode())
            self.problems.append(f"koc {' '.join(command)} ended with {done.returncode}")

    def output(self, *command: str) -> str:
        """What a command prints, for the demo itself."""
        koc = Path(sys.executable).with_name("koc")
        return subprocess.run(
            [str(koc), *command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ).stdout


def short(folder: Path) -> str:
    """The folder as seen from here, where it lies below."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else str(folder)
