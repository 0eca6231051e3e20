"""The parsers that are written in Python: each file of tests/fuzz/targets is one target.

A target has

    one(data)   calls the parser; raises nothing that the parser declares, and asserts what must hold
    seeds()     inputs to start from
    COVERS      modules, classes and functions whose lines are to be reached
    FLOOR       percent of these lines that the inputs of `make test` reach

and, where what stands for it here or in child.py does not do,

    DICTIONARY  texts that inputs are made of
    LONGEST     bytes of an input
    NATIVE      native modules that it reaches: they are built with sanitizers
    RUNS        how many inputs `make test` tries
    SECONDS     CPU time for one input
    MEMORY      bytes that one input may take
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fuzz import sanitized
from tests.fuzz.campaign import ROOT, Coverage

LONGEST = 4096
RUNS = 5000
_ESCAPED = "\\x{:02x}".format
_TARGETS = Path(__file__).parent / "targets"


def names() -> list[str]:
    """Return the names of all targets."""
    return sorted(path.stem for path in _TARGETS.glob("*.py"))


def target(name: str) -> Any:
    """Return a target by the name of its file, or by the full name of another module."""
    return importlib.import_module(name if "." in name else f"tests.fuzz.targets.{name}")


def missing() -> str:
    """Return what these targets need and this machine does not have, or ""."""
    return "" if find_spec("atheris") else "atheris has no wheel for this Python: install one that it has"


class PythonParser:
    """A target; see `campaign.Parser`.

    Args:
        name: of its file, or in full of another module.

    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._target: Any = target(name)
        self.runs: int = getattr(self._target, "RUNS", RUNS)
        self.floor: int = self._target.FLOOR
        longest = getattr(self._target, "LONGEST", LONGEST)
        self.environment: dict[str, str] = {}
        self.options: tuple[str, ...] = (f"-max_len={longest}", "-timeout=30", "-rss_limit_mb=1500")

    def seeds(self) -> list[bytes]:
        return list(dict.fromkeys(self._target.seeds()))

    def command(self, folder: Path) -> list[str]:
        words = getattr(self._target, "DICTIONARY", ())
        if words:
            dictionary = folder / f"{self.name}.dict"
            dictionary.write_text("".join(f'"{"".join(map(_ESCAPED, word))}"\n' for word in words))
            self.options = (*self.options, f"-dict={dictionary}")
        natives = getattr(self._target, "NATIVE", ())
        if natives:
            self.environment = sanitized.build(natives, folder)
        return [sys.executable, "-m", "tests.fuzz.child", self.name]

    def coverage(self, folder: Path, inputs: Sequence[Path]) -> Coverage:
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.coverage", self.name, *map(str, inputs)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(folder)},
        )
        return Coverage(**json.loads(done.stdout))
