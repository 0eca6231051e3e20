"""Objects of the guard in which something of the kernel fails: an answer of a helper, or a limit, is another one.

The instruction is replaced in the bytes of the object; the rest of the program is what is always loaded.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from ringward.btf import section, symbols
from ringward.sensor import objects

# include/uapi/linux/bpf.h: BPF_JMP | BPF_CALL; BPF_ALU64 | BPF_MOV | BPF_K to r0; the helpers' numbers.
_CALL, _ANSWER = struct.Struct("<BxhI"), struct.Struct("<BBhi")
TASK_STORAGE_GET, PROBE_READ_KERNEL = 156, 113
Change = Callable[[bytes], bytes]


def answers(helper: int, answer: int, place: str = "") -> Change:
    """Return a change after which each call of a helper has that answer.

    Args:
        helper: its number.
        answer: of its calls.
        place: of them, a function of .text or a whole section; empty: all.

    """

    def change(data: bytes) -> bytes:
        call = _CALL.pack(0x85, 0, helper)
        start, end = 0, len(data)
        if place:
            functions = symbols(data, ".text")
            text = section(data, ".text" if place in functions else place)
            offset, size = functions.get(place, (0, len(text)))
            start = data.index(text) + offset
            end = start + size
        assert call in data[start:end]
        return data[:start] + data[start:end].replace(call, _ANSWER.pack(0xB7, 0, 0, answer)) + data[end:]

    return change


def number(before: int, after: int) -> Change:
    """Return a change of the one 64-bit constant that is loaded with that value."""

    def change(data: bytes) -> bytes:
        low, high = struct.pack("<I", before), bytes(8)
        assert data.count(low + high) == 1
        return data.replace(low + high, struct.pack("<I", after) + high)

    return change


@contextmanager
def replaced(changes: Mapping[str, tuple[Change, ...]]) -> Iterator[None]:
    """Let objects be loaded with changes, by their names."""
    load = objects.load

    def changed(name: str) -> objects.ObjectFile:
        file = load(name)
        data = file.data
        for change in changes.get(name, ()):
            data = change(data)
        return dataclasses.replace(file, data=data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "load", changed)
        yield
