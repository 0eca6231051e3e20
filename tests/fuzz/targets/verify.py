"""Signatures and certificates that nobody made: any bytes get a verdict, never that they are valid."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ringward.kmod import certificates, verify
from ringward.kmod.certificates import Certificate
from ringward.kmod.errors import KmodError
from ringward.kmod.signature import MARK
from ringward.kmod.verify import VALID, Trusted
from tests.fuzz.inputs import SEPARATOR, folder, parts
from tests.kmod.elf_builder import Module
from tests.kmod.signing import appended, der, issuer_and_serial, signed_data, signer_info

COVERS = (
    *(certificates.Certificate, certificates._key_id, certificates.load, certificates._base64),
    *(certificates._certificate, verify),
)
FLOOR = 80
DICTIONARY = (MARK, SEPARATOR, b"-----BEGIN CERTIFICATE-----", b"-----END")
_IMAGE = Module([b"license=GPL"]).build()
_FILE = folder() / "x.crt"
_CA = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))  # of nobody: everything here is the same each time


def certificate(subject: str, key: x509.base.CertificatePublicKeyTypes, issuer: str = "root") -> bytes:
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (subject, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], key, 0x1234, day, day)
    builder = builder.add_extension(x509.SubjectKeyIdentifier(subject.encode()), critical=False)
    return builder.sign(_CA, None).public_bytes(serialization.Encoding.DER)


_KEYS = {
    "rsa": rsa.RSAPublicNumbers(65537, (1 << 2047) + 1234567).public_key(),
    "ec": ec.derive_private_key(7, ec.SECP256R1()).public_key(),
    "ed": _CA.public_key(),
}
_CERTIFICATES = {name: certificate(name, key) for name, key in _KEYS.items()} | {
    "root": certificate("root", _CA.public_key())
}


def _trusted() -> Trusted:
    found = Trusted()
    found.certificates = [Certificate(data, "here") for name, data in _CERTIFICATES.items() if name != "rsa"]
    found.sources = ["here"]
    return found


_TRUSTED = (_trusted(), Trusted())


def seeds() -> list[bytes]:
    found = []
    for each in (Certificate(data) for data in _CERTIFICATES.values()):
        sid = issuer_and_serial(each.issuer[len(each.issuer) - each.issuer[1] :], each.serial)
        sid = der(0x30, each.issuer, der(2, each.serial))
        info, by_key = signer_info(sid, b"s" * 64), signer_info(der(0x80, each.key_id), b"s" * 64, version=3)
        for signer in (info, by_key):
            found.append(appended(signed_data(signer)))
            found.append(appended(signed_data(signer, certificates=der(0xA0, each.der))))
    pem = x509.load_der_x509_certificate(_CERTIFICATES["ec"]).public_bytes(serialization.Encoding.PEM)
    return [*found, *(SEPARATOR + data for data in (*_CERTIFICATES.values(), pem, pem[:-40], b"junk"))]


def one(data: bytes) -> None:
    tail, file = parts(data, 2) if data[:1] == SEPARATOR else (data, b"")
    for trusted in _TRUSTED:
        assert verify.verify(_IMAGE + tail, trusted, "x.ko").word != VALID
    if file:
        _FILE.write_bytes(file)
        try:
            assert certificates.load(str(_FILE))
        except KmodError as error:
            assert error.path == str(_FILE)
