"""Whether a file that runs is the one that was asked for: links followed as the process would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import Difference, FileId
from ringward.sensor.exec_path import KEPT, MOST_LINKS, ExecPaths, resolve, walk

GONE = 2**22 + 1


def process(pid: int = GONE, mnt: int | None = None) -> Any:
    """Return what is looked at of a process."""
    own = Path("/proc/self/ns/mnt").stat().st_ino
    return SimpleNamespace(pid=pid, namespaces={"mnt": own if mnt is None else mnt})


def args(
    asked: str | None, exe: str | None, inode: int = 7, *, cwd: str | None = "/", root: str = "/", deleted: bool = False
) -> Any:
    return SimpleNamespace(interpreter=asked, exe=FileId(exe, "8:1", inode, 0, deleted), cwd=cwd, root=root)


class Lead:
    """Says where paths lead, and counts how often it was asked."""

    def __init__(self, **leads: str | None) -> None:
        self.leads = leads
        self.asked: list[str] = []

    def __call__(self, _process: Any, path: str, _cwd: str | None, _root: str | None) -> str | None:
        self.asked.append(path)
        return self.leads.get(path.strip("/"))


def test_the_path_itself_needs_no_look() -> None:
    lead = Lead()
    assert ExecPaths(lead).difference(args("/bin/x", "/bin/x"), process()) == (None, None)
    assert ExecPaths(lead).difference(args("/dev/fd/3", "/bin/x"), process()) == (None, None)
    assert lead.asked == []


@pytest.mark.parametrize(
    ("asked", "cwd", "exe"),
    [
        ("./x", "/bin", "/bin/x"),
        ("x", "/bin", "/bin/x"),
        ("sub/x", "/a b", "/a b/sub/x"),
        ("./x", "/", "/x"),
        ("é", "/ü", "/ü/é"),
    ],
)
def test_a_path_below_the_working_directory_needs_no_look(asked: str, cwd: str, exe: str) -> None:
    lead = Lead()
    assert ExecPaths(lead).difference(args(asked, exe, cwd=cwd), process()) == (None, None)
    assert lead.asked == []


@pytest.mark.parametrize(
    ("asked", "cwd", "exe"),
    [
        ("./\\xf0", "/x", "/x/\\xf0"),  # maybe a byte, maybe this text
        ("../x", "/bin", "/x"),
        ("./sub/../x", "/bin", "/bin/x"),
        (".//x", "/bin", "/bin/x"),
        ("././x", "/bin", "/bin/x"),
        ("./x", "/bi", "/bin/x"),
        ("/x", "/bin", "/bin/x"),
        ("", "/bin", "/bin"),
        ("x", None, "/x"),
    ],
)
def test_any_other_path_is_looked_at(asked: str, cwd: str | None, exe: str) -> None:
    lead = Lead()
    ExecPaths(lead).difference(args(asked, exe, cwd=cwd), process())
    assert lead.asked == [asked]


@pytest.mark.parametrize(
    "what",
    [
        args(None, "/bin/x"),
        args("/bin/y", None),
        args("/bin/y", "/bin/x", deleted=True),
        SimpleNamespace(interpreter="/bin/y", exe=None, cwd="/", root="/"),
    ],
)
def test_what_was_not_read_is_not_compared(what: Any) -> None:
    lead = Lead()
    assert ExecPaths(lead).difference(what, process()) == (None, None)
    assert lead.asked == []


def test_a_link_explains_and_is_remembered() -> None:
    lead = Lead(x="/bin/y")
    paths = ExecPaths(lead)
    for _ in range(3):
        assert paths.difference(args("/x", "/bin/y"), process()) == (None, None)
    assert lead.asked == ["/x"]
    # Another file of that name, another root, another folder: looked at anew.
    paths.difference(args("/x", "/bin/y", inode=8), process())
    paths.difference(args("/x", "/bin/y"), process(mnt=5))
    paths.difference(args("/x", "/bin/y", root="/srv"), process())
    assert len(lead.asked) == 4
    # From another folder: it is the same path, unless it is written from there.
    paths.difference(args("/x", "/bin/y", cwd="/tmp"), process())
    assert len(lead.asked) == 4
    for cwd in ("/", "/tmp", "/tmp", "/"):
        paths.difference(args("x", "/bin/y", cwd=cwd), process())
    assert len(lead.asked) == 6


def test_what_links_do_not_explain_is_a_difference_each_time() -> None:
    lead = Lead(x="/bin/z")
    paths = ExecPaths(lead)
    for _ in range(2):
        assert paths.difference(args("/x", "/bin/y"), process()) == (Difference("exe", "/x", "/bin/y"), None)
    assert len(lead.asked) == 2


def test_what_leads_nowhere_has_a_reason_and_is_no_difference() -> None:
    difference, reason = ExecPaths(Lead()).difference(args("/x", "/bin/y"), process())
    assert difference is None
    assert reason is not None
    assert "could not be followed" in reason


def test_what_is_remembered_is_bounded() -> None:
    lead = Lead(**{f"p{n}": "/bin/y" for n in range(KEPT + 50)})
    paths = ExecPaths(lead)
    for n in range(KEPT + 50):
        assert paths.difference(args(f"/p{n}", "/bin/y"), process()) == (None, None)
    assert len(paths.explained) <= KEPT + 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with the links of a small distribution, one that leads out, and one in a circle."""
    for folder in ("usr/bin", "etc/alternatives", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/bin/busybox").touch()
    links = {
        "bin": "usr/bin",
        "usr/bin/sh": "/bin/busybox",
        "usr/bin/vi": "../../etc/alternatives/vi",
        "etc/alternatives/vi": "/usr/bin/busybox",
        "usr/bin/up": "../../../../../../usr/bin/busybox",
        "usr/bin/loop": "loop",
        "usr/bin/dangling": "/nothing",
        "usr/bin/dot": "./busybox",
        "proc/self": str(os.getpid()),
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/bin/sh", "/usr/bin/busybox"),
        ("/bin/vi", "/usr/bin/busybox"),
        ("/usr/bin/up", "/usr/bin/busybox"),
        ("/bin/dot", "/usr/bin/busybox"),
        ("//usr/./bin/../bin//busybox", "/usr/bin/busybox"),
        ("/../../usr/bin/busybox", "/usr/bin/busybox"),
        ("/", "/"),
        ("/bin/loop", None),
        ("/bin/dangling", None),
        ("/bin/none", None),
        ("/usr/bin/busybox/x", None),
        ("/proc/self/exe", None),
    ],
)
def test_links_are_taken_within_a_root(root: Path, path: str, led: str | None) -> None:
    assert walk(str(root), path) == led


