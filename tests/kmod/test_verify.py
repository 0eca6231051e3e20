from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.certificates import Certificate
from ringward.kmod.compression import read_many
from ringward.kmod.errors import KmodError
from ringward.kmod.tree import Tree
from ringward.kmod.verify import COULD_NOT_LOOK, INVALID, UNKNOWN_KEY, UNSIGNED, VALID, Trusted, verify
from tests.kmod.conftest import KernelTree
from tests.kmod.elf_builder import Module
from tests.kmod.signing import (
    PLAIN,
    Key,
    appended,
    by_key_id,
    issuer_and_serial,
    key,
    signed_data,
    signer_info,
)

IMAGE = Module([b"license=GPL"]).build()
RSA, EC = key("rsa"), key("ec", "ec")
WITH_CERTS = PLAIN[:3]


def trusting(*keys: Key) -> Trusted:
    trusted = Trusted()
    trusted.certificates = [Certificate(one.der, "given") for one in keys]
    trusted.sources = ["given"] if keys else []
    return trusted


@pytest.mark.parametrize("signer", [RSA, EC], ids=["RSA", "EC"])
def test_valid_and_what_makes_it_invalid(signer: Key) -> None:
    signed = signer.sign(IMAGE)
    found = verify(signed, trusting(RSA, EC))
    assert found.word == VALID
    assert found.certificate is not None
    assert found.certificate.der == signer.der
    for at in (0x10, len(IMAGE) // 2, len(IMAGE) - 1):
        damaged = bytearray(signed)
        damaged[at] ^= 1
        assert verify(bytes(damaged), trusting(RSA, EC)).word == INVALID
    assert verify(IMAGE + b"\0" + signed[len(IMAGE) :], trusting(RSA, EC)).word == INVALID


def test_unsigned() -> None:
    assert verify(IMAGE, trusting(RSA)).word == UNSIGNED


def test_an_unknown_key_and_no_certificate_at_all() -> None:
    signed = RSA.sign(IMAGE)
    found = verify(signed, trusting(EC, key("other")))
    assert found.word == UNKNOWN_KEY
    assert "'rsa', serial number 1234" in found.why
    assert "2 certificates of given" in found.why
    nothing = verify(signed, trusting())
    assert nothing.word == COULD_NOT_LOOK
    assert "none was given" in nothing.why


def test_a_certificate_of_the_same_name_and_another_key_is_another() -> None:
    impostor = key("rsa", serial=0x1235)
    assert verify(impostor.sign(IMAGE), trusting(RSA)).word == UNKNOWN_KEY
    same = key("rsa", "ec")
    assert verify(same.sign(IMAGE), trusting(RSA)).word in {INVALID, COULD_NOT_LOOK}


def test_the_key_may_be_named_instead_of_the_certificate() -> None:
    signed = IMAGE + appended(by_key_id(RSA, IMAGE))
    assert verify(signed, trusting(EC, RSA)).word == VALID
    assert verify(signed, trusting(EC)).word == UNKNOWN_KEY
    assert verify(IMAGE + appended(by_key_id(RSA, IMAGE + b"x")), trusting(RSA)).word == INVALID


def test_certificates_that_come_with_the_signature() -> None:
    root = key("root")
    middle = key("middle", issuer=root, serial=2)
    leaf = key("leaf", issuer=middle, serial=3)
    signed = leaf.sign(IMAGE, WITH_CERTS, middle)
    found = verify(signed, trusting(root))
    assert (found.word, "leads to one of given" in found.why) == (VALID, True)
    assert verify(signed, trusting(middle)).word == VALID
    assert verify(signed, trusting(RSA)).word == UNKNOWN_KEY
    assert verify(leaf.sign(IMAGE, WITH_CERTS), trusting(root)).word == UNKNOWN_KEY
    damaged = bytearray(signed)
    damaged[20] ^= 1
    assert verify(bytes(damaged), trusting(root)).word == INVALID
    # Of the issuer's name, but not with its key.
    assert verify(signed, trusting(key("root", "ec"))).word == UNKNOWN_KEY
    # A certificate that signed itself leads nowhere.
    assert verify(RSA.sign(IMAGE, WITH_CERTS), trusting(EC)).word == UNKNOWN_KEY


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a003020102", "a003020164"),  # version 101 of X.509
        ("06092a864886f70d010101", "06092a864886f70d010163"),  # of no known kind of key
    ],
)
def test_a_certificate_that_the_library_does_not_take(old: str, new: str) -> None:
    root = key("root")
    leaf = key("leaf", issuer=root, serial=3)
    other = Trusted()
    (good,) = trusting(leaf).certificates
    assert bytes.fromhex(old) in good.der
    other.certificates = [Certificate(good.der.replace(bytes.fromhex(old), bytes.fromhex(new), 1))]
    found = verify(leaf.sign(IMAGE), other)
    assert (found.word, "the certificate cannot be used" in found.why) == (COULD_NOT_LOOK, True)
    signed = leaf.sign(IMAGE, WITH_CERTS).replace(bytes.fromhex(old), bytes.fromhex(new))
    assert verify(signed, trusting(root)).word == UNKNOWN_KEY


def test_certificates_that_lead_to_one_another_come_to_an_end() -> None:
    first = key("circle")
    second = key("circle", "ec", issuer=first, serial=2)
    assert verify(second.sign(IMAGE, WITH_CERTS, first), trusting(RSA)).word == UNKNOWN_KEY


