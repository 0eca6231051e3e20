"""Coverage-guided fuzzing of everything that reads bytes from outside: ``python -m tests.fuzz [NAME...]``.

Prints one line for each parser. What it keeps is below the cache folder (see vmtest/cache.py), fuzz/NAME/corpus, and
what it finds in fuzz/NAME/findings, with the command that tries it again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import Campaign, FoundError, Parser
from tests.fuzz.python_parser import PythonParser, missing, names
from tests.native.fuzzing import TARGETS
from vmtest.cache import cache_root

_NAME = 20
"""Columns of a parser's name."""
_COLUMNS = f"{{:<{_NAME}}}{{:>12}}{{:>10}}{{:>8}}  {{:<22}}{{}}\n"


def parser_of(name: str) -> Parser:
    """Return a parser by its name."""
    return TARGETS[name] if name in TARGETS else PythonParser(name)


def run(parser: Parser, folder: Path, seconds: int, *, missed: bool) -> int:
    """Fuzz a parser and print what came of it; return 1 when it cannot stay as it is."""
    with tempfile.TemporaryDirectory() as build:
        try:
            campaign = Campaign(parser, folder, Path(build))
            found = campaign.fuzz(f"-max_total_time={seconds}")
            campaign.merge()
        except FoundError as error:
            sys.stdout.write(f"FOUND\n{error}\n")
            return 1
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stdout.write(f"could not be built: {error}\n{getattr(error, 'stderr', '')}\n")
            return 1
    reached = f"{found.coverage.percent:.0f} % of {found.coverage.total} lines"
    kept = len(list(campaign.corpus.iterdir()))
    row = _COLUMNS.format("", f"{found.runs:,}", f"{found.runs / found.seconds:,.0f}", kept, reached, "none")
    sys.stdout.write(row[_NAME:])
    if missed:
        sys.stdout.write("".join(f"    {file}:{line} was not reached\n" for file, line in found.coverage.missed))
    return 0


def again(parser: Parser, folder: Path, file: Path) -> int:
    """Try one input and print what comes of it; return 1 when it is still a finding."""
    with tempfile.TemporaryDirectory() as build:
        try:
            sys.stdout.write(Campaign(parser, folder, Path(build)).one(file))
        except FoundError as error:
            sys.stdout.write(f"{error}\n")
            return 1
    return 0


def main() -> int:
    """Fuzz in turn; 1 when something was found, or a parser could not be built."""
    known = [*TARGETS, *names()]
    arguments = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__.split(":")[0])
    arguments.add_argument("name", nargs="*", help=f"of a parser: {', '.join(known)}; default: all")
    arguments.add_argument("--seconds", type=int, default=600, help="for each; default: 600")
    arguments.add_argument("--missed", action="store_true", help="list the lines that were not reached")
    arguments.add_argument("--input", type=Path, metavar="FILE", help="try this instead, and say what comes of it")
    options = arguments.parse_args()
    unknown = [name for name in options.name if name not in known and "." not in name]
    if unknown:
        arguments.error(f"no parser is named {unknown[0]}; there are {', '.join(known)}")
    wanted = options.name or known
    if missing():
        sys.stderr.write(f"only what is written in C: {missing()}\n")
        wanted = [name for name in wanted if name in TARGETS]
    place = cache_root() / "fuzz"
    if options.input:
        if len(options.name) != 1:
            arguments.error("--input takes the name of one parser")
        return again(parser_of(options.name[0]), place / options.name[0], options.input)
    sys.stdout.write(_COLUMNS.format("parser", "executions", "a second", "corpus", "reached", "findings"))
    bad = 0
    for name in wanted:
        sys.stdout.write(f"{name:<{_NAME}}")
        sys.stdout.flush()
        bad += run(parser_of(name), place / name, options.seconds, missed=options.missed)
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
