"""Whether a kernel that trusts given certificates would accept a module's signature.

As kernel/module/signing.c and crypto/asymmetric_keys/pkcs7_*.c decide: the message is PKCS#7 of detached plain
data without signed attributes, one of its signers has a trusted certificate, or one that came with the message
and leads to a trusted one; validity dates do not count.
"""

from __future__ import annotations

from ringward.kmod.certificates import Certificate, load
from ringward.kmod.der import DerError
from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import image_info
from ringward.kmod.signature import KINDS, PKCS7, Appended
from ringward.kmod.sysroot import inside, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringward.kmod.pkcs7 import Message, Signer

VALID, INVALID, UNKNOWN_KEY, UNSIGNED, COULD_NOT_LOOK = (
    "valid",
    "invalid",
    "unknown key",
    "unsigned",
    "could not look",
)
_LONGEST_CHAIN = 8
_HASHES = {
    "sha1": "SHA1",
    "sha224": "SHA224",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
    "sha3-256": "SHA3_256",
    "sha3-384": "SHA3_384",
    "sha3-512": "SHA3_512",
}
"""Names of the digests that the library has, and its own names of them."""


class Verdict:
    """The answer for one module.

    Attributes:
        word: `VALID`, `INVALID`, `UNKNOWN_KEY`, `UNSIGNED` or `COULD_NOT_LOOK`.
        why: what was found, or why nothing could be.
        certificate: that verified the signature, or with which it is invalid; None: none was used.

    """

    __slots__ = ("certificate", "why", "word")

    def __init__(self, word: str, why: str, certificate: Certificate | None = None) -> None:
        self.word = word
        self.why = why
        self.certificate = certificate


class Trusted:
    """The certificates that are trusted.

    Attributes:
        certificates: of them all.
        sources: the files that they are from.
        problems: what could not be read, and why.

    Args:
        root: of the system that the files are of (see `sysroot.inside`); they are told without it.

    """

    __slots__ = ("_root", "certificates", "problems", "sources")

    def __init__(self, root: str = "") -> None:
        self._root = root
        self.certificates: list[Certificate] = []
        self.sources: list[str] = []
        self.problems: list[str] = []

    def add(self, path: str) -> bool:
        """Add the certificates in a file (see `certificates.load`); return whether it had any."""
        try:
            self.certificates += load(inside(self._root, path), path)
        except (OSError, KmodError) as error:
            self.problems.append(told(error, self._root))
            return False
        self.sources.append(path)
        return True

    def add_kernel(self, version: str, base: str = "") -> bool:
        """Add the certificates built into a kernel, from its image where it usually is; return whether it was found.

        Args:
            version: of the kernel, as uname -r.
            base: what stands before /boot and /lib.

        """
        places = (
            f"{base}/boot/vmlinuz-{version}",
            f"{base}/lib/modules/{version}/vmlinuz",
            f"{base}/boot/Image-{version}",
        )
        before = len(self.problems)
        for place in places:
            if self.add(place):
                del self.problems[before:]
                return True
        return False


def verify(image: bytes, trusted: Trusted, path: str = "") -> Verdict:
    """Return whether the signature behind a module's image is valid.

    Args:
        image: unpacked, with its signature.
        trusted: the certificates that count.
        path: named in errors.

    Raises:
        KmodError: it is no module.

    """
    appended = image_info(image, path).appended
    if appended is None:
        return Verdict(UNSIGNED, "nothing is appended to the module")
    try:
        why = _refusal(appended) or _refusal_of(message := appended.message())
        if why:
            return Verdict(INVALID, why)
        signed = image[: len(image) - appended.size]
        verdicts = [_signer(signer, message, signed, trusted) for signer in message.signers]
    except DerError as error:
        return Verdict(INVALID, f"the message is damaged at offset {appended.offset + error.offset}: {error}")
    order = (VALID, INVALID, COULD_NOT_LOOK, UNKNOWN_KEY)
    return min(verdicts, key=lambda verdict: order.index(verdict.word))


def _refusal(appended: Appended) -> str:
    """Return why the kernel does not look at the message, or ""."""
    if appended.why:
        return appended.why
    if appended.kind != KINDS[PKCS7]:
        return f"a signature of the type {appended.kind}; kernels since 4.3 accept only PKCS#7"
    if not appended.plain:
        return "the description of the signature is not all zero where PKCS#7 has it so"
    return ""


