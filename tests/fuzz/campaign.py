"""One run of libFuzzer on one parser: where its files are, what it is told, what came of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

ROOT = Path(__file__).parents[2]
_SHOWN = 4000
"""Characters of what a fuzzer said of a finding."""
_FAULT = re.compile(r"=== Uncaught Python exception|==\d+== ?ERROR|[^\n]*: runtime error: ")
"""Where a fuzzer begins to tell of one."""


class Coverage(NamedTuple):
    """How many lines of a parser some inputs reach, and which not: file name and line."""

    reached: int
    total: int
    missed: list[tuple[str, int]]

    @property
    def percent(self) -> float:
        return 100 * self.reached / self.total


class Parser(Protocol):
    """What is fuzzed."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> tuple[str, ...]:
        """Options of libFuzzer that it needs."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the environment that its fuzzer needs; known when there is a command."""

    @property
    def runs(self) -> int:
        """How many inputs `make test` tries."""

    @property
    def floor(self) -> int:
        """Percent of its lines that these reach."""

    def seeds(self) -> list[bytes]:
        """Return inputs to start from, most of them right."""

    def command(self, folder: Path) -> list[str]:
        """Return how its fuzzer is started; what has to be built for it is built in that folder.

        Raises:
            FileNotFoundError: a program that it takes is not installed.
            subprocess.CalledProcessError: it does not build; its stderr says why.

        """

    def coverage(self, folder: Path, inputs: Sequence[Path]) -> Coverage:
        """Return what the inputs in some folders reach; what has to be built for it is built in the first folder."""


class Result(NamedTuple):
    """What came of a run."""

    runs: int
    seconds: float
    corpus: int
    """Inputs that each reach something new."""
    coverage: Coverage


class FoundError(Exception):
    """A parser did what it must not.

    Args:
        name: of what was fuzzed.
        printed: the end of what the fuzzer said.
        file: the input; None: it ended without one.

    """

    def __init__(self, name: str, printed: str, file: Path | None) -> None:
        super().__init__(name, printed, file)
        self.name = name
        self.printed = printed
        self.file = file

    def __str__(self) -> str:
        again = f"python -m tests.fuzz {self.name} --input {self.file}"
        return f"{self.name}: {self.printed}\n{f'again: {again}' if self.file else 'no input was written'}"


class Campaign:
    """A parser, and a folder for what its fuzzer keeps.

    Args:
        parser: to be fuzzed.
        folder: for its corpus and its findings, which stay there.
        build: for what lasts as long as the campaign.

    """

    def __init__(self, parser: Parser, folder: Path, build: Path) -> None:
        self.parser = parser
        self.corpus, self.findings = folder / "corpus", folder / "findings"
        self.seeds = build / "seeds" / parser.name
        self._build = build
        for each in (self.corpus, self.findings, self.seeds):
            each.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(parser.seeds()):
            (self.seeds / f"{number:04}").write_bytes(seed)
        self._command = parser.command(build)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *self.parser.options, f"-artifact_prefix={self.findings}/", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            env=os.environ | {"PYTHONHASHSEED": "0", "TMPDIR": str(self._build)} | self.parser.environment,
        )

    def fuzz(self, *limits: str) -> Result:
        """Run until a limit, an option of libFuzzer, is reached; what is worth keeping stays in the corpus.

        What was found before is tried again first.

        Raises:
            FoundError: the parser did what it must not, or the fuzzer could not run.

        """
        begun = time.monotonic()
        done = self._run(*limits, str(self.corpus), str(self.findings), str(self.seeds))
        seconds = time.monotonic() - begun
        runs = re.search(r"Done (\d+) runs", done.stdout)
        kept = re.findall(r"cov: \d+ ft: \d+ corp: (\d+)", done.stdout)
        if done.returncode or not runs or not kept:
            raise self._found(done)
        return Result(int(runs[1]), seconds, int(kept[-1]), self.coverage())

    def coverage(self) -> Coverage:
        """Return what the corpus and the seeds reach."""
        return self.parser.coverage(self._build, (self.corpus, self.findings, self.seeds))

    def one(self, file: Path) -> str:
        """Return what the fuzzer says of one input. Raises FoundError as `fuzz`."""
        done = self._run(str(file.absolute()))
        if done.returncode:
            raise FoundError(self.parser.name, *self._found(done).args[1:2], file)
        return done.stdout

    def merge(self) -> None:
        """Keep the smallest inputs that reach together what all of the corpus reaches.

        Raises:
            FoundError: the fuzzer could not do it; the corpus is as it was.

        """
        fresh = self.corpus.with_name("merged")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        done = self._run("-merge=1", str(fresh), str(self.corpus), str(self.findings), str(self.seeds))
        if done.returncode or not any(fresh.iterdir()):
            raise self._found(done)
        shutil.rmtree(self.corpus)
        fresh.rename(self.corpus)

    def _found(self, done: subprocess.CompletedProcess[str]) -> FoundError:
        file = re.search(r"Test unit written to (\S+)", done.stdout)
        start = _FAULT.search(done.stdout)
        said = done.stdout[start.start() :] if start else done.stdout[-_SHOWN:]
        return FoundError(self.parser.name, f"exit status {done.returncode}\n{said[:_SHOWN]}", file and Path(file[1]))
