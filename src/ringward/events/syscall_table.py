"""The system calls: numbers, names, arguments and their C types, for 64-bit, 32-bit and x32 callers.

Numbers are the kernel's contract with programs and never change; nothing that a kernel shows at run time has them.
The shipped table has both; what a running kernel has of it, tracefs tells (`ringward.sensor.tracefs`). It is written
by ``python -m tools.syscall_table``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PUBLISHED = Path(__file__).with_name("syscalls.tsv")
ABIS = ("64-bit", "ia32", "x32")
"""In the order of `enum abi` (bpf/events.h)."""
NUMBERS = 1024
"""Numbers of one ABI that the kernel part has room for; a power of two, above all that there are."""

SHORT = {
    "exit": ("exit", "exit_group"),
    "open": ("open", "openat", "openat2"),
    "unlink": ("unlink", "unlinkat"),
    "rmdir": ("rmdir", "unlinkat"),
    "rename": ("rename", "renameat", "renameat2"),
    "mkdir": ("mkdir", "mkdirat"),
    "mknod": ("mknod", "mknodat"),
    "link": ("link", "linkat"),
    "symlink": ("symlink", "symlinkat"),
    "readlink": ("readlink", "readlinkat"),
    "chmod": ("chmod", "fchmodat", "fchmodat2"),
    "chown": ("chown", "lchown", "fchownat"),
    "access": ("access", "faccessat", "faccessat2"),
    "stat": ("stat", "lstat", "newfstatat", "statx"),
    "execve": ("execve", "execveat"),
    "fork": ("fork", "vfork", "clone", "clone3"),
    "clone": ("clone", "clone3"),
    "dup": ("dup", "dup2", "dup3"),
    "pipe": ("pipe", "pipe2"),
    "accept": ("accept", "accept4"),
    "poll": ("poll", "ppoll"),
    "select": ("select", "pselect6"),
    "wait": ("wait4", "waitid"),
    "umount": ("umount2",),
}
"""What a short name stands for: the call of that name, and those that libraries pick in its place."""


class Parameter(NamedTuple):
    """One argument of a call."""

    ctype: str
    """As the kernel declares it: ``const char *``."""
    name: str


class Call(NamedTuple):
    """One system call of one interface."""

    abi: str
    number: int
    """Without the x32 bit."""
    name: str
    entry: str
    """Name of the kernel's function, without ``sys_``, which is its tracepoint's; empty: no kernel has one any more."""
    parameters: tuple[Parameter, ...]


def parse_parameters(text: str) -> tuple[Parameter, ...]:
    """Return the parameters of a list like ``int dfd, const char * filename``.

    Raises:
        ValueError: one of them is no type and name.

    """
    found = []
    for part in text.split(","):
        one = part.strip()
        if not one:
            continue
        ctype, _, name = one.rpartition(" ")
        if not ctype or not name.isidentifier():
            raise ValueError(f"'{one}' is no type and name")
        found.append(Parameter(ctype.rstrip(), name))
    return tuple(found)


def parse_rows(text: str) -> Iterator[Call]:
    """Yield the calls of the table's text.

    Raises:
        ValueError: a line has not five columns, or its number is none.

    """
    for line in text.splitlines():
        if line and not line.startswith("#"):
            abi, number, name, entry, given = line.split("\t")
            yield Call(abi, int(number), name, entry, parse_parameters(given))


def format_rows(calls: Iterable[Call]) -> str:
    """Return the table's text, which `parse_rows` reads."""
    lines = ["# abi\tnumber\tname\tfunction\targuments; written by: python -m tools.syscall_table"]
    for call in calls:
        given = ", ".join(f"{one.ctype} {one.name}" for one in call.parameters)
        lines.append(f"{call.abi}\t{call.number}\t{call.name}\t{call.entry}\t{given}")
    return "\n".join(lines) + "\n"


@cache
def shipped() -> tuple[Call, ...]:
    """Return every call that the package knows; nothing when it was built without its table."""
    return tuple(parse_rows(PUBLISHED.read_text("utf-8"))) if PUBLISHED.exists() else ()


@cache
def by_number() -> dict[tuple[str, int], Call]:
    """Return every call by ABI and number."""
    return {(call.abi, call.number): call for call in shipped()}


@cache
def by_event() -> dict[str, tuple[Call, ...]]:
    """Return the calls that each event stands for, by its name: those with the same arguments.

    A 32-bit call that takes other arguments than the 64-bit one of its name has a name of its own, ``NAME_ia32``.
    """
    found: dict[str, list[Call]] = {}
    for call in shipped():
        same = found.get(call.name)
        if same is None or _alike(same[0], call):
            found.setdefault(call.name, []).append(call)
        else:
            found.setdefault(f"{call.name}_{call.abi}", []).append(call)
    return {name: tuple(calls) for name, calls in found.items()}


def _alike(first: Call, call: Call) -> bool:
    return [one.name for one in first.parameters] == [one.name for one in call.parameters]


def expand(name: str) -> tuple[str, ...]:
    """Return the events that a name stands for: itself, or the calls of a short name; empty when there is none."""
    events = by_event()
    return tuple(one for one in SHORT.get(name, (name,)) if one in events)
