"""What a module says of itself, as modinfo prints it."""

from __future__ import annotations

from ringward.kmod import _elf
from ringward.kmod.compression import LIMIT, read_module
from ringward.kmod.elf import build_id
from ringward.kmod.errors import KmodError
from ringward.kmod.signature import Appended, hex_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer


class Parameter:
    """A parameter that a module takes.

    Attributes:
        name: of it.
        description: what the module says of it (MODULE_PARM_DESC); None: nothing.
        type: as ``int`` or ``charp``; None: not said.

    """

    __slots__ = ("description", "name", "type")

    def __init__(self, name: str) -> None:
        self.name = name
        self.description: str | None = None
        self.type: str | None = None


class ModInfo:
    """Of one module's file.

    Attributes:
        path: of the file.
        strings: of `.modinfo`, ``key=value`` each, in file order.
        build_id: of the linker; None: there is none.
        appended: the signature behind the image; None: there is none.
        size: bytes of the image, unpacked, with the signature.

    """

    __slots__ = ("appended", "build_id", "path", "size", "strings")

    def __init__(self, path: str, found: _elf.Info) -> None:
        strings, note, big_endian, tail, self.size = found
        if strings is None:
            raise KmodError(path, "it has no section .modinfo, so that it is no kernel module")
        self.path = path
        self.strings = strings
        self.build_id = build_id(note, path, big_endian=big_endian) if note else None
        self.appended = Appended(tail, self.size) if tail is not None else None

    def values(self, key: str) -> list[str]:
        """Return the values of a key, in file order."""
        start = f"{key}="
        return [text[len(start) :] for text in self.strings if text.startswith(start)]

    def fields(self) -> list[tuple[str, str]]:
        """Return what modinfo prints, in its order, except for file name and parameters.

        A key that occurs several times does so here. The signature's keys are sig_id, signer, sig_key,
        sig_hashalgo and signature; they are left out where kmod cannot read it, too.
        """
        found = plain_fields(self.strings)
        if self.build_id is not None:
            found.append(("build-id", hex_lines(self.build_id)))
        if self.appended is not None:
            found += self.appended.fields()
        return found

    def parameters(self) -> tuple[list[Parameter], list[str]]:
        """Return the parameters in the order of `parameters`, and the strings that have no colon."""
        return parameters(self.strings)


def plain_fields(strings: list[str]) -> list[tuple[str, str]]:
    """Return key and value of ``key=value`` strings that are no parameters; without '=' the value is empty."""
    pairs = [text.partition("=") for text in strings]
    return [(key, value) for key, _, value in pairs if key not in {"parm", "parmtype"}]


def parameters(strings: list[str]) -> tuple[list[Parameter], list[str]]:
    """Return the parameters that strings ``parm=NAME:TEXT`` and ``parmtype=NAME:TYPE`` tell of, as modinfo does.

    The one that is mentioned last comes first; a second text or type of a name replaces the first. Besides, the
    strings without a colon, as ``key=value``.
    """
    found: dict[str, Parameter] = {}
    wrong = []
    for text in [text for text in strings if text.startswith("parm")]:
        key, _, value = text.partition("=")
        if key not in {"parm", "parmtype"}:
            continue
        name, colon, rest = value.partition(":")
        if not colon:
            wrong.append(f"{key}={value}")
            continue
        one = found.get(name)
        if one is None:
            one = found[name] = Parameter(name)
        if key == "parm":
            one.description = rest
        else:
            one.type = rest
    return list(found.values())[::-1], wrong


def read_info(path: str, limit: int = LIMIT) -> ModInfo:
    """Return what the module in a file says of itself; of one that is not compressed little is read.

    Args:
        path: of the file.
        limit: bytes that are read, or that it may have when unpacked.

    Raises:
        OSError: it cannot be read.
        KmodError: it is no module, or damaged; see `compression.read_module` and `elf.Elf`.

    """
    found = _elf.info_file(path, limit)
    if found is None:
        return image_info(read_module(path, limit), path)
    return ModInfo(path, found)


def image_info(image: Buffer, path: str = "") -> ModInfo:
    """Return what a module's image says of itself.

    Args:
        image: unpacked, with its signature.
        path: named in errors.

    Raises:
        KmodError: it is no module, or damaged.

    """
    return ModInfo(path, _elf.info(image, path))
