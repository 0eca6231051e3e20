from __future__ import annotations

import gzip
import lzma
import struct
import time
from pathlib import Path

import pytest
import zstandard
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.certificates import Certificate, load, of_kernel
from ringward.kmod.der import DerError
from ringward.kmod.errors import KmodError
from tests.kmod.conftest import KernelTree
from tests.kmod.signing import key

ONE, TWO, REVOKED = key("one"), key("two", serial=0xFF00), key("revoked")


def test_what_a_certificate_says() -> None:
    found = Certificate(TWO.der + b"junk", "here")
    assert (found.der, found.source) == (TWO.der, "here")
    assert found.issuer == TWO.certificate.issuer.public_bytes()
    assert found.subject == TWO.certificate.subject.public_bytes()
    assert found.serial == b"\0\xff\0"
    assert found.key_id == TWO.key_id


@pytest.mark.parametrize("data", [ONE.der + TWO.der, ONE.pem + TWO.pem, b"text\n" + ONE.pem + b"\nmore\n" + TWO.pem])
def test_files_of_certificates(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "certs"
    path.write_bytes(data)
    found = load(str(path))
    assert [one.der for one in found] == [ONE.der, TWO.der]
    assert {one.source for one in found} == {str(path)}


@pytest.mark.parametrize(
    ("data", "why", "offset"),
    [
        (ONE.der + TWO.der[:-1], "not a certificate: .* cut off", None),
        (ONE.der + b"junk", "not a certificate", None),
        (b"0", "not a certificate", 0),
        (b"xx-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----", "not base64", 2),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not a certificate", 0),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no list of certificates", None),
        (b"", "no list of certificates", None),
        (b"hello", "no list of certificates", None),
    ],
)
def test_files_that_hold_none(tmp_path: Path, data: bytes, why: str, offset: int | None) -> None:
    path = tmp_path / "certs"
    path.write_bytes(data)
    with pytest.raises(KmodError, match=why) as found:
        load(str(path))
    assert found.value.path == str(path)
    assert offset is None or found.value.offset == offset


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "absent"))


@given(st.integers(0, len(ONE.der) - 1), st.integers(0, 255))
@settings(max_examples=1000, deadline=None)
def test_a_damaged_certificate(at: int, value: int) -> None:
    data = ONE.der[:at] + bytes([value]) + ONE.der[at + 1 :]
    offset = 0
    try:
        Certificate(data)
    except DerError as error:
        offset = error.offset
    assert 0 <= offset <= len(data)


def vmlinux(*certificates: bytes, own: int | None = None, form: str = "<QQ", gap: int = 0) -> bytes:
    """Return data as certs/system_certificates.S lays it out, after a list of revoked ones."""
    found = b"".join(certificates)
    sizes = struct.pack(form, len(found), len(certificates[0]) if own is None else own)
    revoked = b"\x7fELF" + bytes(100) + REVOKED.der + struct.pack("<Q", len(REVOKED.der)) + bytes(50)
    return revoked + found + bytes(gap) + bytes(-len(found) % 8) + sizes + bytes(1000)


def bzimage(payload: bytes, sectors: int = 4, size: int | None = None) -> bytes:
    head = bytearray(512 * (sectors + 1))
    head[0x1F1] = sectors
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", head, 0x248, 64, len(payload) if size is None else size)
    return bytes(head) + bytes(64) + payload + bytes(300)


IMAGE = vmlinux(ONE.der, TWO.der)
SIZE = struct.pack("<I", len(IMAGE))


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        gzip.compress(IMAGE),
        zstandard.compress(IMAGE),
        bzimage(gzip.compress(IMAGE)),
        bzimage(lzma.compress(IMAGE) + SIZE, 30),
        bzimage(zstandard.compress(IMAGE) + SIZE),
        vmlinux(ONE.der, TWO.der, form=">QQ"),
        vmlinux(ONE.der, TWO.der, form="<LL"),
        vmlinux(ONE.der, TWO.der, gap=4096),
    ],
)
def test_those_built_into_a_kernel(image: bytes) -> None:
    assert [one.der for one in of_kernel(image, "x")] == [ONE.der, TWO.der]


@pytest.mark.parametrize(
    "image",
    [
        vmlinux(ONE.der, TWO.der, own=17),
        vmlinux(ONE.der, TWO.der, own=0),
        bzimage(b"nothing compressed"),
        bzimage(b"", size=0),
        bzimage(b"abcdef", size=2**32 - 1),
        bzimage(gzip.compress(IMAGE)[:-9]),
    ],
)
def test_a_kernel_without_such_a_list(image: bytes) -> None:
    with pytest.raises(KmodError):
        of_kernel(image, "x")


def test_a_long_run_of_certificates_is_gone_through_once() -> None:
    image = b"\x7fELF" + ONE.der * 20_000
    start = time.process_time()
    with pytest.raises(KmodError):
        of_kernel(image, "x")
    assert time.process_time() - start < 10


def test_those_of_debians_kernels(kernel_tree: KernelTree) -> None:
    found = load(f"{kernel_tree.base}/boot/vmlinuz-{kernel_tree.version}")
    names = [x509.load_der_x509_certificate(one.der).subject.rfc4514_string() for one in found]
    assert names[0] == "CN=Build time autogenerated kernel key"
