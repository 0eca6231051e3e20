"""A kernel that takes and refuses what a test wants, behind `_native.Object`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ringward.sensor import _native, attach


def refusal(program: str, number: int = 22, text: str = "Invalid argument") -> _native.BpfError:
    """Return what libbpf says of a program that the kernel does not load."""
    log = (
        f"libbpf: prog '{program}': BPF program load failed: {text}\n"
        f"libbpf: prog '{program}': -- BEGIN PROG LOAD LOG --\n"
        "R1 type=scalar expected=fp\n"
        "processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1\n"
        "-- END PROG LOAD LOG --\n"
        f"libbpf: prog '{program}': failed to load: -{number}\n"
        "libbpf: failed to load object 'ringward_process'\n"
    )
    return _native.BpfError(number, text, "load", log)


class Link:
    """A link of the made-up kernel."""

    def __init__(self, kernel: MadeUp, program: str) -> None:
        self._kernel, self._program = kernel, program
        kernel.attached.append(program)

    def close(self) -> None:
        self._kernel.attached.remove(self._program)

    def missed(self) -> int | None:
        return self._kernel.missed.get(self._program)


class MadeUp:
    """A kernel that refuses some programs, behind `_native.Object`."""

    current: ClassVar[MadeUp]

    def __init__(self, load: set[str] = frozenset(), attach: set[str] = frozenset(), error: Any = refusal) -> None:  # type: ignore[assignment]
        self.refuse_load, self.refuse_attach, self.error = load, attach, error
        self.attached: list[str] = []
        self.objects: list[str] = []
        self.values: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}
        self.missed: dict[str, int] = {}


class Object:
    """`_native.Object` without a kernel: what the file says is real."""

    real = _native.Object

    def __init__(self, name: str, data: bytes) -> None:
        self.kernel = MadeUp.current
        self._name = name
        self._file = Object.real(name, data)
        self._wanted: set[str] = set()
        self._fd = -1

    def programs(self) -> list[tuple[str, str]]:
        return self._file.programs()

    def maps(self) -> list[str]:
        return self._file.maps()

    def initial_value(self, map_name: str) -> bytes | None:
        return self._file.initial_value(map_name)

    def set_initial_value(self, _map_name: str, value: bytes) -> None:
        self.kernel.values[self._name] = value

    def set_autoload(self, program: str, on: bool) -> None:
        (self._wanted.add if on else self._wanted.discard)(program)

    def reuse_map(self, _map_name: str, fd: int) -> None:
        os.fstat(fd)

    def resize_map(self, map_name: str, max_entries: int) -> None:
        self.kernel.sizes[map_name] = max_entries

    def load(self) -> None:
        for program in sorted(self._wanted & self.kernel.refuse_load):
            raise self.kernel.error(program)
        self._fd = os.open("/dev/null", os.O_RDONLY)
        self.kernel.objects.append(self._name)

    def close(self) -> None:
        os.close(self._fd)
        self.kernel.objects.remove(self._name)

    def program_fd(self, _program: str) -> int:
        return self._fd

    def map_fd(self, _map_name: str) -> int:
        return self._fd

    def attach(self, program: str) -> Link:
        assert program in self._wanted
        if program in self.kernel.refuse_attach:
            number, text = 95, "Operation not supported"
            raise _native.BpfError(number, text, "attach", f"libbpf: prog '{program}': failed to attach: {text}\n")
        return Link(self.kernel, program)


def use(patch: pytest.MonkeyPatch, kernel: MadeUp, *, modules: bool = True) -> MadeUp:
    MadeUp.current = kernel
    patch.setattr(attach._native, "Object", Object)
    real = Path.exists
    patch.setattr(
        attach.Path, "exists", lambda self: modules if str(self) == "/proc/modules" else real(self), raising=True
    )
    return kernel
