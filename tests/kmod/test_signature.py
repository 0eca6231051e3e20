from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.modinfo import image_info
from ringward.kmod.signature import MARK, Appended, hex_lines
from tests.kmod.conftest import installed
from tests.kmod.elf_builder import Module
from tests.kmod.signing import appended, by_key_id, issuer_and_serial, key, name, signed_data, signer_info

IMAGE = Module([b"license=GPL"]).build()


def read(tail: bytes) -> Appended | None:
    return image_info(IMAGE + tail).appended


def test_an_unsigned_module() -> None:
    assert read(b"") is None
    assert read(MARK[:-1]) is None
    assert read(MARK + b"x") is None


def test_what_the_kernels_build_appends() -> None:
    message = key("builder").message(IMAGE)
    found = read(appended(message))
    assert found is not None
    assert (found.kind, found.why, found.plain, found.signature) == ("PKCS#7", "", True, message)
    assert (found.offset, found.size) == (len(IMAGE), len(message) + 12 + len(MARK))
    fields = dict(found.fields())
    assert list(fields) == ["sig_id", "signer", "sig_key", "sig_hashalgo", "signature"]
    assert (fields["signer"], fields["sig_key"], fields["sig_hashalgo"]) == ("builder", "12:34", "sha256")
    assert bytes.fromhex(fields["signature"].replace(":", "")) == found.message().signers[0].signature


def test_messages_that_begin_alike_are_not_mixed_up() -> None:
    """What is known of one message is used for others that begin the same."""
    one, other = key("one"), key("two", serial=0x99)
    for _ in range(2):
        for signer, data in ((one, b"a"), (other, b"b"), (one, b"c")):
            message = signer.message(data)
            fields = dict(Appended(appended(message), 5000).fields())
            assert fields["signer"] == {one: "one", other: "two"}[signer]
            assert bytes.fromhex(fields["signature"].replace(":", "")) == message[-256:]


def test_a_signature_that_is_not_the_last_value() -> None:
    infos = [signer_info(issuer_and_serial(name(("550403", cn)), b"\1"), cn * 20) for cn in (b"a", b"b")]
    for _ in range(2):
        assert dict(Appended(appended(signed_data(*infos)), 5000).fields())["signature"] == hex_lines(b"a" * 20)
        assert dict(Appended(appended(signed_data(infos[1], infos[0])), 5000).fields())["signer"] == "b"


@pytest.mark.parametrize("size", [0, 1, 20, 21, 40, 41])
def test_hex_as_modinfo_has_it(size: int) -> None:
    data = bytes(range(0xF0 - size, 0xF0))
    text = hex_lines(data)
    assert bytes.fromhex(text.replace(":", "")) == data
    lines = text.split("\n\t\t")
    assert all(len(line) == 60 for line in lines[:-1])
    assert text == text.upper()


TAILS = {
    "no room": MARK,
    "announces more": appended(b"x", size=100_000),
    "announces most": appended(b"x", size=2**32 - 1),
    "empty": appended(b""),
    "not PKCS#7": appended(b"not PKCS#7"),
    "names the key": appended(by_key_id(key("builder"), IMAGE)),
    "unknown digest": appended(signed_data(signer_info(issuer_and_serial(name(), b"\1"), b"s", b"\x2a\x03"))),
    "no signer": appended(signed_data()),
    "cut off": appended(key("builder").message(IMAGE)[:-1]),
    "with attributes": appended(key("builder").message(IMAGE, ())),
    "name with NUL": appended(signed_data(signer_info(issuer_and_serial(name(("550403", b"a\0b")), b"\1"), b"s" * 50))),
}
for kind in range(4):
    for digest in range(11):
        TAILS[f"type {kind}, digest {digest}"] = appended(
            b"Si\xffnerkey" + b"s" * 21, bytes([digest % 3, digest, kind, 6, 3, 1, 2, 3]), 21
        )
for size in (0, 1, 20, 21):
    TAILS[f"of {size} bytes"] = appended(b"S" + b"k" * size + b"s" * size, bytes([1, 4, 1, 1, size, 0, 0, 0]), size)


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_kmod_prints_the_same(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(IMAGE + tail)
    theirs = subprocess.run([installed("modinfo"), "-0", str(path)], capture_output=True, check=True).stdout
    found = read(tail)
    assert found is not None
    ours = b"".join(f"{key}={value}\0".encode(errors="surrogateescape") for key, value in found.fields())
    assert theirs == b"filename:       %s\0license=GPL\0" % str(path).encode() + ours


@pytest.mark.parametrize("tail", ["no room", "announces more", "announces most", "empty"])
def test_why_it_cannot_be_used(tail: str) -> None:
    found = read(TAILS[tail])
    assert found is not None
    assert found.why
    assert found.fields() == []


def test_a_signature_larger_than_any() -> None:
    found = read(appended(b"\x30\0" * (1 << 19) + b"x"))
    assert found is not None
    assert (found.why, found.fields()) == ("a signature of 1048577 bytes is larger than any", [])


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1), st.integers(0, 80))
@settings(max_examples=1500, deadline=None)
def test_any_bytes_behind_the_image(data: bytes, big: int, small: int) -> None:
    for size in (big, small):
        found = read(data + struct.pack(">I", size) + MARK)
        assert found is not None
        assert 0 <= found.offset <= len(IMAGE) + len(data) + 4
        assert found.why or len(found.signer) + len(found.key_id) + len(found.signature) + 12 + len(MARK) == found.size
        found.fields()
