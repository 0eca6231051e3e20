"""insmod, rmmod, lsmod and modprobe on a real kernel: each scene is played by the installed kmod, then by Ringward.

Compared are exit statuses, what is printed, and what is loaded after each step.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.cli.links import make
from ringward.kmod.load import FORCE
from ringward.kmod.proc import Live
from tests.kernel.module_scenes import FORCED, MINE, SCENES, SECONDS, clean, differences, loaded, play
from tests.kernel.programs import open_folder
from tests.kernel.witness import image, module_file, own_module, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules]


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    clean()
    yield
    clean()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Give a folder to all tests of this file."""
    made = open_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def links(folder: Path) -> Path:
    return make(str(folder / "links"))


@pytest.fixture(scope="module")
def words(folder: Path) -> dict[str, str]:
    """What scenes may name in braces."""
    (folder / "image").write_bytes(bytes(1 << 20))
    (folder / "empty.ko").touch()
    (folder / "text.ko").write_text("nothing of the kind\n")
    (folder / "cut.ko").write_bytes(image("loop", folder).read_bytes()[:3000])
    (folder / "gz.ko.gz").write_bytes(gzip.compress(image("loop", folder).read_bytes()))
    (folder / "xz.ko.xz").write_bytes(lzma.compress(image("loop", folder).read_bytes(), check=lzma.CHECK_CRC32))
    found = {name: str(module_file(name)) for name in ("fat", "msdos", "vfat", "loop", "dummy")}
    return found | {"dir": str(folder), "rw_fail": str(own_module("rw_fail")), "param": str(own_module("rw_param"))}


@pytest.mark.parametrize("name", SCENES)
def test_each_scene_is_played_alike(name: str, words: dict[str, str], links: Path) -> None:
    # Before it runs a command kmod leaves in its buffer what it has printed.
    assert differences(SCENES[name], words, links, ordered=name != "commands") == []


def test_force(words: dict[str, str], links: Path) -> None:
    if not words["loop"].endswith(".xz"):
        assert differences(FORCED, words, links) == []
        return
    # kmod 30 changes the image that it has unpacked, so that its signature does not fit.
    assert (
        play(FORCED[:1], words, None)[0].err
        == "modprobe: ERROR: could not insert 'loop': Key was rejected by service\n"
    )
    steps = play(FORCED, words, links)
    failed = [step.command for step in steps if step.status]
    assert failed == ["modprobe -r -f loop", "rmmod -f loop"]
    why = "No such file or directory"
    told = f"rmmod: ERROR: could not remove 'loop': {why}\nrmmod: ERROR: could not remove module loop: {why}\n"
    assert steps[-1].err == told


ERRORS = [
    *(errno.EPERM, errno.ENOENT, errno.ESRCH, errno.EIO, errno.ENOEXEC, errno.EAGAIN, errno.ENOMEM, errno.EACCES),
    *(errno.EFAULT, errno.EBUSY, errno.EEXIST, errno.ENODEV, errno.EINVAL, errno.ENOSPC, errno.ERANGE, errno.ENOSYS),
    *(errno.ETIMEDOUT, errno.EALREADY, errno.ENOKEY, errno.EKEYREJECTED),
]
"""What a module's init may fail with; the tools have words of their own for some of them."""


def test_each_error_of_a_module_has_the_same_text(words: dict[str, str], links: Path) -> None:
    said: list[list[str]] = []
    for folder in ("/sbin", str(links)):
        done = [
            subprocess.run(
                [f"{folder}/insmod", words["rw_fail"], f"error={code}"], capture_output=True, text=True, check=False
            )
            for code in ERRORS
        ]
        assert {one.returncode for one in done} == {1}
        said.append([one.stderr for one in done])
    assert said[1] == said[0]
    assert len(set(said[0])) == len(ERRORS)


def traced(folder: Path, *command: str) -> list[str]:
    """Return the module calls of a command as strace shows them, without pointers."""
    log = folder / "strace"
    calls = "finit_module,init_module,delete_module"
    subprocess.run(["strace", "-f", "-o", log, "-e", f"trace={calls}", *command], check=True)
    found = [line.partition(" ")[2].strip() for line in log.read_text().splitlines() if "_module(" in line]
    return [re.sub(r"\s+= ", " = ", re.sub(r"\((0x\w+|\d+), (\d+, )?", "(", line)) for line in found]


