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
    [("a b", '"a b"'), ("100%", '"100%%"'), ("$HOME", '"$HOME"'), ('a"\\', '"a\\"\\\\"'), ("", '""')],
)
def test_words_as_systemd_reads_them(word: str, found: str) -> None:
    assert unit.quoted(word) == found


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\0b"])
def test_what_a_unit_cannot_have(word: str) -> None:
    with pytest.raises(ValueError, match="cannot have"):
        unit.quoted(word)


FSTAB = """\
# /dev/sda9 /opt ext4 defaults 0 0
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 /usr ext4 defaults 0 2
UUID=3 /var/ ext4 defaults 0 2
UUID=4 /boot/efi vfat umask=0077 0 1
UUID=5 none swap sw 0 0
UUID=6 /a\\040b xfs noauto 0 0
bad
"""


def test_file_systems_that_must_be_mounted_before() -> None:
    assert unit.own_mounts(FSTAB, ["/usr/bin/python3", "/etc/ringward", "/opt/x", "/variant", "/boot"]) == []
    assert unit.own_mounts(FSTAB, ["/usr", "/var/lib/ringward/trust.db"]) == ["/var"]
    assert unit.own_mounts(FSTAB, ["/a b/trust.db", "/var"]) == ["/a b", "/var"]
    assert unit.own_mounts("", ["/var"]) == []
    assert unit.own_mounts("/dev/sda //var//lib ext4", ["/var/lib/ringward"]) == ["/var/lib"]


def orders(text: str) -> dict[str, list[str]]:
    """Return the units and paths that a unit names, by the directive."""
    lines = (line.partition("=") for line in text.splitlines())
    return {key: value.split() for key, _, value in lines if key in ("After", "Before", "RequiresMountsFor")}


def test_it_never_waits_for_what_waits_for_it() -> None:
    """Local-fs.target waits for the devices of fstab, and those for systemd-udev-trigger.service."""
    early, late = orders(unit.text(["/x"], ["/var/$x"])), orders(unit.text(["/x"], ["/var/x"], ["/var"]))
    assert early["RequiresMountsFor"] == ['"/sys/fs/bpf"', '"/var/$x"']
    assert "local-fs.target" not in early["After"] + late["After"]
    assert set(early["Before"]) - set(late["Before"]) == {
        "systemd-udev-trigger.service",
        "systemd-modules-load.service",
    }
    assert "sysinit.target" in late["Before"]


def test_its_sections() -> None:
    found = unit.text(["/usr/bin/ringward", "guard", "--mode", "$monitor"])
    assert [line for line in found.splitlines() if line.startswith("[")] == ["[Unit]", "[Service]", "[Install]"]
    assert '\nExecStart="/usr/bin/ringward" "guard" "--mode" "$$monitor"\n' in found
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


@pytest.mark.parametrize("mounts", [[], ["/a b"]])
def test_systemd_finds_nothing_wrong(tmp_path: Path, mounts: list[str]) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd-analyze is not installed: what systemd says of the unit is not known")
    file = tmp_path / "ringward-guard.service"
    file.write_text(unit.text(["/bin/true", "50%", "$x"], ["/a b/50%", "/$x"], mounts))
    done = subprocess.run([verify, "verify", "--man=no", file], check=False, capture_output=True, text=True)
    assert "ringward-guard.service" not in done.stderr
