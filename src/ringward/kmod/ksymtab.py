"""What a kernel's own image exports: its tables `__ksymtab`, `__ksymtab_gpl` and their checksums.

An entry is struct kernel_symbol (include/linux/export-internal.h, kernel/module/internal.h) with relative
references (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS): s32 each, from the field's own address: value, name, and since 5.4
the namespace. `__kcrctab` has one u32 for each entry, in the same order (CONFIG_MODVERSIONS).
"""

from __future__ import annotations

import struct

from ringward.kmod.elf import Elf
from ringward.kmod.errors import KmodError
from ringward.kmod.symvers import KERNEL, Export

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.elf import Section


def exports(image: bytes, path: str) -> dict[str, Export]:
    """Return the exports of a kernel by symbol; {} when its image has no tables.

    Args:
        image: the kernel's ELF image (vmlinux), unpacked.
        path: named in errors.

    Raises:
        KmodError: the tables contradict each other or the image's size.

    """
    elf = Elf(image, path)
    sections = {each.name: each for each in elf.sections}
    found: dict[str, Export] = {}
    for ending in ("", "_gpl"):
        names = (f"__ksymtab{ending}", f"__kcrctab{ending}", "__ksymtab_strings")
        if all(name in sections for name in names):
            found |= _table(elf, *(sections[name] for name in names), gpl=bool(ending))
    return found


def _table(elf: Elf, table: Section, checksums: Section, strings: Section, *, gpl: bool) -> dict[str, Export]:
    entries, crcs, names = elf.section(table.name), elf.section(checksums.name), elf.section(strings.name)
    if not entries or not crcs or names is None:
        return {}
    found = {}
    count = len(crcs) // 4
    size = len(entries) // max(count, 1)
    if len(crcs) % 4 or size not in {8, 12} or len(entries) != count * size:
        raise KmodError(
            elf.path,
            f"{table.name} has {len(entries)} bytes at offset {table.offset} for {len(crcs)} bytes of {checksums.name}",
        )
    text = bytes(names)
    order = ">" if elf.big_endian else "<"
    fields = struct.Struct(f"{order}{size // 4}i")
    values = struct.unpack(f"{order}{count}I", crcs)
    for index, (entry, crc) in enumerate(zip(fields.iter_unpack(entries), values, strict=True)):
        # The name is the second field: its reference counts from there.
        start = table.address + index * size
        name = _string(text, start + 4 + entry[1] - strings.address)
        # No reference: no namespace (kernel_symbol_namespace); so it is in what assembly exports.
        space = _string(text, start + 8 + entry[2] - strings.address) if size == 12 and entry[2] else ""
        if not name or space is None:
            raise KmodError(elf.path, f"entry {index} of {table.name} refers to no string of {strings.name}")
        found[name] = Export(crc, KERNEL, space, gpl=gpl)
    return found


def _string(text: bytes, at: int) -> str | None:
    """Return the string at an offset; None: it is not in the section."""
    end = text.find(b"\0", at) if 0 <= at < len(text) else -1
    return text[at:end].decode("utf-8", "surrogateescape") if end >= 0 else None