def test_the_file_goes_to_the_kernel_when_it_can_read_it(words: dict[str, str], links: Path, folder: Path) -> None:
    """As kmod 34 does; kmod 30 unpacks compressed files itself."""
    packed = words["loop"].endswith(".xz")
    assert Live().compression() == ("xz" if packed else None)
    flags = "MODULE_INIT_COMPRESSED_FILE" if packed else "0"
    assert traced(folder, f"{links}/insmod", words["loop"], "max_loop=4") == [
        f'finit_module("max_loop=4", {flags}) = 0'
    ]
    assert Path("/sys/module/loop/parameters/max_loop").read_text() == "4\n"
    assert traced(folder, f"{links}/rmmod", "loop") == ['delete_module("loop", O_NONBLOCK) = 0']
    (found,) = traced(folder, f"{links}/insmod", "-f", words["loop"])
    force = "MODULE_INIT_IGNORE_MODVERSIONS|MODULE_INIT_IGNORE_VERMAGIC"
    assert found == f'finit_module("", {force}{"|" + flags if packed else ""}) = 0'
    assert traced(folder, f"{links}/rmmod", "-f", "loop") == ['delete_module("loop", O_NONBLOCK|O_TRUNC) = 0']


@pytest.mark.parametrize("file", ["gz.ko.gz", "xz.ko.xz"])
def test_what_it_cannot_read_is_unpacked_for_it(file: str, words: dict[str, str], links: Path, folder: Path) -> None:
    known = Live().compression()
    (found,) = traced(folder, f"{links}/insmod", f"{words['dir']}/{file}", "max_loop=4")
    if known == "xz" and file.endswith("xz"):
        assert found == 'finit_module("max_loop=4", MODULE_INIT_COMPRESSED_FILE) = 0'
    else:
        assert found == 'init_module("max_loop=4") = 0'
    assert Path("/sys/module/loop/parameters/max_loop").read_text() == "4\n"


WITHOUT_FINIT = """
import ctypes, os, struct, sys
sys.path.insert(0, sys.argv[1])
from ringward.kmod.syscalls import FINIT, numbers
# ld the number; finit_module: fail with ENOSYS; else allow (linux/seccomp.h, linux/filter.h).
number = numbers(os.uname().machine, is_64bit=True)[FINIT]
codes = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in codes))
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, ctypes.byref(Program(len(codes), ctypes.addressof(code)))) == 0
from ringward.kmod.load import insert
insert(sys.argv[2], sys.argv[3], int(sys.argv[4]))
"""
"""Loads a module in a process for which finit_module(2) does not exist."""


@pytest.mark.parametrize("flags", [0, FORCE])
def test_without_finit_module_the_image_is_given(flags: int, words: dict[str, str], folder: Path) -> None:
    source = str(Path(sys.modules["ringward"].__file__ or "").parents[1])
    command = [sys.executable, "-c", WITHOUT_FINIT, source, words["loop"], "max_loop=6", str(flags)]
    calls = traced(folder, *command)
    assert [call.partition("(")[0] for call in calls][-2:] == ["finit_module", "init_module"][-len(calls) :]
    assert calls[-1] == 'init_module("max_loop=6") = 0'
    assert Path("/sys/module/loop/parameters/max_loop").read_text() == "6\n"
    # Of a forced load the kernel says so in the module's taint.
    assert ("F" in Path("/sys/module/loop/taint").read_text()) == bool(flags)


def test_another_vermagic_needs_force(words: dict[str, str], links: Path, folder: Path) -> None:
    release = os.uname().release.encode()
    other = folder / "other.ko"
    start = b"vermagic=" + release
    # With symbol versions the kernel does not compare the release, but all that follows it.
    data = image("dummy", folder).read_bytes().replace(start + b" SMP ", start + b" SMX ", 1)
    other.write_bytes(data)
    # A changed module's signature no longer fits: without one it only taints.
    subprocess.run(["objcopy", "--strip-debug", other], check=True)
    assert (
        run(links, "insmod", str(other)) == f"insmod: ERROR: could not insert module {other}: Invalid module format\n"
    )
    assert run(links, "insmod", "--force-vermagic", str(other)) == ""
    assert "dummy" in loaded()


