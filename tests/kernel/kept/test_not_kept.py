"""Files that can change without a hook that sees it: their digests are not kept, each start hashes them.

Where that can be done here the file is changed in that very way, so that a kept digest would be wrong.
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ringward.guard.programs import LOOK_AGAIN_NS
from ringward.sensor.clock import NS
from tests.kernel.file_systems import HASHED, MAKERS, loop_device, mounted_at, run
from tests.kernel.kept.changes import MARK, OTHER, PADDING, truncate_by_name, write
from tests.kernel.monitor import Monitor, digest_of, opened

pytestmark = pytest.mark.guest


def test_a_memfd_is_hashed_each_time(m, base):
    fd = os.memfd_create("program")
    for number in range(3):
        os.pwrite(fd, base + bytes([number]), 0)
        # The kernel starts it although it is open for writing.
        (event,) = m.start(f"/proc/self/fd/{fd}", pass_fds=(fd,))
        expected = subprocess.run(["sha256sum"], stdin=os.dup(fd), check=True, capture_output=True, text=True)
        os.lseek(fd, 0, os.SEEK_SET)
        assert event.args.how == "hashed"
        assert event.args.keeping == "no: a file in memory without a name"
        assert event.args.file.deleted
        assert event.args.digest in (expected.stdout.split()[0], digest_of(Path(f"/proc/{os.getpid()}/fd/{fd}")))
    os.close(fd)


REASONS = {
    "loop": "no: the disk is fed by a file, a process or another machine, or is not known",
    "overlay": "no: files of this file system can change unseen",
    "9p": "no: files of this file system can change unseen",
}


@pytest.mark.parametrize("kind", HASHED)
def test_where_files_can_change_unseen_each_start_hashes(m, file_systems, make, kind):
    program = make(file_systems[kind])
    for _ in range(2):
        for _ in range(2):
            (event,) = m.start(program)
            assert (event.args.digest, event.args.how) == (digest_of(program), "hashed")
            assert event.args.keeping == REASONS[kind]
        write(program)


def test_an_overlay_whose_lower_file_is_written_to(m, file_systems, base):
    where = file_systems["overlay"]
    lower, program = where.below / "lower-program", where.folder / "lower-program"
    lower.write_bytes(base.ljust(PADDING, b"\0") + MARK)
    lower.chmod(0o755)
    assert m.one(program) == "hashed"
    write(lower)
    assert OTHER in program.read_bytes()
    assert m.one(program) == "hashed"
    lower.unlink()


def test_a_real_file_that_is_written_to_through_an_overlay(m, file_systems, make):
    """The real file's digest is kept; the overlay opens that very inode, and truncates it without opening."""
    where = file_systems["overlay"]
    program = make(where)
    upper = where.below.with_name("upper") / "test" / "program"
    for change in (write, truncate_by_name):
        m.one(upper)
        assert m.one(upper) == "kept"
        before = digest_of(upper)
        change(program)
        assert digest_of(upper) != before
        assert [m.one(upper), m.one(upper)] == ["hashed", "kept"]


def replace_mark(image: Path) -> int:
    """Write over each mark in a disk or its image; return how many there were."""
    found = 0
    with image.open("r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        with mmap.mmap(file.fileno(), size) as mapped:
            at = mapped.find(MARK)
            while at >= 0:
                mapped[at : at + len(OTHER)] = OTHER
                found += 1
                at = mapped.find(MARK, at)
            mapped.flush()
    return found


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def test_a_loop_device_whose_file_is_written_to(m, file_systems, make):
    where = file_systems["loop"]
    program = make(where)
    assert m.one(program) == "hashed"
    held = program.open("rb")  # its inode stays, with whatever is kept there
    os.sync()
    assert replace_mark(where.below) > 0
    drop_caches()
    assert OTHER in program.read_bytes(), "the write has not come through: nothing is tested"
    assert m.one(program) == "hashed"
    held.close()


BTRFS_BYTES = 192 << 20
"""mkfs.btrfs makes none much smaller."""


def hashed_for_its_disk(m: Monitor, program: Path) -> None:
    (event,) = m.start(program)
    assert (event.args.digest, event.args.how) == (digest_of(program), "hashed")
    assert event.args.keeping == REASONS["loop"]


def test_btrfs_on_a_file_and_every_other_as_long_as_it_is_mounted(m, file_systems, make):
    where = file_systems["btrfs"]
    program = make(where)
    assert [m.one(program), m.one(program)] == ["hashed", "kept"]
    held = program.open("rb")  # its inode stays
    top = where.folder.parent
    with mounted_at(top / "memory", "-t", "tmpfs", "none"):
        assert m.one(program) == "kept", "a file system of another kind was mounted"
    with loop_device(top / "btrfs-image", BTRFS_BYTES) as device:
        run(*MAKERS["btrfs"], device)
        assert m.one(program) == "kept"
        # Without checksums: with them what is written below does not come through, but as an error.
        with mounted_at(top / "btrfs-loop", "-t", "btrfs", "-o", "nodatasum", device):
            other = Path(shutil.copy(program, top / "btrfs-loop"))
            for _ in range(2):
                hashed_for_its_disk(m, other)
                # At once, and then as user space has looked.
                hashed_for_its_disk(m, program)
                m.programs.refresh()
            other_held = other.open("rb")
            os.sync()
            assert replace_mark(top / "btrfs-image") > 0
            drop_caches()
            assert OTHER in other.read_bytes(), "the write has not come through: nothing is tested"
            hashed_for_its_disk(m, other)
            other_held.close()
    hashed_for_its_disk(m, program)
    m.programs.refresh()
    assert m.one(program) == "kept", "what was kept before is still true"
    held.close()


def test_a_btrfs_that_was_given_the_place_of_another(m, file_systems, make):
    """Until user space has looked nothing is known of it, though its disk and its device number are the same."""
    where = file_systems["btrfs"]
    program = make(where)
    where.remount()
    hashed_for_its_disk(m, program)
    hashed_for_its_disk(m, program)
    m.programs.refresh()
    assert [m.one(program), m.one(program)] == ["hashed", "kept"]


def test_a_btrfs_that_is_given_a_disk_that_is_a_file(file_systems, make):
    where = file_systems["btrfs"]

    def looked(m: Monitor) -> None:
        time.sleep(LOOK_AGAIN_NS / NS)
        m.programs.refresh()

    for m in opened(Monitor):
        program = make(where)
        assert [m.one(program), m.one(program)] == ["hashed", "kept"]
        with loop_device(where.folder.parent / "btrfs-image", BTRFS_BYTES) as device:
            run("btrfs", "device", "add", "-f", device, where.folder)
            looked(m)
            hashed_for_its_disk(m, program)
            run("btrfs", "device", "remove", device, where.folder)
        looked(m)
        hashed_for_its_disk(m, program)


@pytest.mark.parametrize("kind", ["ext4", "btrfs"])
def test_a_disk_that_is_written_to_below_its_file_system(file_systems, make, kind):
    where = file_systems[kind]
    for m in opened(Monitor):
        program = make(where)
        assert [m.one(program), m.one(program)] == ["hashed", "kept"]
        held = program.open("rb")
        os.sync()
        with Path("/dev/zero").open("r+b", buffering=0):
            pass
        assert m.one(program) == "kept", "any device takes it away"
        assert replace_mark(where.device) > 0
        drop_caches()
        assert OTHER in program.read_bytes(), "the write has not come through: nothing is tested"
        (event,) = m.start(program)
        assert (event.args.digest, event.args.how) == (digest_of(program), "hashed")
        assert event.args.keeping == "no: a disk under a file system was opened for writing"
        held.close()
