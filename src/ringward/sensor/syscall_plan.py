"""What the kernel part is told of each system call: `struct call_plan` of bpf/events.h. Pure."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ringward.events import syscall_values as values
from ringward.events.filter import Filter
from ringward.events.syscall_args import call_class, field_name
from ringward.events.syscall_kinds import FIXED, RESULT, Kind
from ringward.events.syscall_table import ABIS, NUMBERS, Call, by_event
from ringward.events.syscall_types import kind_of

_ARG = struct.Struct("<BBBBIQQ")
_HEAD = struct.Struct("<IBBH")
_READINGS = ("nothing", "string", "in", "out", "fd", "dirfd", "strings", "msg_in", "msg_out")
_FIXED, _RESULT = 255, 254
_ARGS, _PREFIX = 6, 64
WANTED, NO_RETURN, FORKS, CWD, FAILED, EXECS, COMPARES = 1, 2, 4, 8, 16, 32, 64
_ENDS = frozenset({"exit", "exit_group", "rt_sigreturn", "sigreturn"})
_TWICE = frozenset({"fork", "vfork", "clone", "clone3"})
_NUMBER = re.compile(r"-?[0-9]+")
_GLOB = re.compile(r"[*?\[]")
# Shows the number itself, so that a filter for a number can be decided in the kernel.
_PLAIN = int


@dataclass(frozen=True)
class Compared:
    """What the kernel can decide of a filter's arguments, for one call.

    Attributes:
        numbers: argument -> the one value that is wanted, as the register has it, and which of its bits count.
        prefix: number of the string, and how a wanted one begins when it is absolute; empty: anyhow.

    """

    numbers: Mapping[int, tuple[int, int]]
    prefix: tuple[int, bytes] = (0, b"")


def compared(call: Call, only: Filter) -> Compared:
    """Return what the kernel can decide; user space decides the rest, and all of it once more."""
    numbers: dict[int, tuple[int, int]] = {}
    prefix = (0, b"")
    fields = [field_name(one.name) for one in call.parameters]
    for name, glob in only.args:
        first, _, rest = name.partition(".")
        if first not in fields:
            continue
        at = fields.index(first)
        kind = kind_of(call, call.parameters[at])
        if _is_number(kind, rest) and _NUMBER.fullmatch(glob):
            mask = (1 << 8 * kind.size) - 1
            numbers[at] = int(glob) & mask, mask
        elif kind.path and rest in ("", "path") and glob.startswith("/"):
            prefix = at, _GLOB.split(glob)[0].encode()[:_PREFIX]
    return Compared(numbers, prefix)


def _is_number(kind: Kind, rest: str) -> bool:
    if kind.reading in ("fd", "dirfd"):
        return rest == "fd"
    return kind.reading == "nothing" and kind.show is _PLAIN and not rest


def is_decided(only: Filter, events: Iterable[str]) -> bool:
    """Return whether the kernel decides a filter for these calls, so that it can count them by itself.

    Of a container that is for the caller to say.
    """
    if only.follow or only.exes or (only.comms and only.kernel_comm is None) or len(only.uids) > 1:
        return False
    if len({name for name, _glob in only.args}) < len(only.args):
        return False
    calls = [call for name in events for call in by_event().get(name, ())]
    return all(_arg_is_decided(call, name, glob) for call in calls for name, glob in only.args)


def _arg_is_decided(call: Call, name: str, glob: str) -> bool:
    """Return whether the kernel's answer is the one that a comparison of the text would give."""
    first, _, rest = name.partition(".")
    one = next((one for one in call.parameters if field_name(one.name) == first), None)
    if one is None:
        return True
    kind = kind_of(call, one)
    if not (_is_number(kind, rest) and _NUMBER.fullmatch(glob)):
        return False
    value = int(glob) & (1 << 8 * kind.size) - 1
    return str(value - (1 << 8 * kind.size) * (kind.signed and value >> 8 * kind.size - 1)) == glob


def has_arguments(call: Call, only: Filter) -> bool:
    """Return whether a call has the arguments that are asked for; one that has not is not wanted."""
    fields = {field_name(one.name) for one in call.parameters}
    return all(name.partition(".")[0] in fields for name, _glob in only.args)


def arg_plan(call: Call, kind: Kind, number: tuple[int, int] | None, head: int) -> bytes:
    """Return `struct arg_plan` of one argument.

    Args:
        call: whose argument.
        kind: how it is read.
        number: what it must be, and the bits that count; None: anything.
        head: bytes of buffers that are read.

    """
    names = [one.name for one in call.parameters]
    length = {FIXED: _FIXED, RESULT: _RESULT}.get(kind.length)
    size = head if kind.show is values.data else kind.size
    reading = kind.reading if size else "nothing"
    value, mask = number or (0, 0)
    return _ARG.pack(
        _READINGS.index(reading),
        length if length is not None else names.index(kind.length),
        kind.scale,
        number is not None,
        size,
        value,
        mask,
    )


def call_plan(call: Call, only: Filter, head: int = 0, limit: int = 0) -> bytes:
    """Return `struct call_plan` of a call that is wanted.

    Args:
        call: of the table.
        only: what is wanted of it.
        head: bytes of buffers that are read, at most 1,024.
        limit: key of its limit in the map `limits`; 0: it has none.

    """
    kinds = [kind_of(call, one) for one in call.parameters]
    decided = compared(call, only)
    flags = WANTED
    flags |= NO_RETURN * (call.name in _ENDS) | FORKS * (call.name in _TWICE)
    flags |= EXECS * (call.name in ("execve", "execveat"))
    flags |= CWD * any(kind.path and not kind.base for kind in kinds) | FAILED * only.failed
    flags |= COMPARES * bool(decided.numbers)
    plans = [arg_plan(call, kind, decided.numbers.get(at), head) for at, kind in enumerate(kinds)]
    plans += [bytes(_ARG.size)] * (_ARGS - len(plans))
    at, prefix = decided.prefix
    return _HEAD.pack(flags, at, len(prefix), limit) + b"".join(plans) + prefix.ljust(_PREFIX, b"\0")


def plans(
    events: Iterable[str], only: Filter, head: int = 0, limits: Mapping[str, int] | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of the map `call_plans` for the events that are system calls; see `call_plan`."""
    for name in events:
        for call in by_event().get(name, ()):
            if not has_arguments(call, only):
                continue
            call_class(name)  # an argument of unknown type is a fault of the table
            key = struct.pack("<I", ABIS.index(call.abi) * NUMBERS + call.number)
            yield key, call_plan(call, only, head, (limits or {}).get(name, 0))


def wanted_numbers(keys: Iterable[bytes]) -> bytes:
    """Return the knob of that name for keys of `call_plans`: a byte for each number, in it a bit for each ABI."""
    wanted = bytearray(NUMBERS)
    for key in keys:
        abi, number = divmod(int.from_bytes(key, "little"), NUMBERS)
        wanted[number] |= 1 << abi
    return bytes(wanted)
