"""What only the kernel can keep out: module_blacklist= needs a boot of its own, and two switches have no way back.

See `test_lsm_without_bpf.py` for the boot. The tests that throw a switch come last of all (mark `one_way`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.kmod.blocked.answer import BLOCKED, BY_FILE, BY_NAME, CLOSED, IGNORING, KERNEL, MODPROBE, OPEN
from ringward.kmod.tree import Tree
from tests.kernel.blocked_scenes import ask, configure, gets_in, go, go_every_way, run, unload
from tests.kernel.module_scenes import CONFIG
from tests.kernel.programs import open_folder
from tests.kernel.witness import image, listed

CMDLINE = Path("/proc/cmdline").read_text().split()
ASKED = "module_blacklist=dummy,nbd-x,n-hdlc" in CMDLINE
pytestmark = [
    pytest.mark.modules,
    pytest.mark.guest,
    pytest.mark.skipif(not ASKED, reason="not booted with module_blacklist=: takes a guest of its own"),
]


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    before = set(listed())
    yield
    unload(before)
    CONFIG.unlink(missing_ok=True)


def file_of(module: str) -> str:
    line = Tree("", os.uname().release).dep(module)
    assert line is not None
    return line.path


def test_the_kernel_refuses_what_is_on_its_own_list() -> None:
    answer = ask("dummy")
    assert (answer.word, answer.by, {way.result for way in answer.ways}) == (BLOCKED, KERNEL, {CLOSED})
    assert "module_blacklist=dummy,nbd-x,n-hdlc" in answer.why
    assert answer.remedies == []
    go_every_way(answer)
    done = subprocess.run(["insmod", file_of("dummy")], capture_output=True, text=True, check=False)
    assert "Operation not permitted" in done.stderr


def test_of_two_lists_the_kernel_takes_the_last() -> None:
    assert "module_blacklist=loop" in CMDLINE
    answer = ask("loop")
    assert answer.word == OPEN
    assert [(each.text, each.why) for each in answer.useless] == [
        ("module_blacklist=loop", "the kernel takes the last list alone, 'module_blacklist=dummy,nbd-x,n-hdlc'")
    ]
    assert answer.remedies[-1].lines == ["module_blacklist=dummy,nbd-x,n-hdlc,loop"]
    go_every_way(answer)


def test_the_kernel_compares_names_as_they_stand() -> None:
    answer = ask("n_hdlc")
    assert answer.word == OPEN
    assert [each.why for each in answer.useless] == ["the kernel compares 'n-hdlc' as it stands"]
    go_every_way(answer)


def test_what_needs_a_refused_module_is_refused_too() -> None:
    configure("softdep loop pre: dummy")
    assert gets_in("loop", lambda: run(["modprobe", "loop"]))  # a softdep may fail
    assert ask("loop").word == OPEN


@pytest.fixture
def unsigned() -> Iterator[str]:
    """Put the file of a module without its signature in the place of the module's file."""
    folder = open_folder()
    copy = image("tcp_vegas", folder)
    subprocess.run(["objcopy", "--strip-debug", copy], check=True)  # cuts what is appended, too
    target = file_of("tcp_vegas")
    if target.endswith(".xz"):
        subprocess.run(["xz", "--check=crc32", copy], check=True)
        copy = Path(f"{copy}.xz")
    subprocess.run(["mount", "--bind", copy, target], check=True)
    yield "tcp_vegas"
    subprocess.run(["umount", target], check=True)


@pytest.mark.one_way
def test_an_unsigned_file_where_signatures_are_demanded(unsigned: str) -> None:
    answer = ask(unsigned)
    assert answer.word == OPEN
    go_every_way(answer)
    Path("/sys/module/module/parameters/sig_enforce").write_text("1")
    answer = ask(unsigned)
    assert (answer.word, answer.by) == (BLOCKED, KERNEL)
    assert "signature: unsigned" in answer.why
    go_every_way(answer)


@pytest.mark.one_way
def test_a_signed_file_is_loaded_all_the_same() -> None:
    assert Path("/sys/module/module/parameters/sig_enforce").read_text() == "Y\n"
    answer = ask("loop")
    assert (answer.word, {way.result for way in answer.ways if way.kind == BY_FILE}) == (OPEN, {OPEN})
    go_every_way(answer)


@pytest.mark.one_way
def test_a_kernel_that_loads_no_modules_any_more() -> None:
    configure("install loop /bin/false")
    assert (ask("loop").word, ask("loop").by) == (BLOCKED, MODPROBE)
    assert {way.kind for way in ask("loop").ways if way.result == OPEN} == {IGNORING, BY_FILE}
    Path("/proc/sys/kernel/modules_disabled").write_text("1\n")
    answer = ask("loop")
    assert (answer.word, answer.by, {way.result for way in answer.ways}) == (BLOCKED, KERNEL, {CLOSED})
    by_name = next(way for way in answer.ways if way.kind == BY_NAME)
    assert not go("loop", by_name)
    assert "modules_disabled is 1" in ask("tcp_vegas").why
    go_every_way(ask("tcp_vegas"))
