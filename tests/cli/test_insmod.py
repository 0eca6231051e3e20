from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.cli.insmod import main
from tests.cli.kmod_oracle import ringward
from tests.kmod.conftest import kmod_34
from tests.kmod.lab import VERSION, Lab
from tests.kmod.tiny_module import build

GPL = ("license=GPL", "intree=Y")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build(tmp_path, "fat", "depends=", *GPL)
    build(tmp_path, "msdos", "depends=fat", "parmtype=level:int", *GPL)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-"],
        ["/nonexistent"],
        ["nonexistent", "a=1"],
        ["/etc"],
        ["/etc/passwd"],
        ["--bogus"],
        ["/nonexistent", "-z"],
        ["-f"],
        ["--version=3"],
        ["--", "/nonexistent"],
    ],
)
def test_as_the_installed_kmod_says_it(words: list[str]) -> None:
    """None of these is a module, so that nothing is loaded wherever this runs."""
    theirs, ours = (
        subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        for command in ([kmod_34("insmod")], ringward("insmod"))
    )
    told = theirs.stderr.replace("/usr/sbin/insmod:", "insmod:")
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, told)


def test_a_sequence_can_be_tried(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rooted = ["--sysroot", str(root)]
    assert main([*rooted, "/msdos.ko"]) == 1
    assert capsys.readouterr().err == "insmod: ERROR: could not insert module /msdos.ko: Unknown symbol in module\n"
    assert main([*rooted, "fat.ko"]) == 0
    assert main([*rooted, "/fat.ko"]) == 1
    assert capsys.readouterr().err == "insmod: ERROR: could not insert module /fat.ko: File exists\n"
    assert main([*rooted, "/msdos.ko", "level=x"]) == 1
    assert capsys.readouterr().err == "insmod: ERROR: could not insert module /msdos.ko: Invalid parameters\n"
    assert main([*rooted, "/msdos.ko", "level=7", "", "other"]) == 0
    assert (root / "sys/module/msdos/parameters/level").read_text() == "7\n"
    assert [line.split()[0] for line in (root / "proc/modules").read_text().splitlines()] == ["msdos", "fat"]


def test_a_damaged_file_is_named_with_its_offset(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "cut.ko.xz").write_bytes(b"\xfd7zXZ\0\0\4")
    assert main(["--sysroot", str(root), "/cut.ko.xz"]) == 1
    assert capsys.readouterr().err.startswith("insmod: ERROR: could not insert module ")


@pytest.mark.parametrize(("file", "loaded"), [("/fat.ko", True), ("/nothing.ko", False)])
def test_json(root: Path, capsys: pytest.CaptureFixture[str], file: str, loaded: bool) -> None:
    assert main(["--sysroot", str(root), "--json", file, "a=1", "b=2"]) == int(not loaded)
    told = json.loads(capsys.readouterr().out)
    why = told.pop("why")
    assert told == {"v": 1, "tool": "insmod", "file": file, "options": "a=1 b=2", "loaded": loaded}
    assert (why is None) == loaded


def test_options_become_one_string(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bytes, int]] = []
    monkeypatch.setattr(
        "ringward.kmod.syscalls.finit_module", lambda _fd, options, flags: calls.append((options, flags))
    )
    for flags in ([], ["-f"], ["--force-vermagic"], ["--force-modversion"]):
        assert main([*flags, str(root / "fat.ko"), "a=1", 'b="x y"', "", "c=d e"]) == 0
    assert calls == [(b'a=1 b="x y"  c=d e', flags) for flags in (0, 3, 2, 1)]


def test_syslog_takes_the_messages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _level, text: told.append(text))
    assert main(["-s", "/nonexistent"]) == 1
    assert told == ["could not load module /nonexistent: No such file or directory"]
    assert capsys.readouterr().err == ""


FILTERED = """
import ctypes, os, struct, sys
sys.path.insert(0, sys.argv[1])
from ringward.kmod.syscalls import numbers
# ld the number; each of the three: return KILL_PROCESS; else ALLOW (linux/seccomp.h, linux/filter.h).
codes = [(0x20, 0, 0, 0)]
for number in numbers(os.uname().machine, is_64bit=True):
    codes += [(0x15, 0, 1, number), (0x06, 0, 0, 0x80000000)]
codes.append((0x06, 0, 0, 0x7FFF0000))
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in codes))
class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(codes), ctypes.addressof(code)))) == 0
from ringward.cli.dispatch import run
tool, *words = sys.argv[2:]
sys.exit(run(tool, words))
"""
"""Runs a tool in a process that the kernel kills as soon as it calls init_module, finit_module or delete_module."""


@pytest.fixture
def filtered() -> Callable[..., int]:
    source = str(Path(main.__code__.co_filename).parents[2])

    def run(*words: str) -> int:
        return subprocess.run([sys.executable, "-c", FILTERED, source, *words], check=False).returncode

    return run


def test_under_a_sysroot_the_kernel_is_never_asked(tmp_path: Path, filtered: Callable[..., int]) -> None:
    lab = Lab(tmp_path / "root")
    lab.modules({"fat": [], "msdos": ["fat"]})
    for name, needs in (("fat", ""), ("msdos", "fat")):
        build(lab.directory / "kernel", name, f"depends={needs}", *GPL)
    rooted = ("--sysroot", str(lab.root))
    file = f"/lib/modules/{VERSION}/kernel/fat.ko"
    assert filtered("insmod", *rooted, "-f", file) == 0
    assert filtered("rmmod", *rooted, "-f", "fat") == 0
    assert filtered("modprobe", *rooted, "-S", VERSION, "-f", "msdos") == 0
    assert [line.split()[0] for line in (lab.root / "proc/modules").read_text().splitlines()] == ["msdos", "fat"]
    assert filtered("rmmod", *rooted, "fat") == 1
    assert filtered("modprobe", *rooted, "-S", VERSION, "-r", "msdos") == 0
    assert (lab.root / "proc/modules").read_text() == ""


def test_without_one_it_is_asked(root: Path, filtered: Callable[..., int]) -> None:
    """The filter of the test above does catch such a call; it is made for nothing that could be loaded."""
    (root / "empty.ko").write_text("no module")
    assert filtered("insmod", str(root / "empty.ko")) == -signal.SIGSYS
    assert filtered("rmmod", "-f", "ringward_no_such_module") == -signal.SIGSYS
