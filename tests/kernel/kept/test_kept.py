"""The digest of a file that has not changed is computed once; whoever tries to have an old one taken for it fails.

Each change is made to a file whose digest has just been kept. The second witness is OpenSSL.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kernel.file_systems import KEPT, run
from tests.kernel.kept import changes
from tests.kernel.kept.changes import MARK, OTHER, PADDING, write
from tests.kernel.monitor import Monitor, digest_of, opened

pytestmark = pytest.mark.guest

FICLONE = 0x40049409  # include/uapi/linux/fs.h
CHANGES = (
    changes.write,
    changes.write_and_set_the_time_back,
    changes.write_through_a_shared_mapping,
    changes.truncate_by_name,
    changes.truncate_by_descriptor,
    changes.write_anew,
    changes.rename_another_over_it,
    changes.write_through_a_hard_link,
    changes.punch_a_hole,
)

TRIES = 4


def hashed_then_kept(m: Monitor, first: Path, then: Path | None = None) -> None:
    """Start a program, then it again, or its other name: until its digest is kept.

    xfs makes i_version another one too when it writes back what was written: it is hashed once more then.
    """
    assert m.one(first) == "hashed"
    found = (m.one(then or first) for _ in range(TRIES))
    assert "kept" in found


every_kept = pytest.mark.parametrize("kind", KEPT)


@every_kept
def test_an_unchanged_file_is_hashed_once(m, file_systems, make, kind):
    program = make(file_systems[kind])
    before = m.programs.counts()
    events = [m.start(program)[0] for _ in range(6)]
    after = m.programs.counts()
    assert [e.args.how for e in events] == ["hashed", *["kept"] * 5]
    assert {e.args.digest for e in events} == {digest_of(program)}
    assert {e.args.keeping for e in events} == {"yes"}
    assert (after.hashed - before.hashed, after.kept - before.kept) == (1, 5)


@every_kept
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_hashed_again(m, file_systems, make, kind, change):
    program = make(file_systems[kind])
    hashed_then_kept(m, program)
    before = digest_of(program)
    change(program)
    assert digest_of(program) != before
    hashed_then_kept(m, program)


def test_blocks_shared_with_another_file(m, file_systems, make):
    program = make(file_systems["xfs"])
    hashed_then_kept(m, program)
    other = program.with_name("other")
    other.write_bytes(program.read_bytes().replace(MARK, OTHER))
    with program.open("r+b") as to, other.open("rb") as source:
        fcntl.ioctl(to, FICLONE, source.fileno())
    assert program.read_bytes() == other.read_bytes()
    hashed_then_kept(m, program)


@every_kept
def test_many_writes_within_one_tick_of_the_clock(m, file_systems, make, kind):
    program = make(file_systems[kind])
    times = set()
    for number in range(30):
        with program.open("r+b") as file:
            file.seek(PADDING)
            file.write(number.to_bytes(len(MARK)))
        times.add(program.stat().st_ctime_ns)
        hashed_then_kept(m, program)
    assert len(times) <= 30


@every_kept
def test_names_links_and_mounts_lead_to_one_digest(m, file_systems, make, kind):
    program = make(file_systems[kind])
    bound, link = program.with_name("bound"), program.with_name("link")
    bound.touch()
    assert m.one(program) == "hashed"
    run("mount", "--bind", program, bound)
    try:
        assert [m.one(bound), m.one(program)] == ["kept", "kept"]
        write(bound)
        hashed_then_kept(m, program, bound)
    finally:
        run("umount", bound)
    link.hardlink_to(program)
    # A link more changes ctime; that is no proof of a change, and not taken for its absence either.
    hashed_then_kept(m, link, program)
    link.rename(program.with_name("renamed"))
    m.one(program)
    assert "kept" in (m.one(program.with_name("renamed")) for _ in range(TRIES))


@every_kept
def test_a_file_mounted_over_it(m, file_systems, make, kind):
    program = make(file_systems[kind])
    other = program.with_name("other")
    shutil.copy(program, other)
    write(other)
    os.sync()  # what xfs writes back later counts as a change
    assert [m.one(program), m.one(other)] == ["hashed", "hashed"]
    first = digest_of(program)
    run("mount", "--bind", other, program)
    try:
        assert digest_of(program) != first
        assert m.one(program) == "kept"
    finally:
        run("umount", program)
    assert digest_of(program) == first
    assert m.one(program) == "kept"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_file_system_mounted_again(m, file_systems, make, kind):
    where = file_systems[kind]
    program = make(where)
    hashed_then_kept(m, program)
    where.remount()
    m.programs.refresh()
    hashed_then_kept(m, program)
    run("mount", "-o", "remount,ro", where.folder)
    run("mount", "-o", "remount,rw", where.folder)
    assert m.one(program) == "kept"


@every_kept
def test_a_deleted_file(m, file_systems, make, kind):
    program = make(file_systems[kind])
    digest = digest_of(program)
    assert m.one(program) == "hashed"
    fd = os.open(program, os.O_RDONLY)
    try:
        shutil.copy(program, program.with_name("other"))
        program.unlink()
        (event,) = m.start(f"/proc/self/fd/{fd}", pass_fds=(fd,))
        # Its link count, and so its ctime, is another.
        assert (event.args.digest, event.args.how, event.args.file.deleted) == (digest, "hashed", True)
        later = [m.start(f"/proc/self/fd/{fd}", pass_fds=(fd,))[0].args for _ in range(TRIES)]
        assert {args.digest for args in later} == {digest}
        assert "kept" in {args.how for args in later}
    finally:
        os.close(fd)


@every_kept
def test_nobody_can_write_while_it_is_started(file_systems, make, kind):
    """What keeping relies on: as long as a writer is left, open or mapped, the kernel starts nothing."""
    program = make(file_systems[kind])
    with program.open("r+b") as file:
        with pytest.raises(OSError, match="Text file busy"):
            subprocess.run([program], check=True)
        mapped = mmap.mmap(file.fileno(), 0)
    with mapped, pytest.raises(OSError, match="Text file busy") as caught:
        subprocess.run([program], check=True)
    assert caught.value.errno == errno.ETXTBSY
    subprocess.run([program], check=True)


@every_kept
def test_scripts_are_kept_as_programs_are(m, file_systems, make, kind):
    program = make(file_systems[kind])
    script = program.with_name("script")
    script.write_text(f"#!{program}\n")
    script.chmod(0o755)
    rounds = [[(e.args.role, e.args.how) for e in m.start(script, count=2)] for _ in range(1 + TRIES)]
    assert rounds[0] == [("script", "hashed"), ("interpreter", "hashed")]
    assert [("script", "kept"), ("interpreter", "kept")] in rounds[1:]
    with script.open("a") as file:
        file.write("# more\n")
    first, second = (e.args for e in m.start(script, count=2))
    assert (first.how, second.how) == ("hashed", "kept")
    assert (first.digest, second.digest) == (digest_of(script), digest_of(program))


def test_nothing_that_an_earlier_guard_has_kept_is_used(file_systems, make):
    program = make(file_systems["tmpfs"])
    for m in opened(Monitor):
        hashed_then_kept(m, program)
    for m in opened(Monitor):
        hashed_then_kept(m, program)


def test_starts_at_once_agree(m, file_systems, make):
    program = make(file_systems["ext4"])
    for number in range(5):
        processes = [subprocess.Popen([program]) for _ in range(8)]
        events = [m.of(process.pid)[0] for process in processes]
        for process in processes:
            process.wait()
        assert {e.args.digest for e in events} == {digest_of(program)}
        program.write_bytes(program.read_bytes() + bytes([number]))
