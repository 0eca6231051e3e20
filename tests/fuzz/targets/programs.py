"""Records of loads and programs, joined: the native part tells of any of them what the one in Python tells."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from ringward.events import BY_NAME
from ringward.sensor import join, lifecycle, process_table, programs
from ringward.sensor.decode import DecodeError
from tests.sensor.joined import INIT, Joined
from tests.sensor.kernel_records import Kernel, batch, decoder, finit

COVERS = (join, lifecycle, process_table, programs)
FLOOR = 70
RUNS = 120
LONGEST = 16384
NATIVE = ("ringward.sensor._native",)
_DECODER = decoder()
_LENGTH = struct.Struct("<I4x")


def seeds() -> list[bytes]:
    kernel = Kernel()
    first, fork = kernel.fork(INIT, comm="sh")
    start = kernel.exec(first)
    second, again = kernel.fork(first)
    call = finit(kernel, second)
    number, request = kernel.request(first, "net-pf-5")
    helper = kernel.process()
    lives = [fork, start, again, kernel.exec(second, interpreter="/bin/sh")]
    ends = [kernel.exit(second, 3), kernel.exit(first)]
    asked = [request, kernel.helper(helper, number), kernel.exec(helper), kernel.exit(helper)]
    return [
        batch(fork, start, kernel.exit(first)),
        batch(*lives, *ends),
        batch(*lives, *call.steps("msdos", ("fat",)), *ends),
        batch(fork, *asked),
        batch(*lives, call.enter(), *ends),
    ]


def records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a batch, the last one as far as it goes."""
    while len(data) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(data)
        yield data[_LENGTH.size : _LENGTH.size + length]
        data = data[_LENGTH.size + (length + 7) // 8 * 8 :]


def told(each: list[bytes], *, whole: bool) -> bytes | str:
    """Return the lines of the events that the records complete; or what is said of the first that is none."""
    joined = Joined(emit=frozenset(BY_NAME) - {"process_fork"}, modules={"fat"}, whole=whole, one=_DECODER)
    try:
        joined.feed(*each)
    except DecodeError as error:
        return str(error)
    joined.flush()
    return msgspec.json.encode(joined.events)


def one(data: bytes) -> None:
    each = list(records(data))
    assert told(each, whole=True) == told(each, whole=False)
    while isinstance(told(each, whole=False), str):
        each.pop()
    assert told(each, whole=True) == told(each, whole=False)
