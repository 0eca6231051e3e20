"""The second witnesses: what the kernel and other tools say of the same thing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ringward.events import Event
from vmtest.modules import COMPILER, content_key, source_files

SECONDS = 60.0
"""How long an event may take: emulated guests are slow, and nothing is waited for that has come."""


@dataclass(frozen=True)
class Listed:
    """A line of /proc/modules (kernel/module/procfs.c: m_show)."""

    size: int
    refcount: int
    holders: tuple[str, ...]
    state: str
    base: str
    taints: tuple[str, ...]


def listed() -> dict[str, Listed]:
    """Return the modules that the kernel lists, by name."""
    found = {}
    for line in Path("/proc/modules").read_text().splitlines():
        name, size, refcount, holders, state, base, *taints = line.split()
        users = tuple(user for user in holders.split(",") if user not in ("", "-"))
        letters = tuple(taints[0].strip("()")) if taints else ()
        found[name] = Listed(int(size), int(refcount), users, state, hex(int(base, 16)), letters)
    return found


def remove(*names: str) -> None:
    """Unload those of the modules that are loaded, in this order."""
    left = [name for name in names if name in listed()]
    if left:
        subprocess.run(["rmmod", *left], check=True)


def attribute(name: str, what: str) -> str | None:
    """Return what /sys/module/NAME/WHAT says, or None when there is no such file."""
    path = Path("/sys/module") / name / what
    return path.read_text().rstrip("\n") if path.exists() else None


def sha256sum(path: Path) -> str:
    """Return what sha256sum(1) prints for a file."""
    return subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def module_file(name: str) -> Path:
    """Return the file of a module of the running kernel, as modinfo finds it."""
    found = subprocess.run(["modinfo", "-n", name], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())


def image(name: str, folder: Path) -> Path:
    """Return a copy of a module's image in `folder`, decompressed by xz(1) where it is compressed."""
    file = module_file(name)
    copy = folder / f"{file.name.split('.')[0]}.ko"
    with copy.open("wb") as out:
        subprocess.run(["xz", "-dc", file] if file.suffix == ".xz" else ["cat", file], check=True, stdout=out)
    return copy


def own_module(name: str) -> Path:
    """Return the file of one of the project's own modules, built for this kernel from these very sources."""
    # vmtest makes this a link into its cache: CACHE/kernels/RELEASE/lib/modules/RELEASE
    release = os.uname().release
    cache = Path(f"/lib/modules/{release}").readlink().parents[4]
    compiler = subprocess.run([COMPILER, "--version"], check=True, capture_output=True, text=True).stdout
    file = cache / "modules" / f"{release}-{content_key(source_files(), release, compiler)}" / f"{name}.ko"
    assert file.exists(), f"{file} is not there: run `python -m vmtest --modules KERNEL` on the host before"
    return file


def stat_of(path: Path) -> tuple[str, int, int]:
    """Return device, inode and ctime of a file as events print them."""
    st = path.stat()
    return f"{os.major(st.st_dev)}:{os.minor(st.st_dev)}", st.st_ino, st.st_ctime_ns


def call_of(events: list[Event], pid: int, result: int | None = None) -> list[Event]:
    """Return the module calls of a process, in order; those with a result when one is given."""
    names = ("init_module", "finit_module", "delete_module")
    return [
        e
        for e in events
        if e.event in names and e.process and e.process.pid == pid and (result is None or e.result == result)
    ]


def steps_of(events: list[Event], load: str) -> list[str]:
    """Return the names of the events that carry a load's id, in order."""
    return [e.event for e in events if e.load and e.load.id == load]
