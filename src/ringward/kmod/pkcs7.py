"""The PKCS#7 message that is appended to a signed module (RFC 2315, RFC 5652): who signed, and how."""

from __future__ import annotations

from ringward.kmod.der import CONTEXT, INTEGER, OCTETS, OID, SEQUENCE, SET, DerError, Items, Value

HASHES = {
    bytes.fromhex(oid): name
    for oid, name in (
        ("2a864886f70d0204", "md4"),
        ("2a864886f70d0205", "md5"),
        ("2b0e03021a", "sha1"),
        ("2b24030201", "rmd160"),
        ("608648016503040201", "sha256"),
        ("608648016503040202", "sha384"),
        ("608648016503040203", "sha512"),
        ("608648016503040204", "sha224"),
        ("2a811ccf55018311", "sm3"),
        ("608648016503040208", "sha3-256"),
        ("608648016503040209", "sha3-384"),
        ("60864801650304020a", "sha3-512"),
    )
}
"""Object identifier of a digest, as its DER contents, and its name as kmod and the kernel have it."""
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_DATA = bytes.fromhex("2a864886f70d010701")
_COMMON_NAME = bytes.fromhex("550403")


class Signer:
    """One signature of a message.

    Attributes:
        issuer: the distinguished name of who issued the signer's certificate, as DER; b"": the key's id is given.
        serial: of that certificate: the INTEGER's bytes.
        key_id: the subject key identifier of that certificate; b"": issuer and serial are given.
        hash_name: of the digest that is signed; the object identifier in hex if it has no name here.
        algorithm: of the signature: the AlgorithmIdentifier as DER.
        signature: its bytes.
        end: offset in the message, behind the signature.
        attributes: what is signed instead of the digest itself, as DER with its tag [0]; b"": nothing.

    """

    __slots__ = ("algorithm", "attributes", "end", "hash_name", "issuer", "key_id", "serial", "signature")

    def __init__(self, info: Value) -> None:
        items = Items(info.expect(SEQUENCE, "a signer"))
        items.take(INTEGER, "the version of a signer")
        self.issuer = self.serial = self.key_id = b""
        if key_id := items.maybe(0x80, "the key's identifier"):
            self.key_id = key_id.contents
        else:
            certificate = Items(items.take(SEQUENCE, "issuer and serial number"))
            issuer = certificate.take(SEQUENCE, "the issuer")
            self.issuer = info.data[issuer.whole : issuer.end]
            self.serial = certificate.take(INTEGER, "the serial number").contents
        digest = Items(items.take(SEQUENCE, "the digest's algorithm")).take(OID, "the digest's algorithm").contents
        self.hash_name = HASHES.get(digest, digest.hex())
        attributes = items.maybe(CONTEXT, "the signed attributes")
        self.attributes = info.data[attributes.whole : attributes.end] if attributes else b""
        algorithm = items.take(SEQUENCE, "the signature's algorithm")
        self.algorithm = info.data[algorithm.whole : algorithm.end]
        signature = items.take(OCTETS, "the signature")
        self.signature = signature.contents
        self.end = signature.end

    def name(self) -> str:
        """Return how kmod names the signer: the issuer's first common name, else the last part of its name."""
        last = b""
        if self.issuer:
            for part in Value(self.issuer, 0, len(self.issuer), "the issuer").items("a part of the issuer's name"):
                for pair in part.expect(SET, "a part of the issuer's name").items("an attribute"):
                    items = Items(pair.expect(SEQUENCE, "an attribute"))
                    kind = items.take(OID, "an attribute's type").contents
                    last = Value(pair.data, items.at, pair.end, "an attribute's value").contents
                    if kind == _COMMON_NAME:
                        return last.decode(errors="surrogateescape")
        return last.decode(errors="surrogateescape")

    def magnitude(self) -> bytes:
        """Return the serial number's absolute value, without leading zeros, as kmod prints it."""
        number = abs(int.from_bytes(self.serial, "big", signed=True))
        return number.to_bytes((number.bit_length() + 7) // 8, "big")


class Message:
    """A PKCS#7 message of the type signed data.

    Args:
        data: the message as DER; what follows it is ignored.

    Attributes:
        of_data: whether it says that what it signs is plain data.
        detached: whether it comes without what it signs.
        certificates: those that came with it, as DER.
        signers: its signatures.

    Raises:
        DerError: it is no such message.

    """

    __slots__ = ("certificates", "detached", "of_data", "signers")

    def __init__(self, data: bytes) -> None:
        outer = Items(Value(data, 0, len(data), "the message").expect(SEQUENCE, "the message"))
        kind = outer.take(OID, "the type of the message")
        if kind.contents != _SIGNED_DATA:
            raise DerError("the message is not signed data", kind.whole)
        inner = Items(outer.take(CONTEXT, "the signed data"))
        items = Items(inner.take(SEQUENCE, "the signed data"))
        items.take(INTEGER, "the version")
        items.take(SET, "the digests' algorithms")
        content = Items(items.take(SEQUENCE, "the contents"))
        self.of_data = content.take(OID, "the contents' type").contents == _DATA
        self.detached = content.maybe(CONTEXT, "the contents") is None
        found = items.maybe(CONTEXT, "the certificates")
        self.certificates = [data[one.whole : one.end] for one in found.items("a certificate")] if found else []
        items.maybe(CONTEXT + 1, "the revocation lists")
        self.signers = [Signer(info) for info in items.take(SET, "the signers").items("a signer")]
