"""The fuzzer of one target, a libFuzzer with the code under test instrumented: ``child NAME [OPTION | FILE]...``.

Whatever a target's `one` raises is a finding, as are more seconds and more bytes than it may take.
"""

from __future__ import annotations

import faulthandler
import resource
import sys
import time
from pathlib import Path

import atheris

from tests.fuzz import sanitized
from tests.fuzz.python_parser import target

SECONDS = 1.0
"""CPU time for one input, unless the target says otherwise."""
MEMORY = 512 << 20
"""Bytes more than at the start, likewise."""
_STUCK = 15
"""Seconds after which a single file that is tried says where it is."""


class SlowError(Exception):
    """An input took too long."""


def limit_memory(more: int) -> None:
    """Let this process have so many bytes more than it has; what asks for more gets MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def main() -> None:
    name, *arguments = sys.argv[1:]
    # A target outside of the folder is code under test itself. What is imported while it runs is instrumented, too.
    with atheris.instrument_imports(include=["ringward", *([name] if "." in name else [])]):
        sanitized.install()
        tried = target(name)
        seconds = getattr(tried, "SECONDS", SECONDS)

        def one(data: bytes) -> None:
            begun = time.thread_time()
            tried.one(data)
            took = time.thread_time() - begun
            if took > seconds:
                raise SlowError(f"{took:.2f} s of CPU time for {len(data)} bytes")

        # For a merge libFuzzer starts itself again, by way of a shell.
        atheris.Setup([f"{sys.executable} -m tests.fuzz.child {name}", *arguments], one)
        if not sanitized.in_use():  # AddressSanitizer takes terabytes, and has a limit of its own
            limit_memory(getattr(tried, "MEMORY", MEMORY))
        if Path(arguments[-1]).is_file():
            faulthandler.dump_traceback_later(_STUCK)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