def run(folder: Path, tool: str, *words: str) -> str:
    """Return what a tool says to stderr."""
    done = subprocess.run([folder / tool, *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode != 0) == bool(done.stderr)
    return done.stderr


def test_waiting_until_it_comes_free(words: dict[str, str], links: Path) -> None:
    play(["modprobe loop", "hold"], words, links)
    start = time.monotonic()
    # kmod 30 is silent here and exits with 0, or does not end.
    assert run(links, "modprobe", "-r", "-w", "300", "loop").count("could not remove 'loop'") == 1
    assert time.monotonic() - start > 0.3
    waiting = subprocess.Popen([links / "modprobe", "-rv", "-w", "60000", "loop"], stdout=subprocess.PIPE, text=True)
    assert waiting.stdout
    assert waiting.stdout.readline() == "rmmod loop\n"
    assert waiting.poll() is None
    subprocess.run(["losetup", "-D"], check=True)
    assert waiting.wait(SECONDS) == 0
    assert "loop" not in loaded()


def test_a_circle_of_softdeps_ends(words: dict[str, str], links: Path) -> None:
    """kmod 30 ends with SIGSEGV."""
    scene = [
        "modprobe -a vfat msdos",
        "config softdep msdos post: vfat ;; softdep vfat post: msdos",
        "modprobe -rv vfat",
    ]
    assert play(scene, words, None)[-1].status == -signal.SIGSEGV
    clean()
    last = play(scene, words, links)[-1]
    assert (last.status, last.out) == (0, "rmmod msdos\nrmmod vfat\nrmmod fat\n")


def test_what_comes_and_goes_never_confuses_lsmod(links: Path) -> None:
    """kmod prints -2 for what has gone between two reads (its issue 41)."""
    script = "while :; do /sbin/modprobe appletalk; /sbin/modprobe -ra appletalk llc; done"
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
    seen = set()
    looks = 0
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end and (looks < 300 or len(seen) < 3):
            modules = [one for one in Live().modules() if one.name in {"appletalk", "psnap", "llc"}]
            assert all(one.size > 0 and one.refcount is not None and one.refcount >= -1 for one in modules)
            seen.add(tuple(one.name for one in modules))
            looks += 1
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        subprocess.run(["/sbin/modprobe", "-ra", "appletalk", "psnap", "llc"], check=False)
    assert looks >= 300
    assert len(seen) >= 3


def test_a_sysroot_foretells_what_the_kernel_does(links: Path, folder: Path) -> None:
    """The same sequence in a sysroot, where it is only written down, and in the kernel."""
    root = folder / "root"
    target = root / "lib/modules" / os.uname().release
    target.parent.mkdir(parents=True)
    target.symlink_to(Path("/lib/modules").resolve() / os.uname().release)
    before = sha256sum(Path("/proc/modules"))
    (root / "m").mkdir()
    for name in ("fat", "msdos", "loop"):
        (root / "m" / f"{name}.ko").write_bytes(image(name, folder).read_bytes())
    sequence: list[tuple[str, ...]] = [
        ("insmod", "{}/msdos.ko"),
        ("insmod", "{}/fat.ko"),
        ("insmod", "{}/fat.ko"),
        ("insmod", "{}/msdos.ko"),
        ("rmmod", "fat"),
        ("insmod", "{}/loop.ko", "max_part=x"),
        ("insmod", "{}/loop.ko", "max_part=0x7"),
        ("rmmod", "msdos", "fat"),
        ("rmmod", "msdos"),
    ]
    told = [run(links, tool, "--sysroot", str(root), *(word.format("/m") for word in rest)) for tool, *rest in sequence]
    shown = [(one.name, one.refcount, one.holders) for one in Live(str(root)).modules()]
    parameter = (root / "sys/module/loop/parameters/max_part").read_text()
    assert sha256sum(Path("/proc/modules")) == before
    real = [run(links, tool, *(word.format(root / "m") for word in rest)) for tool, *rest in sequence]
    assert told == [text.replace(str(root), "") for text in real]
    assert shown == [(one.name, one.refcount, one.holders) for one in Live().modules() if one.name in MINE]
    assert parameter == Path("/sys/module/loop/parameters/max_part").read_text()
