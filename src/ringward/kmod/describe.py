"""All that is known of one module, as plain values for JSON (docs/schema/kmod-v1.json, modinfo)."""

from __future__ import annotations

from ringward.kmod.compression import decompress, read_file
from ringward.kmod.der import DerError
from ringward.kmod.modinfo import image_info, parameters, plain_fields
from ringward.kmod.signature import KINDS, PKCS7
from ringward.kmod.taint import licence, taints
from ringward.kmod.verify import Trusted, Verdict, verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.signature import Appended


def describe_file(path: str, trusted: Trusted | None = None) -> dict[str, object]:
    """Return what a module's file says and is.

    Args:
        path: of the file.
        trusted: certificates to check its signature with; None: it is not checked.

    Raises:
        OSError: it cannot be read.
        KmodError: it is no module, or damaged.

    """
    import hashlib  # noqa: PLC0415 - only this needs it

    data = read_file(path)
    image = decompress(data, path)
    info = image_info(image, path)
    verdict = verify(image, trusted, path) if trusted is not None else None
    text, compatible = licence(info)
    elf_size = len(image) - (info.appended.size if info.appended else 0)
    return {
        "name": next(iter(info.values("name")), None),
        "license": {"text": text, "gpl_compatible": compatible},
        "info": grouped(plain_fields(info.strings)),
        "parameters": parameter_list(info.strings),
        "import_ns": info.values("import_ns"),
        "build_id": info.build_id.hex() if info.build_id is not None else None,
        "size": {"file": len(data), "image": len(image), "elf": elf_size},
        # Of the file; of what init_module(2) gets; and of what is signed.
        "sha256": {
            "file": hashlib.sha256(data).hexdigest(),
            "image": hashlib.sha256(image).hexdigest(),
            "elf": hashlib.sha256(memoryview(image)[:elf_size]).hexdigest(),
        },
        "signature": _signature(info.appended) if info.appended else None,
        "verification": _verification(verdict),
        "taint": [{"letter": one.letter, "certain": one.certain, "why": one.why} for one in taints(info, verdict)],
    }


def describe_builtin(name: str, strings: list[str]) -> dict[str, object]:
    """Return what a module says that is a part of the kernel.

    Args:
        name: of the module.
        strings: see `builtin.builtin_strings`.

    """
    return {
        "name": name,
        "info": grouped(plain_fields(strings)),
        "parameters": parameter_list(strings),
    }


def grouped(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the values of every key, in their order."""
    found: dict[str, list[str]] = {}
    for key, value in fields:
        found.setdefault(key, []).append(value)
    return found


def parameter_list(strings: list[str]) -> list[dict[str, str | None]]:
    """Return the parameters in modinfo's order."""
    return [{"name": one.name, "type": one.type, "description": one.description} for one in parameters(strings)[0]]


def _verification(verdict: Verdict | None) -> dict[str, object] | None:
    if verdict is None:
        return None
    source = verdict.certificate.source if verdict.certificate is not None else None
    return {"result": verdict.word, "why": verdict.why, "certificate_from": source}


def _signature(appended: Appended) -> dict[str, object]:
    found: dict[str, object] = {
        "type": appended.kind,
        "offset": appended.offset,
        "appended_bytes": appended.size,
        "why_unusable": appended.why or None,
        "signers": [],
    }
    if appended.why or appended.kind != KINDS[PKCS7]:
        return found
    try:
        message = appended.message()
        found["signers"] = [
            {
                "name": one.name() or None,
                "serial": one.magnitude().hex() or None,
                "key_id": one.key_id.hex() or None,
                "hash": one.hash_name,
                "attributes": bool(one.attributes),
                "signature": one.signature.hex(),
            }
            for one in message.signers
        ]
        found["certificates"] = len(message.certificates)
    except DerError as error:
        found["why_unusable"] = f"the message is damaged at offset {appended.offset + error.offset}: {error}"
    return found
