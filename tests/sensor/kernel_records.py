"""A kernel made by hand: records as the eBPF programs write them, for tests of what reads them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ringward.btf import Layout
from ringward.sensor import objects
from ringward.sensor.decode import Decoder, Record

SECOND = 1_000_000_000
NEVER = 0xFFFFFFFF
CANARY, KTHREAD, INITRAMFS = 1, 2, 4
FAULT, NO_COPY, NOT_NEEDED, ABSENT, NO_ENTRY = 1, 3, 4, 10, 11  # bpf/events.h: enum unread
Value = int | str | bytes | tuple[str, ...] | None
_STRINGS = {"str_loc", "str_list_loc", "path_loc"}


@cache
def files() -> list[objects.ObjectFile]:
    return [objects.load(name) for name in objects.names()]


@cache
def layouts() -> dict[str, Layout]:
    return {name: layout for file in files() for name, layout in file.records.items()}


@cache
def enums() -> dict[str, dict[str, int]]:
    return objects.enums(files()[0])


def decoder() -> Decoder:
    return Decoder(files())


def tail_of(ctype: str, value: str | bytes | tuple[str, ...]) -> bytes:
    """Return the bytes that a loc of this type points at (bpf/events.h)."""
    if isinstance(value, bytes):
        return value
    if ctype == "path_loc":
        assert isinstance(value, str)
        return b"".join(part.encode() + b"\0" for part in reversed(value.strip("/").split("/")) if part)
    if ctype == "str_list_loc":
        return b"".join(part.encode() + b"\0" for part in value)
    assert isinstance(value, str)
    return value.encode()


def encode(layout: Layout, values: dict[str, Value]) -> bytes:
    """Return a record; members that are not given are 0, strings that are None were at a bad address."""
    unknown = set(values) - {member.name for member in layout.fields}
    assert not unknown, f"{layout.name} has no members {unknown}"
    tail = b""
    numbers: list[int | bytes] = []
    for member in layout.fields:
        value = values.get(member.name, 0)
        if member.ctype in _STRINGS and not isinstance(value, int):
            if value is None:
                value = FAULT
            else:
                data = tail_of(member.ctype, value)
                value = (layout.size + len(tail)) << 16 | len(data)
                tail += data
        assert isinstance(value, int | bytes)
        numbers.append(value)
    return layout.unpacker().pack(*numbers) + tail


@dataclass(frozen=True)
class Proc:
    """A process of the hand-made kernel."""

    pid: int
    start: int
    parent: Proc | None = None
    comm: str = "bash"
    flags: int = 0
    uid: int = 0
    mnt: int = 4026531841
    tid: int = 0

    def task(self) -> dict[str, Value]:
        parent = self.parent
        values: dict[str, Value] = {
            "pid": self.pid,
            "tid": self.tid or self.pid,
            "start_time": self.start,
            "parent_start_time": parent.start if parent else 0,
            "ppid": parent.pid if parent else 0,
            "uid": self.uid,
            "euid": self.uid,
            "loginuid": NEVER,
            "sessionid": NEVER,
            "mnt_ns": self.mnt,
            "pid_ns": 4026531836,
            "net_ns": 4026531840,
            "user_ns": 4026531837,
            "flags": self.flags,
            "comm": self.comm.encode(),
        }
        return {f"task.{name}": value for name, value in values.items()}


@dataclass
class Kernel:
    """Gives numbers and times; each method returns the bytes of one record."""

    time: int = 1000 * SECOND
    pid: int = 1000
    number: int = 0
    seq: dict[int, int] = field(default_factory=dict)

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def record(self, event: str, proc: Proc, /, cpu: int = 0, **given: Value) -> bytes:
        """Return a record; ``__`` in a name stands for a dot."""
        self.time += 1000
        self.seq[cpu] = self.seq.get(cpu, 0) + 1
        header: dict[str, Value] = {
            "kind": enums()["event_kind"][f"KIND_{event.upper()}"],
            "hook": enums()["hook"]["HOOK_TP_BTF"],
            "abi": enums()["abi"]["ABI_64"],
            "cpu": cpu,
            "seq": self.seq[cpu],
            "time": self.time,
        }
        members = {key.replace("__", "."): value for key, value in given.items()}
        return encode(layouts()[event], header | proc.task() | members)

    def process(self, parent: Proc | None = None, comm: str = "bash", **more: Any) -> Proc:
        """Return a process that no record has told of yet."""
        self.pid += 1
        self.time += SECOND // 50
        return Proc(self.pid, self.time, parent, comm, **more)

    def fork(self, parent: Proc, **more: Any) -> tuple[Proc, bytes]:
        child = self.process(parent, more.pop("comm", parent.comm), uid=parent.uid, **more)
        return child, self.record("process_fork", parent, child_pid=child.pid, child_start_time=child.start)

    def exec(
        self, proc: Proc, exe: str = "/usr/bin/kmod", argv: tuple[str, ...] = ("modprobe",), /, **more: Value
    ) -> bytes:
        values: dict[str, Value] = {
            "exe__path": exe,
            "exe__inode": 77,
            "exe__dev": 8 << 20 | 1,
            "exe__nlink": 1,
            "path": exe,
            "path_kernel": exe,
            "interpreter": exe,
            "args": argv,
            "argc": len(argv),
            "cwd": "/home/user",
            "root": "/",
            "cgroup_path": "/user.slice",
        }
        return self.record("process_exec", proc, **(values | more))

    def context(self, proc: Proc, exe: str, argv: tuple[str, ...] | None = None, /, **more: Value) -> bytes:
        """Return what is told of a process before what it did; `argv` None: it is an ancestor of who did it."""
        values: dict[str, Value] = dict.fromkeys(("path", "path_kernel", "interpreter", "root"), NOT_NEEDED)
        values |= {"args": NO_COPY if argv is None else argv, "argc": 0, "old_unread": NO_ENTRY}
        return self.exec(proc, exe, (), **(values | more))

    def exit(self, proc: Proc, code: int = 0) -> bytes:
        return self.record("process_exit", proc, code=code)

    def helper(self, proc: Proc, request: int) -> bytes:
        return self.record("usermodehelper", proc, request=request, path="/sbin/modprobe")

    def request(self, proc: Proc, alias: str) -> tuple[int, bytes]:
        number = self.next_number()
        return number, self.record("module_request", proc, request=number, alias=alias, wait=1, call_site=0xFF)


@dataclass
class Call:
    """One module system call of a process."""

    kernel: Kernel
    proc: Proc
    name: str
    nr: int = 313
    given: dict[str, Value] = field(default_factory=dict)
    id: int = 0
    entered_at: int = 0

    def __post_init__(self) -> None:
        self.id = self.id or self.kernel.next_number()

    def _record(self, state: str, result: int, **more: Value) -> bytes:
        values: dict[str, Value] = {
            "attempt__id": self.id,
            "attempt__entered": self.entered_at,
            "attempt__result": result,
            "attempt__state": enums()["attempt_state"][f"ATTEMPT_{state}"],
            "attempt__nr": self.nr,
        }
        return self.kernel.record(self.name, self.proc, **(values | self.given | more))

    def enter(self, **more: Value) -> bytes:
        self.entered_at = self.kernel.time + 1000
        return self._record("ENTERED", 0, **more)

    def returns(self, result: int = 0, **more: Value) -> bytes:
        return self._record("RETURNED", result, **more)

    def stopped(self, result: int, **more: Value) -> bytes:
        return self._record("STOPPED", result, **more)

    def digest(self, digest: bytes = b"\xab" * 32, **more: Value) -> bytes:
        return self.kernel.record(
            "module_digest", self.proc, attempt=self.id, digest=digest, size=4096, duration=5000, format=1, **more
        )

    def load(self, module: str | None, uses: tuple[str, ...] = (), **more: Value) -> bytes:
        return self.kernel.record(
            "module_load", self.proc, attempt=self.id, name=module, uses=uses, base=0xFFFF0000, size=16384, **more
        )

    def init(self, module: str, result: int = 0) -> bytes:
        return self.kernel.record(
            "do_init_module", self.proc, attempt=self.id, name=module, result=result, duration=7000
        )

    def free(self, module: str) -> bytes:
        return self.kernel.record("module_free", self.proc, attempt=self.id, name=module, base=0xFFFF0000)

    def steps(self, module: str, uses: tuple[str, ...] = ()) -> list[bytes]:
        """Return every record of a load that works."""
        return [self.enter(), self.digest(), self.load(module, uses), self.init(module), self.returns()]


def finit(kernel: Kernel, proc: Proc, file: str = "/lib/modules/x.ko", inode: int = 5, **given: Value) -> Call:
    """Return a call of finit_module."""
    values: dict[str, Value] = {
        "fd": 3,
        "param_values": "",
        "file.path": file,
        "file.inode": inode,
        "file.dev": 8 << 20 | 1,
        "file.nlink": 1,
    }
    return Call(kernel, proc, "finit_module", 313, values | given)


def delete(kernel: Kernel, proc: Proc, name: str, **given: Value) -> Call:
    """Return a call of delete_module."""
    values: dict[str, Value] = {"name": name, "name_kernel": name, "refcount": 0, "holders": ()}
    return Call(kernel, proc, "delete_module", 176, values | given)


def batch(*records: bytes) -> bytes:
    """Return records as `_native.Ring.drain` gives them."""
    return b"".join(struct.pack("<I4x", len(raw)) + raw + bytes(-len(raw) % 8) for raw in records)


def decoded(raw: bytes) -> Record:
    """Return the record that these bytes are."""
    (record,) = decoder().records(batch(raw))
    return record
