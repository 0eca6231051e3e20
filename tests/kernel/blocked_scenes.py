"""What `blocked` says is tried: every way that it tells of is gone, and what gets in is looked up in the kernel."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shlex
import socket
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ringward.kmod.blocked import Answer, Decider, Way
from ringward.kmod.blocked.answer import BY_FILE, COULD_NOT_LOOK, OPEN
from ringward.kmod.blocked.remedies import DIRECTORY
from ringward.kmod.config import load_config
from ringward.kmod.kernel import Kernel
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from tests.kernel.module_scenes import CONFIG, SECONDS
from tests.kernel.programs import NOBODY
from tests.kernel.witness import listed

SIOCGIFBR = 0x8940
"""linux/sockios.h"""
HELPER = Path("/proc/sys/kernel/modprobe")


@cache
def kernel() -> Kernel:
    """Return the kernel that runs; what is read of its image and of the indexes is kept."""
    return Kernel(Tree("", os.uname().release), running=True)


def ask(name: str) -> Answer:
    """Return what is said of a module, as the command says it."""
    tree = kernel().tree
    config = load_config(module_dir=tree.directory)
    decider = Decider(Resolver(tree, config), kernel(), Live(), lambda path: Path(path).read_text(), DIRECTORY)
    (answer,) = decider.answers(name)
    return answer


def configure(*lines: str) -> None:
    CONFIG.write_text("".join(f"{line}\n" for line in lines))


def unload(before: set[str]) -> None:
    """Unload all that was not loaded before, users before what they use."""
    while left := [name for name in listed() if name not in before]:
        free = [name for name in left if not listed()[name].refcount]
        assert free, f"in use: {left}"
        subprocess.run(["rmmod", *free], check=True)


def run(command: list[str]) -> None:
    """Run what may fail."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode >= 0, f"{command}: {done.stderr}"


def gets_in(module: str, request: Callable[[], object]) -> bool:
    """Return whether a module is loaded after a request; what was loaded by it is unloaded."""
    before = set(listed())
    assert module not in before
    request()
    loaded = module in listed()
    unload(before)
    return loaded


def go(module: str, way: Way) -> bool:
    """Return whether a module gets in by a way."""

    def request() -> None:
        line = kernel().tree.dep(module)
        assert line is not None
        for path in reversed(line.deps) if way.kind == BY_FILE else ():
            run(["insmod", path])
        run(shlex.split(way.command))

    return gets_in(module, request)


def go_every_way(answer: Answer) -> None:
    """Go every way of an answer; compare with what it says of it."""
    tried = 0
    for way in answer.ways:
        if way.result != COULD_NOT_LOOK and way.command:
            assert go(answer.module, way) == (way.result == OPEN), (way.kind, way.command, way.result, way.why)
            tried += 1
    assert tried >= 3


def apply(answer: Answer) -> list[Path]:
    """Write what would close an answer's module into the configuration; return the files that are new."""
    made = []
    for each in answer.remedies:
        path, colon, number = each.where.rpartition(":")
        if colon:
            lines = Path(path).read_text().splitlines()
            lines[int(number) - 1 : int(number)] = each.lines
            Path(path).write_text("".join(f"{line}\n" for line in lines))
        elif each.where.startswith(DIRECTORY):
            made.append(Path(each.where))
            assert not made[-1].exists()
            made[-1].write_text("".join(f"{line}\n" for line in each.lines))
    return made


def as_nobody(call: Callable[[], object]) -> None:
    """Make a call in a process without any privilege; that it fails does not matter."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            status = 0
            call()
        except OSError:
            pass
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def open_appletalk() -> None:
    socket.socket(socket.AF_APPLETALK, socket.SOCK_DGRAM)


def ask_for_bridges() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        fcntl.ioctl(found, SIOCGIFBR, bytes(4 * ctypes.sizeof(ctypes.c_ulong)))


def bind_aead() -> None:
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as found:
        found.bind(("aead", "ringward-nothing"))


def mount_minix() -> None:
    """Mount in a user namespace of one's own."""
    run(["unshare", "-rm", "mount", "-t", "minix", "none", "/mnt"])
