"""Certificates that a module's signature is checked against: from files, and from the image of a kernel.

A kernel trusts the certificates that were built into it, and keys that were added since: to the secondary
keyring, and by firmware and shim (.machine, .platform). What was added cannot be read back: /proc/keys lists
names and ids, and keyctl(2) refuses to read asymmetric keys. Certificates of such keys have to be given.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct

from ringward.kmod.compression import decompress, read_file
from ringward.kmod.der import CONTEXT, INTEGER, OCTETS, OID, SEQUENCE, DerError, Items, Value
from ringward.kmod.errors import KmodError

LIMIT = 1 << 28
"""Bytes that a file of certificates or a kernel's image may have, unpacked too."""
_KEY_ID = bytes.fromhex("551d0e")  # id-ce-subjectKeyIdentifier
_PEM = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
_START = re.compile(rb"\x30\x82..\x30\x82..\xa0\x03\x02\x01\x02\x02", re.DOTALL)  # version 3
_GAP = 1 << 16  # bytes; CONFIG_SYSTEM_EXTRA_CERTIFICATE_SIZE is 4096 by default
_SETUP_SECTORS, _HEADER_MAGIC, _PAYLOAD = 0x1F1, 0x202, 0x248  # Documentation/arch/x86/boot.rst


class Certificate:
    """An X.509 certificate.

    Args:
        der: its bytes; what follows it is left out.
        source: where it is from.

    Attributes:
        der: its bytes.
        source: where it is from.
        issuer: distinguished name, as DER.
        serial: the number's bytes.
        subject: distinguished name, as DER.
        key_id: the subject key identifier; b"": it has none.

    Raises:
        DerError: it is none.

    """

    __slots__ = ("der", "issuer", "key_id", "serial", "source", "subject")

    def __init__(self, der: bytes, source: str = "") -> None:
        whole = Value(der, 0, len(der), "the certificate").expect(SEQUENCE, "the certificate")
        self.der = der[: whole.end]
        self.source = source
        items = Items(Items(whole).take(SEQUENCE, "the certificate's contents"))
        items.maybe(CONTEXT, "the version")
        self.serial = items.take(INTEGER, "the serial number").contents
        items.take(SEQUENCE, "the signature's algorithm")
        issuer = items.take(SEQUENCE, "the issuer")
        items.take(SEQUENCE, "the validity")
        subject = items.take(SEQUENCE, "the subject")
        self.issuer = der[issuer.whole : issuer.end]
        self.subject = der[subject.whole : subject.end]
        items.take(SEQUENCE, "the public key")
        for unique in (0x81, 0x82):
            items.maybe(unique, "a unique identifier")
        extensions = items.maybe(CONTEXT + 3, "the extensions")
        self.key_id = _key_id(extensions) if extensions else b""


def _key_id(extensions: Value) -> bytes:
    for one in Items(extensions).take(SEQUENCE, "the extensions").items("an extension"):
        items = Items(one.expect(SEQUENCE, "an extension"))
        if items.take(OID, "an extension's type").contents == _KEY_ID:
            items.maybe(0x01, "whether it is critical")
            value = items.take(OCTETS, "the key's identifier")
            return Items(value).take(OCTETS, "the key's identifier").contents
    return b""


def load(path: str, told_as: str = "") -> list[Certificate]:
    """Return the certificates in a file: DER, one or several; PEM; or a kernel's image (see `of_kernel`).

    Args:
        path: of the file.
        told_as: its path where it is told: as the source of its certificates, and in errors; "": `path`.

    Raises:
        OSError: it cannot be read.
        KmodError: it holds none, or one is damaged.

    """
    data = read_file(path, LIMIT)
    path = told_as or path
    if data.startswith(b"\x30"):
        found = []
        at = 0
        while at < len(data):
            found.append(_certificate(data[at:], path, at))
            at += len(found[-1].der)
        return found
    if b"-----BEGIN " in data:
        found = [_certificate(_base64(match, path), path, match.start()) for match in _PEM.finditer(data)]
        if found:
            return found
    return of_kernel(data, path)


def _base64(match: re.Match[bytes], path: str) -> bytes:
    try:
        return base64.b64decode(b"".join(match[1].split()), validate=True)
    except binascii.Error as error:
        raise KmodError(path, f"a certificate is not base64: {error}", match.start()) from error


def _certificate(data: bytes, path: str, at: int) -> Certificate:
    try:
        return Certificate(data, path)
    except DerError as error:
        raise KmodError(path, f"not a certificate: {error}", at + error.offset) from error


def of_kernel(data: bytes, path: str) -> list[Certificate]:
    """Return the certificates that were built into a kernel, in their order; the first signs its own modules.

    They stand one behind the other in its data (certs/system_certificates.S), followed by the bytes of all of them
    and the bytes of the first, by which they are told from others that a kernel may hold (revoked ones). In a kernel
    whose modules are signed with no key of its own build the second number is 0: then nothing tells them apart, and
    none is returned.

    Args:
        data: a bzImage, vmlinux or Image; may be compressed.
        path: of the file.

    Raises:
        KmodError: it is no kernel, it is compressed in a way that is not known here, or has no such list.

    """
    image = decompress(payload(data, path), path, LIMIT)
    end = 0
    for match in _START.finditer(image):
        start = match.start()
        if start < end:  # one of the last run
            continue
        found = []
        end = start
        while _START.match(image, end):
            try:
                found.append(Certificate(image[end : end + 0x10004], path))
            except DerError:
                break
            end += len(found[-1].der)
        if found and _has_sizes(image, end, end - start, len(found[0].der)):
            return found
    raise KmodError(
        path, "no list of certificates was found in it: not a kernel's image, or not one that signs its modules"
    )


def _has_sizes(image: bytes, end: int, everything: int, first: int) -> bool:
    """Return whether the two sizes follow, behind nothing but zeros."""
    for form in ("<QQ", ">QQ", "<LL", ">LL"):
        at = image.find(struct.pack(form, everything, first), end, end + _GAP)
        if at >= 0 and not image[end:at].strip(b"\0"):
            return True
    return False


def payload(data: bytes, path: str) -> bytes:
    """Return the compressed kernel in a bzImage; anything else as it is.

    Raises:
        KmodError: it is cut off.

    """
    if data[_HEADER_MAGIC : _HEADER_MAGIC + 4] != b"HdrS":
        return data
    sectors = data[_SETUP_SECTORS] or 4
    offset, size = (int.from_bytes(data[_PAYLOAD + i : _PAYLOAD + i + 4], "little") for i in (0, 4))
    start = (sectors + 1) * 512 + offset
    if start + size > len(data) or size < 4:
        raise KmodError(path, "the compressed kernel reaches past the end of the file", _PAYLOAD)
    found = data[start : start + size]
    # All but gzip have the unpacked size behind them (arch/x86/boot/compressed/Makefile).
    return found if found.startswith(b"\x1f\x8b") else found[:-4]
