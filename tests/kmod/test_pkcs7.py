from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.der import DerError
from ringward.kmod.pkcs7 import Message, Signer
from tests.kmod import signing
from tests.kmod.signing import PLAIN, by_key_id, der, issuer_and_serial, key, signed_data, signer_info

COMMON, ORGANISATION, UNIT = "550403", "55040a", "55040b"


def one(issuer: bytes, serial: bytes = b"\1", digest: str = "608648016503040201") -> Signer:
    info = signer_info(issuer_and_serial(issuer, serial), b"sig", bytes.fromhex(digest))
    (found,) = Message(signed_data(info)).signers
    return found


def test_a_message_of_the_kernels_build() -> None:
    message = Message(key("builder").message(b"data"))
    assert (message.of_data, message.detached, message.certificates) == (True, True, [])
    (signer,) = message.signers
    assert (signer.name(), signer.magnitude(), signer.hash_name) == ("builder", b"\x12\x34", "sha256")
    assert (signer.key_id, signer.attributes, len(signer.signature)) == (b"", b"", 256)


def test_what_it_may_have_besides() -> None:
    full = Message(key("builder").message(b"data", (pkcs7.PKCS7Options.Binary,), key("other")))
    assert not full.detached
    assert sorted(full.certificates) == sorted([key("builder").der, key("other").der])
    assert full.signers[0].attributes[0] == 0xA0
    assert Message(by_key_id(key("builder"), b"data")).signers[0].key_id == key("builder").key_id
    assert not Message(signed_data(data_type=b"\x2a\x03")).of_data
    assert Message(signed_data()).signers == []
    assert len(Message(key("builder").message(b"x") + b"junk").signers) == 1


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([(ORGANISATION, b"Org"), (COMMON, b"One"), (COMMON, b"Two")], "One"),
        ([(ORGANISATION, b"Org"), (UNIT, b"Unit")], "Unit"),
        ([(COMMON, "Größe".encode()), (UNIT, b"Unit")], "Größe"),
        ([(COMMON, b"\xff")], "\udcff"),
        ([], ""),
    ],
)
def test_the_name_that_kmod_prints(pairs: list[tuple[str, bytes]], text: str) -> None:
    assert one(signing.name(*pairs)).name() == text


@pytest.mark.parametrize(
    ("serial", "magnitude"), [(b"\0", b""), (b"\xfb", b"\5"), (b"\0\xff\xee", b"\xff\xee"), (b"\x12\x34", b"\x12\x34")]
)
def test_serial_numbers_have_no_sign(serial: bytes, magnitude: bytes) -> None:
    assert one(signing.name(), serial).magnitude() == magnitude


def test_a_digest_without_a_name() -> None:
    assert one(signing.name(), digest="2a03").hash_name == "2a03"
    assert one(signing.name(), digest="608648016503040208").hash_name == "sha3-256"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the message is missing"),
        (b"hello world", "the message"),
        (der(0x30, der(6, b"\x2a\x03")), "not signed data"),
        (signed_data(der(4, b"x")), "a signer has tag 0x4"),
    ],
)
def test_what_is_no_message(data: bytes, why: str) -> None:
    with pytest.raises(DerError, match=why):
        Message(data)


def test_cut_off_anywhere() -> None:
    data = key("builder").message(b"data", PLAIN[:3])
    for size in range(len(data)):
        with pytest.raises(DerError):
            Message(data[:size])


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=5))
@settings(max_examples=1500, deadline=None)
def test_any_damage_is_a_fault_or_another_message(changes: list[tuple[int, int]]) -> None:
    data = bytearray(key("builder").message(b"data"))
    for at, value in changes:
        data[at % len(data)] = value
    offset = 0
    try:
        for signer in Message(bytes(data)).signers:
            signer.name()
            signer.magnitude()
    except DerError as error:
        offset = error.offset
    assert 0 <= offset <= len(data)
