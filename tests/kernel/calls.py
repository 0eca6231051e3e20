"""The C programs of calls/, compiled when first asked for; and bpftool, to ask the kernel without Ringward."""

from __future__ import annotations

import atexit
import json
import lzma
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ringward.events import Event
from tests.kernel.conftest import Watch, module_file

SOURCES = Path(__file__).parent / "calls"
# arch/x86/entry/syscalls/syscall_64.tbl, syscall_32.tbl; x32 has the numbers of 64-bit callers
NUMBERS = {
    "64": {"create_module": 174, "init_module": 175, "delete_module": 176, "finit_module": 313},
    "ia32": {"create_module": 127, "init_module": 128, "delete_module": 129, "finit_module": 350},
}
NUMBERS["64"] |= {"get_kernel_syms": 177, "query_module": 178}
NUMBERS["ia32"] |= {"get_kernel_syms": 130, "query_module": 167}
NUMBERS["x32"] = NUMBERS["64"]
ABI = {"64": "64-bit", "ia32": "ia32", "x32": "x32"}


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ringward-calls-"))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder)
    return folder


@cache
def built(name: str) -> Path:
    """Compile calls/NAME.c; return the program, which every user may run."""
    program = _folder() / name
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", str(program), str(SOURCES / f"{name}.c")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"gcc {name}.c: {done.stderr}"
    return program


@cache
def image_of(module: str) -> Path:
    """Return a module's ELF image, which can be loaded as it is: Debian's 6.12 has them compressed."""
    path = module_file(module)
    needs = subprocess.run(["modinfo", "-F", "depends", str(path)], check=True, capture_output=True, text=True)
    for name in filter(None, needs.stdout.strip().split(",")):
        subprocess.run(["modprobe", name], check=True)
    if path.suffix == ".ko":
        return path
    assert path.suffix == ".xz", f"no way to unpack {path}"
    image = _folder() / f"{module}.ko"
    image.write_bytes(lzma.decompress(path.read_bytes()))
    return image


@dataclass(frozen=True)
class Called:
    """What calls/call.c says of the call that it made."""

    call: str
    abi: str
    pid: int
    user_ns: int
    pid_ns: int
    uid: int
    registers: tuple[int, ...]
    result: int | None
    """None: it did not come back."""
    status: int


def call(abi: str, name: str, *arguments: str | int, stop: str = "", start: tuple[str, ...] = ()) -> Called:
    """Make one call, by a program of its own.

    Args:
        abi: 64, ia32 or x32.
        name: of a module system call, or ``=NUMBER`` for any other.
        arguments: as calls/call.c explains them.
        stop: errno, trap or kill: what seccomp does to the call.
        start: command that starts the program.

    """
    number = name[1:] if name.startswith("=") else str(NUMBERS[abi][name])
    how = ["--seccomp", stop] if stop else []
    words = [*start, str(built("call")), *how, abi, number, *map(str, arguments)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode <= 0 or start, f"{words}: status {done.returncode}: {done.stderr}"
    told = dict(re.findall(r"(\w+)=([\w,-]+)", done.stdout))
    assert "pid" in told, f"{words}: status {done.returncode}: {done.stderr}"
    return Called(
        name,
        ABI[abi],
        int(told["pid"]),
        int(told["user"]),
        int(told["pidns"]),
        int(told["uid"]),
        tuple(int(word, 16) for word in told["args"].split(",")),
        int(told["result"]) if "result" in told else None,
        done.returncode,
    )


def by(watch: Watch, called: Called, *names: str) -> list[Event]:
    """Return the events that a call's process has caused; of some names, or all."""
    return [
        event
        for event in watch.events
        if event.process and event.process.pid == called.pid and (not names or event.event in names)
    ]


def seen(watch: Watch, called: Called) -> Event:
    """Wait for the event of a call, and return it: exactly one, and finished."""
    watch.until(lambda _: any(e.duration is not None or "duration" in e.unread for e in by(watch, called, called.call)))
    (event,) = by(watch, called, called.call)
    return event


def marked(watch: Watch) -> None:
    """Make a call that is seen for certain, and wait for it: what came before has then been told."""
    marker = call("64", "create_module", "s:rw_marker")
    watch.until(lambda _: by(watch, marker, "create_module"))


def bpftool(*words: str) -> Any:
    """Return what `bpftool -j` prints."""
    done = subprocess.run(["bpftool", "-j", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"bpftool {' '.join(words)}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


KINDS = {"prog": "prog_id", "link": "link_id", "map": "map_id", "btf": "btf_id"}


def bpf_ids() -> dict[str, set[int]]:
    """Return the ids of all programs, links, maps and BTF objects of this kernel, by bpftool."""
    return {kind: {found["id"] for found in bpftool(kind, "show")} for kind in KINDS}


def owned_ids(pid: int) -> dict[str, set[int]]:
    """Return the ids of those that a process has a descriptor of (/proc/PID/fdinfo)."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
        except FileNotFoundError:  # the descriptor that reads the folder
            continue
        for kind, key in KINDS.items():
            # A link names its program as well; it is held, too.
            if key in lines:
                found[kind].add(int(lines[key]))
    return found


def awaited(done: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Wait until `done()` is true; fail the test when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