def _refusal_of(message: Message) -> str:
    """Return why the kernel refuses a message whoever signed it, or ""."""
    if not message.of_data or not message.detached:
        return "the message is not one of detached plain data, which is all that the kernel accepts"
    return "" if message.signers else "the message has no signer"


def _signer(signer: Signer, message: Message, signed: bytes, trusted: Trusted) -> Verdict:
    if signer.attributes:
        return Verdict(INVALID, "attributes are signed besides, which the kernel refuses (EKEYREJECTED)")
    certificate = _of(signer, trusted.certificates)
    if certificate is None:
        own = _of(signer, [Certificate(der, "the signature itself") for der in message.certificates])
        if own is None or not (end := _chain(own, message, trusted)):
            return _unknown(signer, trusted)
        certificate = own
        why = f"by a certificate that came with it, which leads to one of {end.source}"
    else:
        why = f"by a certificate of {certificate.source}"
    return _check(signer, certificate, signed, why)


def _of(signer: Signer, certificates: Sequence[Certificate]) -> Certificate | None:
    """Return the certificate that a signer names."""
    for one in certificates:
        if signer.key_id and one.key_id == signer.key_id:
            return one
        if signer.issuer and (one.issuer, one.serial) == (signer.issuer, signer.serial):
            return one
    return None


def _chain(certificate: Certificate, message: Message, trusted: Trusted) -> Certificate | None:
    """Return the trusted certificate that one leads to, by way of those that came with it."""
    from cryptography import x509  # noqa: PLC0415 - takes ten times as long to import as all else

    others = [Certificate(der) for der in message.certificates]
    for _ in range(_LONGEST_CHAIN):
        for pool in (trusted.certificates, others):
            issuer = next((one for one in pool if one.subject == certificate.issuer), None)
            if issuer is not None:
                break
        else:
            return None
        try:
            x509.load_der_x509_certificate(certificate.der).verify_directly_issued_by(
                x509.load_der_x509_certificate(issuer.der)
            )
        except _faults():
            return None
        if pool is trusted.certificates:
            return issuer
        certificate = issuer
    return None


def _faults() -> tuple[type[Exception], ...]:
    """Return what the library raises for a certificate that it cannot use, or that another one did not sign."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.x509 import InvalidVersion  # noqa: PLC0415 - as above

    return ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, InvalidVersion


def _unknown(signer: Signer, trusted: Trusted) -> Verdict:
    if signer.key_id:
        key = f"the key {signer.key_id.hex()}"
    else:
        key = f"'{signer.name()}', serial number {signer.magnitude().hex()}"
    if not trusted.certificates:
        why = "; ".join(trusted.problems) or "none was given"
        return Verdict(COULD_NOT_LOOK, f"signed by {key}, and there is no certificate to check it with: {why}")
    count = f"{len(trusted.certificates)} certificate{'s' * (len(trusted.certificates) > 1)}"
    why = f"signed by {key}, which is not among {count} of {', '.join(trusted.sources)}"
    return Verdict(UNKNOWN_KEY, "; ".join([why, *trusted.problems]))


def _check(signer: Signer, certificate: Certificate, signed: bytes, why: str) -> Verdict:
    from cryptography import x509  # noqa: PLC0415 - takes ten times as long to import as all else
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415 - as above

    name = _HASHES.get(signer.hash_name)
    if name is None:
        return Verdict(COULD_NOT_LOOK, f"no library here has the digest {signer.hash_name}", certificate)
    digest = getattr(hashes, name)()
    try:
        key = x509.load_der_x509_certificate(certificate.der).public_key()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, signed, ec.ECDSA(digest))
        else:
            kind = type(key).__name__
            return Verdict(
                COULD_NOT_LOOK, f"signatures with a key of the type {kind} are not checked here", certificate
            )
    except InvalidSignature:
        return Verdict(INVALID, f"the signature does not fit the module; checked {why}", certificate)
    except _faults() as error:
        return Verdict(COULD_NOT_LOOK, f"the certificate cannot be used: {error}", certificate)
    return Verdict(VALID, f"signed by '{signer.name() or signer.key_id.hex()}', checked {why}", certificate)
