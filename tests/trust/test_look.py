from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from ringward.kmod.verify import COULD_NOT_LOOK, UNSIGNED, VALID, Trusted
from ringward.trust import look as looking
from ringward.trust.entry import Kind
from ringward.trust.look import NOTHING, LookError, identity, look
from tests.kmod.signing import key
from tests.kmod.tiny_module import build
from tests.trust.system import SCRIPT, age, library, program, sha256


def test_a_programs_digests_are_those_of_the_tools() -> None:
    for path in (program(), library()):
        found, _, size = look(str(path), md5=True)
        assert found.digest == sha256(path)
        md5 = subprocess.run(["md5sum", path], capture_output=True, text=True, check=True).stdout[:32]
        assert found.md5.hex() == md5
        assert size == path.stat().st_size
        assert (found.image, found.name, found.signature) == (b"", "", "")


def test_a_file_larger_than_a_piece(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"#!/bin/sh\n" + b"#" * (2 * looking.PIECE + 1))
    path.chmod(0o700)
    assert look(str(path))[0].digest == sha256(path)


def test_without_being_asked_for_md5_there_is_none() -> None:
    assert look(str(program()))[0].md5 == b""


@pytest.mark.parametrize("tool", ["xz", "gzip", "zstd"])
def test_a_compressed_module_has_two_digests(tmp_path: Path, tool: str) -> None:
    plain = build(tmp_path, "snd-dummy")
    image = sha256(plain)
    subprocess.run([tool, "-q", plain], check=True)
    (path,) = tmp_path.glob("snd-dummy.ko.*")
    found, _, _ = look(str(path), md5=True, trusted=Trusted())
    assert found.kind is Kind.MODULE_FILE
    assert found.digest == sha256(path)
    unpacked = subprocess.run([tool, "-dc", path], capture_output=True, check=True).stdout
    assert found.image == image == hashlib.sha256(unpacked).digest()
    assert (found.name, found.signer, found.signature) == ("snd_dummy", "", UNSIGNED)
    assert found.md5 == hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()


def test_a_module_whose_name_is_no_text(tmp_path: Path) -> None:
    path = build(tmp_path, "abc")
    path.write_bytes(path.read_bytes().replace(b"name=abc", b"name=a\xff-"))
    assert look(str(path))[0].name == "a\\xff_"


def test_a_plain_module_has_one(tmp_path: Path) -> None:
    found, _, _ = look(str(build(tmp_path, "m")))
    assert found.kind is Kind.MODULE_IMAGE
    assert found.digest == found.image == sha256(tmp_path / "m.ko")


def test_a_signature_is_part_of_the_image_and_is_checked(tmp_path: Path) -> None:
    path = build(tmp_path, "m")
    one = key("owner")
    path.write_bytes(one.sign(path.read_bytes()))
    certificate = tmp_path / "owner.pem"
    certificate.write_bytes(one.pem)
    trusted = Trusted()
    trusted.add(str(certificate))
    found, _, _ = look(str(path), trusted=trusted)
    assert found.digest == sha256(path)
    said = subprocess.run(["modinfo", "-F", "sig_key", path], capture_output=True, text=True, check=True).stdout
    assert found.signer == said.strip().replace(":", "").lower() != ""
    assert found.signature == VALID
    assert look(str(path), trusted=Trusted())[0].signature == COULD_NOT_LOOK
    assert look(str(path))[0].signature == COULD_NOT_LOOK


def test_an_object_file_is_no_module_unless_it_is_named_so(tmp_path: Path) -> None:
    path = tmp_path / "x.o"
    subprocess.run(["gcc", "-c", "-x", "c", "-", "-o", path], input=b"int x;", check=True)
    assert look(str(path))[0] == NOTHING
    path = path.rename(tmp_path / "x.ko")
    with pytest.raises(LookError, match=r"no section \.modinfo"):
        look(str(path))


def test_a_damaged_module_is_not_looked_at(tmp_path: Path) -> None:
    path = build(tmp_path, "m")
    subprocess.run(["xz", path], check=True)
    path = tmp_path / "m.ko.xz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LookError, match="cut off"):
        look(str(path))


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(program())
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (
        ("link", "Too many levels"),
        ("loop", "Too many levels"),
        ("fifo", "not a regular file"),
        (".", "not a regular file"),
        ("gone", "No such file"),
    ):
        with pytest.raises(LookError, match=why):
            look(str(tmp_path / name))


