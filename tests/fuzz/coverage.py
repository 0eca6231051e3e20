"""Which lines of a target's parsers some inputs reach: ``coverage NAME FOLDER...`` prints JSON.

Lines of functions count, as those outside of them run on import. What stands for the lines is the compiler's own
table (PEP 626), so that a line without code is none.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from tests.fuzz.campaign import Coverage
from tests.fuzz.python_parser import target

Line = tuple[CodeType, int]
_NOT_OURS = ("<", sysconfig.get_paths()["stdlib"])
"""Where code is from that a base class or decorator has given to a class."""


def codes(of: Any) -> Iterator[CodeType]:
    """Yield the code of a function, of the functions of a class, or of all that a module defines."""
    if isinstance(of, ModuleType):
        for each in vars(of).values():
            if getattr(each, "__module__", None) == of.__name__:
                yield from codes(each)
    elif isinstance(of, type):
        for each in vars(of).values():
            yield from codes(each)
    elif isinstance(of, property):
        yield from codes(of.fget)
    elif isinstance(of, FunctionType):
        yield from nested(of.__code__)
    elif hasattr(of, "__func__") or hasattr(of, "__wrapped__"):
        yield from codes(getattr(of, "__func__", None) or of.__wrapped__)


def nested(code: CodeType) -> Iterator[CodeType]:
    """Yield a code and those inside it, as of a generator."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from nested(each)


def lines(code: CodeType) -> set[Line]:
    """Return the lines of a code; the first is only its ``def``, except where all stands in one line."""
    found = {line for _, _, line in code.co_lines() if line}
    if len(found) > 1 and not code.co_name.startswith("<"):
        found.discard(code.co_firstlineno)
    return {(code, line) for line in found}


def measure(of: Any, inputs: list[bytes]) -> Coverage:
    """Return what a target's `one` reaches of its `COVERS` with some inputs."""
    wanted: set[Line] = set()
    for each in of.COVERS:
        for code in codes(each):
            if not code.co_filename.startswith(_NOT_OURS):
                wanted |= lines(code)
    known = {code for code, _ in wanted}
    reached: set[Line] = set()

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code not in known:
            return None
        reached.add((frame.f_code, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        for data in inputs:
            of.one(data)
    finally:
        sys.settrace(None)
    missed = sorted((Path(code.co_filename).name, line) for code, line in wanted - reached)
    return Coverage(len(wanted & reached), len(wanted), missed)


def main() -> None:
    name, *folders = sys.argv[1:]
    files = [file for folder in folders for file in sorted(Path(folder).iterdir())]
    found = measure(target(name), [file.read_bytes() for file in files])
    sys.stdout.write(json.dumps(found._asdict()) + "\n")


if __name__ == "__main__":
    main()
