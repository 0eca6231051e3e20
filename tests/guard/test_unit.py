from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from ringward.guard import unit


@pytest.mark.parametrize(
    ("word", "found"),
    [("a b", '"a b"'), ("100%", '"100%%"'), ("$HOME", '"$$HOME"'), ('a"\\', '"a\\"\\\\"'), ("", '""')],
)
def test_words_as_systemd_reads_them(word: str, found: str) -> None:
    assert unit.quoted(word) == found


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\0b"])
def test_what_a_unit_cannot_have(word: str) -> None:
    with pytest.raises(ValueError, match="cannot have"):
        unit.quoted(word)


def test_its_sections() -> None:
    found = unit.text(["/usr/bin/ringward", "guard", "--mode", "monitor"])
    assert [line for line in found.splitlines() if line.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
    assert '\nExecStart="/usr/bin/ringward" "guard" "--mode" "monitor"\n' in found
    assert "\nConditionKernelCommandLine=!ringward.guard=off\n" in found


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_that_it_decides(tmp_path: Path, abstract: bool) -> None:
    name = f"{tmp_path.name}-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listens:
        listens.bind(f"\0{name}" if abstract else name)
        unit.tell_ready({"NOTIFY_SOCKET": f"@{name}" if abstract else name})
        listens.settimeout(10)
        assert listens.recv(64) == b"READY=1"
    unit.tell_ready({})
    with pytest.raises(OSError, match=r"refused|No such file"):
        unit.tell_ready({"NOTIFY_SOCKET": name})


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed: what systemd says of the unit is not known")
    file = tmp_path / "ringward-guard.service"
    file.write_text(unit.text(["/bin/true", "50%", "$x"]))
    done = subprocess.run([verify, "verify", "--man=no", file], check=False, capture_output=True, text=True)
    assert "ringward-guard.service" not in done.stderr
