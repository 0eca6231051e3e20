# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from vmtest.errors import VmtestError
from vmtest.qemu import Machine, emulated, qemu_command, with_cached_root, with_icount, with_init

LINE = "/usr/bin/qemu-system-x86_64 -m 1G -kernel /c/vmlinuz -append 'a=1 init=/old \"b=x y\"' -initrd /r/initramfs"


def fake_virtme(folder: Path, script: str) -> str:
    tool = folder / "virtme-run"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    (folder / "vm").mkdir()
    return str(tool)


def test_our_init_is_the_last_one() -> None:
    command = ["qemu", "-append", "a=1 init=/old", "-initrd", "x"]
    assert with_init(command, Path("/r/init")) == ["qemu", "-append", "a=1 init=/old init=/r/init", "-initrd", "x"]


def test_an_emulated_processor_has_no_cmpxchg16b() -> None:
    assert emulated(["qemu", "-cpu", "max"]) == ["qemu", "-cpu", "max", "-cpu", "max,cx16=off"]


def test_the_counting_clock_changes_nothing_else() -> None:
    assert with_icount(["qemu", "-m", "1G"]) == ["qemu", "-m", "1G", "-icount", "shift=0,sleep=off"]


def test_the_command_line_is_read_back(tmp_path: Path) -> None:
    virtme = fake_virtme(
        tmp_path, f"touch {tmp_path}/vm/initramfs; echo warning; cat <<'E'\n{LINE}\nE\necho $TMPDIR >&2"
    )
    command = qemu_command(virtme, [], tmp_path)
    assert command[:3] == ["/usr/bin/qemu-system-x86_64", "-m", "1G"]
    assert command[command.index("-append") + 1] == 'a=1 init=/old "b=x y"'
    assert (tmp_path / "vm" / "qemu-command").read_text() == LINE + "\n"


def test_the_root_is_cached_and_the_archive_keeps_its_length() -> None:
    archive = b"x mount -t 9p -o ro,version=9p2000.L,trans=virtio,access=any,msize=524288 /dev/root /newroot/ y"
    cached = with_cached_root(archive)
    assert len(cached) == len(archive)
    words = b"x mount -t 9p -o ro,trans=virtio,access=any,msize=524288,cache=loose /dev/root /newroot/ y"
    assert cached.split() == words.split()
    assert with_cached_root(b"mount something else") == b"mount something else"


@pytest.mark.parametrize(
    "script", ["echo 'no such kernel' >&2; exit 1", "echo nothing useful", f"cat <<'E'\n{LINE}\nE\necho no initramfs"]
)
def test_virtme_that_fails_is_quoted(tmp_path: Path, script: str) -> None:
    with pytest.raises(VmtestError, match=r"could not prepare the guest: (no such kernel|nothing useful|no initramfs)"):
        qemu_command(fake_virtme(tmp_path, script), [], tmp_path)


def test_a_machine_and_its_children_are_ended(tmp_path: Path) -> None:
    """The stand-in for QEMU writes to its console, starts a child and ignores SIGTERM."""
    script = "trap '' TERM; echo console; echo $$ >$0; sleep 1000 & echo $! >>$0; wait"
    pids = tmp_path / "pids"
    with Machine(["sh", "-c", script, str(pids)], tmp_path / "console.log") as machine:
        end = time.monotonic() + 10
        while not (pids.exists() and len(pids.read_text().split()) == 2):
            assert time.monotonic() < end
            time.sleep(0.01)
        assert machine.poll() is None
    assert (tmp_path / "console.log").read_text() == "console\n"
    for pid in map(int, pids.read_text().split()):
        state = Path(f"/proc/{pid}/stat")
        if state.exists():  # a zombie that nobody has waited for yet
            assert state.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_the_end_of_a_machine_is_seen(tmp_path: Path) -> None:
    with Machine([sys.executable, "-c", "print('bye')"], tmp_path / "console.log") as machine:
        end = time.monotonic() + 20
        while machine.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert machine.poll() == 0
    assert (tmp_path / "console.log").read_text() == "bye" + os.linesep
