"""What is appended to a signed module (include/linux/module_signature.h), and what modinfo prints of it."""

from __future__ import annotations

from ringward.kmod.der import DerError
from ringward.kmod.pkcs7 import Message

MARK = b"~Module signature appended~\n"
LONGEST = 1 << 20
"""Bytes that a signature may have; those of Debian's modules have 700, a certificate that comes with it 2,000 more."""
_DESCRIPTION = 12  # bytes of struct module_signature
PGP, X509, PKCS7 = range(3)
KINDS = ("PGP", "X509", "PKCS#7")
# include/crypto/hash_info.h of the kernels that filled them in; since 4.3 the PKCS#7 message says it.
_ALGORITHMS = 2
_HASHES = ("md4", "md5", "sha1", "rmd160", "sha256", "sha384", "sha512", "sha224", "sm3")


class Appended:
    """What stands behind the ELF image in a signed module.

    Attributes:
        size: bytes of all of it, the mark at the end included.
        kind: the type of the signature: ``PGP``, ``X509``, ``PKCS#7``, or the number if it is another.
        algorithm: of the public key; not used with PKCS#7.
        hash: of the digest; not used with PKCS#7.
        signer: name of the signer; empty with PKCS#7.
        key_id: empty with PKCS#7.
        signature: its bytes; with PKCS#7 the message.
        offset: of the signature's first byte, in the image.
        plain: whether all that PKCS#7 makes superfluous is zero; if not, the kernel refuses it.
        why: why it cannot be used; "": it can.

    """

    __slots__ = ("algorithm", "hash", "key_id", "kind", "offset", "plain", "signature", "signer", "size", "why")

    def __init__(self, tail: bytes, image_size: int) -> None:
        """Read what `ringward.kmod._elf.info` found behind an image of so many bytes, it included."""
        self.algorithm = self.hash = self.size = 0
        self.kind = self.why = ""
        self.plain = False
        self.signer = self.key_id = self.signature = b""
        described = len(tail) - len(MARK)
        self.offset = image_size - len(tail)
        self.size = len(tail)
        if described < _DESCRIPTION:
            self.why = "the file has no room for the description of the signature"
            return
        described -= _DESCRIPTION
        self.algorithm, self.hash, kind, signer, key_id = tail[described : described + 5]
        self.plain = tail[described : described + 2] == bytes(2) and tail[described + 3 : described + 8] == bytes(5)
        self.kind = KINDS[kind] if kind < len(KINDS) else str(kind)
        size = int.from_bytes(tail[described + 8 : described + 12], "big")
        if signer + key_id + size != described:
            self.why = f"a signature of {size} bytes is announced, more than the file has"
            return
        if not size:
            self.why = "the signature is empty"
        elif size > LONGEST:
            self.why = f"a signature of {size} bytes is larger than any"
        self.signer = tail[:signer]
        self.key_id = tail[signer : signer + key_id]
        self.signature = tail[signer + key_id : described]
        self.offset += signer + key_id

    def message(self) -> Message:
        """Return the PKCS#7 message.

        Raises:
            DerError: it is none, or cut off.

        """
        return Message(self.signature)

    def fields(self) -> list[tuple[str, str]]:
        """Return what modinfo prints of it; nothing when kmod could not read it."""
        if self.why:
            return []
        if self.kind == KINDS[PKCS7]:
            return _message_fields(self.signature)
        if self.kind not in KINDS or self.algorithm >= _ALGORITHMS or self.hash >= len(_HASHES):
            return []
        signer = self.signer.decode(errors="surrogateescape")
        return _fields(self.kind, signer, self.key_id, _HASHES[self.hash], self.signature)


def _fields(kind: str, signer: str, key: bytes, digest: str, signature: bytes) -> list[tuple[str, str]]:
    return [
        ("sig_id", kind),
        ("signer", signer.partition("\0")[0]),
        ("sig_key", hex_lines(key)),
        ("sig_hashalgo", digest),
        ("signature", hex_lines(signature)),
    ]


def hex_lines(data: bytes) -> str:
    """Return bytes as modinfo prints them: ``0A:FF``, 20 in a line."""
    text = data.hex(":").upper()
    return ":\n\t\t".join([text[at : at + 59] for at in range(0, len(text), 60)])


_KEPT = 8
_known: dict[tuple[bytes, int], tuple[str, bytes, str]] = {}
"""Of the last messages: what comes before the signature, and the message's size; signer, key and digest."""


def _message_fields(data: bytes) -> list[tuple[str, str]]:
    """Return what modinfo prints of a message.

    The modules of one kernel are signed with one key: their messages are the same but for the signature, which is
    the last value in them. DER's lengths come first, so that what is the same up to there is read the same way.
    """
    for (head, size), (name, key, digest) in _known.items():
        if len(data) == size and data.startswith(head):
            return _fields(KINDS[PKCS7], name, key, digest, data[len(head) :])
    try:
        signers = Message(data).signers
        name = signers[0].name() if signers else ""
    except DerError:
        return []
    # What names the key instead of the certificate, and other digests, kmod does not read.
    if not signers or not signers[0].issuer or signers[0].hash_name not in _HASHES:
        return []
    one = signers[0]
    if one.end == len(data):
        if len(_known) > _KEPT:
            _known.clear()
        _known[data[: len(data) - len(one.signature)], len(data)] = name, one.magnitude(), one.hash_name
    return _fields(KINDS[PKCS7], name, one.magnitude(), one.hash_name, one.signature)
