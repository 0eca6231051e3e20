"""What is appended to a module: any bytes are a signature with its parts, or it is said why not."""

from __future__ import annotations

from ringward.kmod import der, pkcs7, signature
from ringward.kmod.compression import read_module
from ringward.kmod.der import DerError
from ringward.kmod.modinfo import image_info
from ringward.kmod.signature import KINDS, MARK, PKCS7, Appended
from tests.fuzz.real import some_modules
from tests.kmod.signing import appended, issuer_and_serial, name, signed_data, signer_info

COVERS = (der, pkcs7, signature)
FLOOR = 95
DICTIONARY = (MARK, *(bytes.fromhex(oid) for oid in ("2a864886f70d010702", "550403")), b"\x30\x80", b"\x30\x84\xff")
_IMAGE = 5000


def seeds() -> list[bytes]:
    found = []
    for path in some_modules(1):
        image = read_module(path)
        tail = image_info(image, path).appended
        if tail is not None:
            found.append(image[-tail.size :])
    info = signer_info(issuer_and_serial(name(("550403", b"me"), ("55040a", b"org")), b"\1\2"), b"signature")
    by_key = signer_info(b"\x80\x04abcd", b"signature", version=3)
    found += [appended(signed_data(info)), appended(signed_data(by_key, info)), appended(b"", size=7)]
    found.append(b"signer" + b"key!" + b"sig" + bytes([1, 4, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3]) + MARK)
    return found


def one(data: bytes) -> None:
    tail = data if data.endswith(MARK) else data + MARK  # what is not marked is no signature
    found = Appended(tail, _IMAGE + len(tail))
    assert found.size == len(tail)
    assert 0 <= found.offset <= _IMAGE + len(tail)
    fields = found.fields()
    assert [key for key, _ in fields] in ([], ["sig_id", "signer", "sig_key", "sig_hashalgo", "signature"])
    assert fields == found.fields()
    if found.why or found.kind != KINDS[PKCS7]:
        return
    try:
        for signer in found.message().signers:
            signer.name()
            signer.magnitude()
            assert signer.end <= len(found.signature)
    except DerError as error:
        assert 0 <= error.offset <= len(found.signature)
