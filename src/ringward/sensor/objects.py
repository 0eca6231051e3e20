"""The eBPF objects that the package ships, and whether they keep the contract with the catalogue."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ringward.btf import Btf, ElfError, Layout, layouts, section, symbols
from ringward.btf.layout import enum_values, struct_layout
from ringward.events.registry import BY_NAME


class ContractError(Exception):
    """An object and the catalogue disagree; the message names record and member."""


@dataclass(frozen=True)
class ObjectFile:
    """One built object: its bytes, and what its BTF says."""

    name: str
    data: bytes
    btf: Btf
    records: dict[str, Layout]

    def knobs(self) -> dict[str, tuple[int, int]]:
        """Return offset and size, in bytes, of every variable of the read-only data."""
        try:
            return symbols(self.data, ".rodata")
        except ElfError:
            return {}

    def with_knobs(self, initial: bytes, knobs: dict[str, int | bytes]) -> bytes:
        """Return the initial value of the read-only data with `knobs` written into it."""
        data = bytearray(initial)
        for name, (offset, size) in self.knobs().items():
            value = knobs.get(name)
            if isinstance(value, int):
                data[offset : offset + size] = value.to_bytes(size, "little")
            elif value is not None:
                data[offset : offset + size] = value.ljust(size, b"\0")[:size]
        return bytes(data)


@cache
def load(name: str) -> ObjectFile:
    """Return the object ``name.bpf.o`` of the package.

    Raises:
        FileNotFoundError: the package was built without it.

    """
    data = (resources.files("ringward.sensor") / "objects" / f"{name}.bpf.o").read_bytes()
    btf = Btf(section(data, ".BTF"))
    return ObjectFile(name, data, btf, layouts(btf))


def names() -> tuple[str, ...]:
    """Return the names of all objects that the package was built with."""
    folder = resources.files("ringward.sensor") / "objects"
    return tuple(sorted(p.name.removesuffix(".bpf.o") for p in folder.iterdir() if p.name.endswith(".bpf.o")))


def enums(obj: ObjectFile) -> dict[str, dict[str, int]]:
    """Return the enums of the contract: event_kind, hook, abi, unread, attempt_state."""
    return {name: enum_values(obj.btf, name) for name in ("event_kind", "hook", "abi", "unread", "attempt_state")}


def task_layout(obj: ObjectFile) -> Layout:
    """Return the layout of `struct task`."""
    return struct_layout(obj.btf, "task")


def check(obj: ObjectFile) -> None:
    """Compare the object's records with the catalogue, in both directions.

    Raises:
        ContractError: a record without class, a field without member, or a member that nothing uses.

    """
    for name, layout in obj.records.items():
        cls = BY_NAME.get(name)
        if cls is None or not cls.record:
            raise ContractError(f"record {name} of {obj.name}.bpf.o has no class in the catalogue")
        members = {field.name for field in layout.fields if not field.name.startswith("task.")}
        members -= {"kind", "hook", "abi", "cpu", "seq", "time"}
        members = {member for member in members if member.rpartition(".")[2] != "pad"}
        used = {member for field, spec in cls.specs().items() for member in spec.names(field)}
        for member in used - members:
            raise ContractError(f"event {name} reads '{member}', which record {name} of {obj.name}.bpf.o has not")
        for member in members - used - cls.extra:
            raise ContractError(f"member '{member}' of record {name} in {obj.name}.bpf.o is used by no field")


def header_format() -> struct.Struct:
    """Return the format of `struct header` before its task: kind, hook, abi, cpu, seq, time."""
    return struct.Struct("<HBBIQQ")
