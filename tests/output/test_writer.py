from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from ringward.output.writer import PIECE, OutputError, Writer


def test_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    writer = Writer(fd, "out")
    writer.write(b"one\n")
    writer.lines(["two", "thr\u00e9e"])
    writer.lines([])
    os.close(fd)
    assert path.read_bytes() == "one\ntwo\nthr\u00e9e\n".encode()


def test_large_output_goes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = os.write

    def note(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return write(fd, data)

    path, data = tmp_path / "out", bytes(range(256)) * (PIECE // 256) * 2 + b"rest"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", note)
        Writer(fd, "out").write(data)
    os.close(fd)
    assert sizes == [PIECE, PIECE, 4]
    assert path.read_bytes() == data


def test_a_full_disk_is_a_clear_error() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(
            OutputError, match=r"cannot write to events\.jsonl: No space left on device; free some"
        ) as raised:
            Writer(fd, "events.jsonl").write(b"x")
    finally:
        os.close(fd)
    assert raised.value.errno == errno.ENOSPC


def test_nobody_reads() -> None:
    reader, fd = os.pipe()
    os.close(reader)
    try:
        with pytest.raises(BrokenPipeError):
            Writer(fd, "pipe").write(b"x")
    finally:
        os.close(fd)


def test_a_descriptor_that_does_not_block_loses_nothing() -> None:
    reader, fd = os.pipe()
    os.set_blocking(fd, False)
    data = bytes(range(256)) * 4096  # more than a pipe holds
    found = bytearray()

    def read() -> None:
        while part := os.read(reader, 1 << 16):
            found.extend(part)

    thread = threading.Thread(target=read)
    thread.start()
    Writer(fd, "pipe").write(data)
    os.close(fd)
    thread.join()
    os.close(reader)
    assert bytes(found) == data


def test_text_without_utf8_form_is_written_by_numbers(tmp_path: Path) -> None:
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    Writer(fd, "out").lines(["\ud800"])
    os.close(fd)
    assert path.read_bytes() == b"\\ud800\n"
