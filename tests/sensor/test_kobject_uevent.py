"""The kernel's uevents: the parser on any bytes, and modules made of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringward.sensor.kobject_uevent import module_name, parse, read_module

ADD = b"add@/module/dummy\0ACTION=add\0DEVPATH=/module/dummy\0SUBSYSTEM=module\0SEQNUM=4711\0"
UNICAST = b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0\x28\0\0\0\x10\0\0\0ACTION=add\0"


def message(action: str = "add", devpath: str = "/module/dummy", **more: str) -> bytes:
    values = {"ACTION": action, "DEVPATH": devpath, "SUBSYSTEM": "module", "SEQNUM": "7", **more}
    return b"\0".join([f"{action}@{devpath}".encode(), *(f"{k}={v}".encode() for k, v in values.items())]) + b"\0"


def test_a_module_is_named() -> None:
    found = parse(ADD)
    assert found is not None
    assert (found.action, found.devpath, found.subsystem, found.seqnum) == ("add", "/module/dummy", "module", 4711)
    assert module_name(found) == "dummy"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"add",
        b"@/module/x\0",
        b"add@module/x\0ACTION=add\0DEVPATH=module/x\0",
        ADD[:-1],
        ADD[:40],
        UNICAST,
        b"add@/module/a\0ACTION=add\0DEVPATH=/module/b\0SUBSYSTEM=module\0",
        b"add@/module/a\0ACTION=remove\0DEVPATH=/module/a\0SUBSYSTEM=module\0",
        b"add@/module/a\0ACTION=add\0DEVPATH=/module/a\0nonsense\0",
    ],
)
def test_what_is_no_message_of_the_kernel_is_none(data: bytes) -> None:
    assert parse(data) is None


@pytest.mark.parametrize(
    "data",
    [
        message(SUBSYSTEM="pci"),
        message(devpath="/module/dummy/drivers/x"),
        message(devpath="/devices/module/dummy"),
        message(devpath="/module/.."),
        message(devpath="/module/"),
        message(action="change"),
        message(SYNTH_UUID="0"),
    ],
)
def test_what_is_not_a_load_or_unload_names_no_module(data: bytes) -> None:
    found = parse(data)
    assert found is not None
    assert module_name(found) is None


def test_seqnum_that_is_no_number_is_none() -> None:
    for text in ("", "-1", "1e3", "٣", "9" * 21):
        found = parse(message(SEQNUM=text))
        assert found is not None
        assert found.seqnum is None


@given(st.binary(max_size=4096))
@example(ADD)
@example(b"a@/" + b"\xff" * 2000 + b"\0")
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    found = parse(data)
    if found is not None:
        assert data.startswith(f"{found.action}@".encode()[:1]) or not found.action.isascii()
        name = module_name(found)
        assert name is None or ("/" not in name and name not in ("", ".", ".."))


@given(st.integers(0, len(ADD) - 1), st.integers(0, 255))
def test_a_changed_byte_never_crashes(at: int, value: int) -> None:
    data = ADD[:at] + bytes([value]) + ADD[at + 1 :]
    found = parse(data)
    if found is not None and module_name(found) == "dummy" and data != ADD:
        # Only the number, which comes last, can change without changing what it says.
        assert at >= ADD.index(b"SEQNUM") - 1


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    )
)
def test_properties_come_back(more: dict[str, str]) -> None:
    more = {k: v for k, v in more.items() if k not in ("ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM", "SYNTH_UUID")}
    data = message() + b"".join(f"{k}={v}".encode() + b"\0" for k, v in more.items())
    found = parse(data)
    assert found is not None
    assert {k: v for k, v in found.properties.items() if k in more} == more


def make_module(root: Path, **files: str) -> None:
    (root / "dummy" / "holders").mkdir(parents=True)
    for name, text in files.items():
        (root / "dummy" / name).write_text(text + "\n")


def test_what_sysfs_gives_of_a_module(tmp_path: Path) -> None:
    make_module(tmp_path, version="1.2", srcversion="ABC", taint="OE", coresize="16384")
    for used in ("fat", "psnap"):
        (tmp_path / used / "holders" / "dummy").mkdir(parents=True)
    found = read_module("dummy", tmp_path)
    assert found.values == {
        "version": "1.2",
        "srcversion": "ABC",
        "taints": ("O", "E"),
        "size": 16384,
        "uses": ("fat", "psnap"),
    }
    assert found.unread == {}


def test_what_sysfs_does_not_give_has_a_reason(tmp_path: Path) -> None:
    make_module(tmp_path, taint="", coresize="many")
    found = read_module("dummy", tmp_path)
    assert found.values == {"version": None, "srcversion": None, "taints": (), "size": None, "uses": ()}
    assert set(found.unread) == {"version", "srcversion", "size"}
    gone = read_module("nothing", tmp_path)
    assert set(gone.unread) == set(gone.values) == {"version", "srcversion", "taints", "size", "uses"}
    assert all(value is None for value in gone.values.values())