def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(SCRIPT)
    path.chmod(0o111)
    user = os.geteuid()
    if not user:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(LookError, match="Permission denied"):
            look(str(path))
    finally:
        os.seteuid(user)


def test_a_file_that_changes_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#!" + bytes(looking.PIECE + 10))
    path.chmod(0o700)
    real = os.preadv
    seen = []

    def grow(fd: int, buffers: list[memoryview], at: int) -> int:
        if not at:
            seen.append(at)
            with path.open("ab") as file:
                file.write(b"x")
        return real(fd, buffers, at)

    monkeypatch.setattr(looking.os, "preadv", grow)
    with pytest.raises(LookError, match="changed while it was read, 3 times"):
        look(str(path))
    assert len(seen) == 3


def test_of_a_file_that_has_changed_once_the_later_state_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(SCRIPT)
    path.chmod(0o700)
    real = os.preadv
    changes = iter([b"#!/bin/sh\necho other\n"])

    def change(fd: int, buffers: list[memoryview], at: int) -> int:
        count = real(fd, buffers, at)
        for content in changes:
            path.write_bytes(content)
        return count

    monkeypatch.setattr(looking.os, "preadv", change)
    assert look(str(path))[0].digest == hashlib.sha256(b"#!/bin/sh\necho other\n").digest()


def test_digests_are_of_one_state_while_somebody_writes(tmp_path: Path) -> None:
    states = [b"#!" + bytes([letter]) * 3_000_000 for letter in b"ab"]
    path = tmp_path / "x"
    path.write_bytes(states[0])
    path.chmod(0o700)
    over = threading.Event()

    def write() -> None:
        for number in count(1):
            if over.wait(0.06 if number % 8 else 0.001):
                return
            path.write_bytes(states[number % 2])

    writer = threading.Thread(target=write)
    writer.start()
    answers, refusals = set(), set()
    try:
        for _ in range(30):
            try:
                found, same, size = look(str(path))
            except LookError as error:
                refusals.add(str(error))
                continue
            # What was changed a moment ago is never taken for settled.
            assert same == b""
            answers.add((found.digest, size))
    finally:
        over.set()
        writer.join()
    assert all("changed" in each for each in refusals)
    assert len(states[0]) in {size for _, size in answers}
    for digest, size in answers:
        # A file grows as it is written: what it held until then is a state of it. It is no script while it is empty.
        assert digest in ({hashlib.sha256(state[:size]).digest() for state in states} if size else {b""})


@pytest.mark.parametrize(
    ("ago", "part", "waits"),
    [
        (0, 123, 0.02),
        (5_000_000, 123, 0.015),
        (30_000_000, 123, None),
        (-1, 123, None),  # a clock was set back: what is changed from now on is older
        (30_000_000, 0, 1.99),  # a file system that keeps whole seconds
        (3_000_000_000, 0, None),
    ],
)
def test_what_was_changed_just_now_is_read_when_the_next_change_has_another_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ago: int, part: int, waits: float | None
) -> None:
    path = tmp_path / "x"
    path.write_bytes(SCRIPT)
    path.chmod(0o700)
    changed = 1_700_000_000 * 10**9 + part
    real, slept = os.fstat, list[float]()
    fields = [name for name in dir(os.stat_result) if name.startswith("st_")]

    def fstat(fd: int) -> SimpleNamespace:
        found = real(fd)
        return SimpleNamespace(**{name: getattr(found, name) for name in fields} | {"st_ctime_ns": changed})

    monkeypatch.setattr(looking.os, "fstat", fstat)
    monkeypatch.setattr(looking.time, "time_ns", lambda: changed + ago)
    monkeypatch.setattr(looking.time, "sleep", slept.append)
    found, same, _ = look(str(path))
    assert found.digest == sha256(path)
    assert slept == ([pytest.approx(waits)] if waits else [])
    assert bool(same) == (ago > looking.SETTLED)


def test_the_identity_moves_with_each_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(SCRIPT)
    path.chmod(0o700)
    age(path)
    _, first, _ = look(str(path))
    assert first == identity(path.stat())
    before = path.stat()
    path.write_bytes(SCRIPT.replace(b"one", b"two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    # Size and mtime are as before, and the user has set them so: ctime tells.
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert identity(after) != first
    assert look(str(path))[1] == b"", "it was changed just now"