def test_no_more_links_are_followed_than_the_kernel_does(tmp_path: Path) -> None:
    (tmp_path / "l0").touch()
    for n in range(1, MOST_LINKS + 2):
        (tmp_path / f"l{n}").symlink_to(f"l{n - 1}")
    for n in (MOST_LINKS, MOST_LINKS + 1):
        try:
            (tmp_path / f"l{n}").stat()
            kernel = True
        except OSError:
            kernel = False
        assert (walk(str(tmp_path), f"/l{n}") is not None) == kernel


@given(st.lists(st.sampled_from(["bin", "usr", "sh", "..", ".", "", "busybox", "vi", "up", "\n"]), max_size=6))
def test_in_the_own_root_it_agrees_with_realpath(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    try:
        expected: str | None = os.path.realpath(path, strict=True)
    except OSError:
        expected = None
    assert walk("", path) == expected


def test_a_process_of_this_root_that_has_ended() -> None:
    assert resolve(process(), "/proc/1/../../bin/sh", None, "/") == os.path.realpath("/bin/sh")
    assert resolve(process(), "sh", "/bin", "/") == os.path.realpath("/bin/sh")
    assert resolve(process(), "sh", None, "/") is None


def test_one_that_had_a_root_of_its_own_and_has_ended(root: Path) -> None:
    assert resolve(process(), "/bin/sh", None, str(root)) == f"{root}/usr/bin/busybox"
    assert resolve(process(), "sh", f"{root}/usr/bin", str(root)) == f"{root}/usr/bin/busybox"
    assert resolve(process(), "sh", "/usr/bin", str(root)) is None  # its folder was not below its root


def test_what_has_ended_and_had_another_mount_namespace_cannot_be_looked_up() -> None:
    assert resolve(process(mnt=1), "/bin/sh", None, "/") is None


def test_without_a_root_in_the_record_the_process_is_asked() -> None:
    assert resolve(process(os.getpid()), sys.executable, None, None) == os.path.realpath(sys.executable)
    assert resolve(process(), sys.executable, None, None) is None


CHILD = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
how, root = sys.argv[1:]
if how == "unshare":
    assert libc.unshare(0x20000) == 0  # CLONE_NEWNS
    assert libc.mount(b"none", b"/", None, 0x44000, None) == 0  # MS_REC | MS_PRIVATE
    assert libc.mount(root.encode(), root.encode(), None, 0x1000, None) == 0  # MS_BIND
    os.chdir(root)
    assert libc.syscall(155, b".", b".") == 0  # pivot_root
    assert libc.umount2(b".", 2) == 0  # MNT_DETACH
else:
    os.chroot(root)
os.chdir("/")
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["chroot", "unshare"])
def test_a_process_with_another_root(root: Path, how: str) -> None:
    """A container's links lead within the container, whatever the same path is outside."""
    if os.geteuid() != 0:
        pytest.skip("needs CAP_SYS_CHROOT and CAP_SYS_ADMIN: not root")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, how, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"\n", child.stderr.read().decode()
        mnt = Path(f"/proc/{child.pid}/ns/mnt").stat().st_ino
        before = str(root) if how == "chroot" else ""
        there = process(child.pid, mnt)
        told = before or "/"
        assert resolve(there, "/bin/sh", None, told) == f"{before}/usr/bin/busybox"
        assert resolve(there, "sh", f"{before}/usr/bin", told) == f"{before}/usr/bin/busybox"
        assert resolve(there, "/bin/none", None, told) is None
        # Of a process that has ended meanwhile, the number belongs to nobody that may be asked.
        assert resolve(process(child.pid, mnt + 1), "/bin/sh", None, told) is None
    finally:
        child.communicate()
    if how == "unshare":
        assert resolve(there, "/bin/sh", None, told) is None


def test_looking_costs_little() -> None:
    start = time.process_time()
    for _ in range(200):
        resolve(process(os.getpid()), "/bin/sh", None, "/")
    assert time.process_time() - start < 2
