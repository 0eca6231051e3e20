"""Signs modules as the kernel's scripts/sign-file does, and in ways that it does not."""

from __future__ import annotations

import datetime as dt
import functools
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

MARK = b"~Module signature appended~\n"
PLAIN = (
    pkcs7.PKCS7Options.Binary,
    pkcs7.PKCS7Options.DetachedSignature,
    pkcs7.PKCS7Options.NoAttributes,
    pkcs7.PKCS7Options.NoCerts,
)
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_PKCS7, _DATA, _SHA256, _RSA = (
    bytes.fromhex(oid)
    for oid in ("2a864886f70d010702", "2a864886f70d010701", "608648016503040201", "2a864886f70d010101")
)


class Key:
    """A key and its certificate."""

    def __init__(self, private: Private, certificate: x509.Certificate) -> None:
        self.private = private
        self.certificate = certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_id(self) -> bytes:
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest

    def message(self, data: bytes, options: tuple[pkcs7.PKCS7Options, ...] = PLAIN, *more: Key) -> bytes:
        """Return a PKCS#7 message that signs `data`."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
        assert not isinstance(self.private, ed25519.Ed25519PrivateKey)
        builder = builder.add_signer(self.certificate, self.private, hashes.SHA256())
        for one in more:
            builder = builder.add_certificate(one.certificate)
        return builder.sign(serialization.Encoding.DER, options)

    def sign(self, image: bytes, options: tuple[pkcs7.PKCS7Options, ...] = PLAIN, *more: Key) -> bytes:
        """Return a module's image with the signature behind it."""
        return image + appended(self.message(image, options, *more))


def appended(message: bytes, description: bytes = bytes([0, 0, 2, 0, 0, 0, 0, 0]), size: int | None = None) -> bytes:
    return message + description + struct.pack(">I", len(message) if size is None else size) + MARK


@functools.cache
def key(name: str, kind: str = "rsa", issuer: Key | None = None, serial: int = 0x1234) -> Key:
    """Return a key; `issuer`: whose key signs its certificate, its own if None."""
    private: Private
    if kind == "rsa":
        private = rsa.generate_private_key(65537, 2048)
    elif kind == "ec":
        private = ec.generate_private_key(ec.SECP384R1())
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(serial)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))  # long ago: the kernel does not mind
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
    )
    signer = issuer.private if issuer else private
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Key(private, builder.sign(signer, digest))


def der(tag: int, *parts: bytes) -> bytes:
    """Return a DER value."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def algorithm(oid: bytes) -> bytes:
    return der(0x30, der(6, oid), der(5))


def signer_info(
    sid: bytes, signature: bytes, digest: bytes = _SHA256, attributes: bytes = b"", version: int = 1
) -> bytes:
    return der(0x30, der(2, bytes([version])), sid, algorithm(digest), attributes, algorithm(_RSA), der(4, signature))


def issuer_and_serial(issuer: bytes, serial: bytes) -> bytes:
    return der(0x30, issuer, der(2, serial))


def name(*pairs: tuple[str, bytes]) -> bytes:
    """Return a distinguished name of attribute types (in hex) and values."""
    return der(0x30, *(der(0x31, der(0x30, der(6, bytes.fromhex(oid)), der(0x0C, value))) for oid, value in pairs))


def signed_data(*signers: bytes, data_type: bytes = _DATA, content: bytes = b"", certificates: bytes = b"") -> bytes:
    body = der(
        0x30,
        der(2, b"\1"),
        der(0x31, algorithm(_SHA256)),
        der(0x30, der(6, data_type), content),
        certificates,
        der(0x31, *signers),
    )
    return der(0x30, der(6, _PKCS7), der(0xA0, body))


def by_key_id(of: Key, data: bytes) -> bytes:
    """Return a message that names the key, not the certificate, as sign-file does on request."""
    assert isinstance(of.private, rsa.RSAPrivateKey)
    signature = of.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return signed_data(signer_info(der(0x80, of.key_id), signature, version=3))
