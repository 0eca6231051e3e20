"""native/files as Python has it: beside os.scandir, where it fails, and watched for leaks."""

from __future__ import annotations

import errno
import gc
import os
import sys
import threading
from pathlib import Path

import pytest

from ringward.trust import _files
from ringward.trust.look import identity


def test_a_directory_as_os_scandir_has_it() -> None:
    for folder in ("/usr/bin", "/etc", "/dev", "/usr/share/zoneinfo"):
        folders, files, faults = _files.scan(folder)
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat(follow_symlinks=False), entry) for entry in entries]
        assert sorted(folders) == sorted(
            (name, status.st_dev, status.st_ino) for name, status, entry in found if entry.is_dir(follow_symlinks=False)
        )
        assert sorted(files) == sorted(
            (name, identity(status), status.st_size, status.st_ctime_ns)
            for name, status, entry in found
            if entry.is_file(follow_symlinks=False)
        )
        assert faults == []


def test_how_files_begin(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "short").write_bytes(b"\x7fEL")
    (tmp_path / "long").write_bytes(b"#!/bin/sh\n" * 10)
    (tmp_path / "\udcff").write_bytes(b"odd")
    (tmp_path / "link").symlink_to("long")
    os.mkfifo(tmp_path / "fifo")
    names = ["empty", "short", "long", "\udcff", "link", "gone", "."]
    assert _files.heads(str(tmp_path), names) == [
        b"",
        b"\x7fEL",
        b"#!/bin/s",
        b"odd",
        errno.ELOOP,
        errno.ENOENT,
        errno.EISDIR,
    ]
    # Nobody writes to it: it is not waited for.
    assert _files.heads(str(tmp_path), ["fifo"]) == [errno.ESPIPE]
    assert _files.heads(str(tmp_path), []) == []


def test_what_cannot_be_looked_at(tmp_path: Path) -> None:
    for call in (_files.scan, lambda path: _files.heads(path, ["x"])):
        with pytest.raises(FileNotFoundError, match="gone"):
            call(str(tmp_path / "gone"))
        with pytest.raises(NotADirectoryError):
            call("/etc/passwd")
        with pytest.raises(ValueError, match="null"):
            call("a\0b")
    with pytest.raises(TypeError):
        _files.heads("/", [1])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        _files.heads("/", ("etc",))  # type: ignore[arg-type]


def test_other_threads_go_on(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / str(number)).touch()
    _, files, _ = _files.scan(str(tmp_path))
    names = [name for name, *_ in files]
    assert len(names) == 2000
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # no thread is made to wait for another
    try:
        ran = threading.Event()
        thread = threading.Thread(target=ran.set)
        thread.start()
        while not ran.is_set():
            _files.heads(str(tmp_path), names)
        thread.join()
    finally:
        sys.setswitchinterval(interval)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "x").write_bytes(b"#!/bin/sh")

    def all_of_it() -> None:
        _files.scan(str(tmp_path))
        _files.heads(str(tmp_path), ["x", "gone"])
        for path in ("gone", "x"):
            with pytest.raises(OSError, match=path):
                _files.scan(str(tmp_path / path))
            with pytest.raises(OSError, match=path):
                _files.heads(str(tmp_path / path), ["x"])
        gc.collect()

    all_of_it()
    all_of_it()
    blocks, descriptors = sys.getallocatedblocks(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(40):
        all_of_it()
    assert sys.getallocatedblocks() - blocks < 40
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