NAME = RSA.certificate.issuer.public_bytes()
SID = issuer_and_serial(NAME, b"\x12\x34")


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        (appended(RSA.message(IMAGE)[:-1]), "damaged at offset"),
        (appended(RSA.message(IMAGE), size=10_000_000), "more than the file has"),
        (appended(b""), "empty"),
        (appended(b"junk"), "damaged at offset"),
        (appended(RSA.message(IMAGE), bytes([0, 0, 1, 0, 0, 0, 0, 0])), "type X509"),
        (appended(RSA.message(IMAGE), bytes([0, 0, 7, 0, 0, 0, 0, 0])), "type 7"),
        (appended(RSA.message(IMAGE), bytes([0, 4, 2, 0, 0, 0, 0, 0])), "not all zero"),
        (appended(RSA.message(IMAGE), bytes([0, 0, 2, 0, 0, 0, 0, 1])), "not all zero"),
        (appended(RSA.message(IMAGE, (pkcs7.PKCS7Options.Binary, PLAIN[1]))), "attributes"),
        (appended(RSA.message(IMAGE, (PLAIN[0], *PLAIN[2:]))), "detached"),
        (appended(signed_data(data_type=b"\x2a\x03")), "plain data"),
        (appended(signed_data()), "no signer"),
        (appended(signed_data(signer_info(SID, b""))), "does not fit"),
    ],
)
def test_what_the_kernel_refuses(tail: bytes, why: str) -> None:
    found = verify(IMAGE + tail, trusting(RSA))
    assert found.word == INVALID, found.why
    assert why in found.why


def test_what_cannot_be_checked_here() -> None:
    unknown = signed_data(signer_info(SID, b"s" * 256, bytes.fromhex("2a811ccf55018311")))
    found = verify(IMAGE + appended(unknown), trusting(RSA))
    assert (found.word, "digest sm3" in found.why) == (COULD_NOT_LOOK, True)
    edwards = key("ed", "ed25519")
    message = signed_data(
        signer_info(issuer_and_serial(edwards.certificate.issuer.public_bytes(), b"\x12\x34"), b"s" * 64)
    )
    found = verify(IMAGE + appended(message), trusting(edwards))
    assert (found.word, "Ed25519" in found.why) == (COULD_NOT_LOOK, True)


def test_one_valid_signature_of_several_is_enough() -> None:
    good = signer_info(SID, by_key_id(RSA, IMAGE)[-256:])
    other = signer_info(issuer_and_serial(EC.certificate.issuer.public_bytes(), b"\x12\x34"), b"x" * 50)
    assert verify(IMAGE + appended(signed_data(other, good)), trusting(RSA)).word == VALID
    assert verify(IMAGE + appended(signed_data(other, good)), trusting(RSA, EC)).word == VALID
    assert verify(IMAGE + appended(signed_data(other, good)), trusting(key("other"))).word == UNKNOWN_KEY


def test_it_has_to_be_a_module() -> None:
    with pytest.raises(KmodError, match="not an ELF file"):
        verify(b"text" * 50 + appended(RSA.message(b"text" * 50)), trusting(RSA))
    with pytest.raises(KmodError, match=r"\.modinfo"):
        verify(Module().build(), trusting(RSA))


@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_no_damage_is_valid(changes: list[tuple[int, int]]) -> None:
    signed = RSA.sign(IMAGE)
    damaged = bytearray(signed)
    for at, value in changes:
        damaged[-1 - at % (len(signed) - len(IMAGE))] = value
    try:
        found = verify(bytes(damaged), trusting(RSA))
    except KmodError:
        return
    if bytes(damaged) != signed:
        # What the signature does not cover may differ: how the digest's algorithm is written.
        assert found.word != VALID or damaged[: len(IMAGE)] == IMAGE
        assert found.word in {VALID, INVALID, UNKNOWN_KEY, UNSIGNED, COULD_NOT_LOOK}


def test_certificates_of_a_kernel_are_looked_for_where_they_are(tmp_path: Path) -> None:
    trusted = Trusted()
    assert not trusted.add_kernel("9.9", str(tmp_path))
    assert len(trusted.problems) == 3
    found = verify(RSA.sign(IMAGE), trusted)
    assert found.word == COULD_NOT_LOOK
    assert f"{tmp_path}/boot/vmlinuz-9.9: No such file or directory" in found.why
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-9.9").write_bytes(b"no kernel")
    assert not trusted.add_kernel("9.9", str(tmp_path))
    (tmp_path / "boot/Image-9.9").write_bytes(RSA.pem)
    assert trusted.add_kernel("9.9", str(tmp_path))
    assert verify(RSA.sign(IMAGE), trusted).word == VALID


def test_modules_of_debian_are_signed_with_the_key_in_their_kernel(kernel_tree: KernelTree) -> None:
    trusted = Trusted()
    assert trusted.add_kernel(kernel_tree.version, kernel_tree.base), trusted.problems
    paths = [line.path for line in Tree(kernel_tree.base, kernel_tree.version).lines()][::30]
    for path, image in read_many(paths):
        assert isinstance(image, bytes)
        assert verify(image, trusted, path).word == VALID, path
        damaged = bytearray(image)
        damaged[len(image) // 2] ^= 0x80
        assert verify(bytes(damaged), trusted, path).word == INVALID, path
        assert verify(image, trusting(RSA), path).word == UNKNOWN_KEY, path
