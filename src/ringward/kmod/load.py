"""Loading one module file into the running kernel, or into the state that a sysroot has written down.

What a module needs, and in which order, is not decided here: see `resolve`.
"""

from __future__ import annotations

import errno
import os

from ringward.kmod.errors import KmodError
from ringward.kmod.proc import Live

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from ringward.kmod.elf import Elf

IGNORE_MODVERSIONS = 1
IGNORE_VERMAGIC = 2
COMPRESSED_FILE = 4
"""Flags of finit_module(2): MODULE_INIT_* of include/uapi/linux/module.h."""
FORCE = IGNORE_MODVERSIONS | IGNORE_VERMAGIC
SIGNATURE_MARK = b"~Module signature appended~\n"
"""The last bytes of a signed module (include/linux/module_signature.h); without them nobody looks for a signature."""
_SHF_ALLOC = 2
_SHORTEST = 6
"""Bytes of a file that kmod gives to the kernel: as many as tell how it is compressed."""


class RefusedError(OSError):
    """The kernel did not load or unload a module: `errno` as init_module(2) and delete_module(2) explain it."""


def insert(path: str, options: str = "", flags: int = 0, *, root: str = "", first_time: bool = True) -> bool:
    """Load the module in a file; return whether this call did it.

    Args:
        path: of the file, without the root.
        options: as the kernel gets them: "max_loop=8 name="a b"".
        flags: of IGNORE_MODVERSIONS and IGNORE_VERMAGIC.
        root: "" loads for real. Any other sysroot: no system call is made; what would follow is written down
            below it, see `sysroot_state`.
        first_time: a module that is loaded already is a fault; when not, the answer is then False.

    Raises:
        RefusedError: the kernel said no.
        OSError: the file cannot be read.
        KmodError: it is not a regular file, or its compressed stream is damaged.

    """
    try:
        if root:
            from ringward.kmod.sysroot_state import SysrootState  # noqa: PLC0415 - the other way in needs none of it

            SysrootState(root).insert(path, options, flags)
        else:
            _insert(path, os.fsencode(options), flags)
    except RefusedError as error:
        if error.errno == errno.EEXIST and not first_time:
            return False
        raise
    return True


def _insert(path: str, options: bytes, flags: int) -> None:
    """Load for real: by the file where the kernel can read it, else by the image."""
    from ringward.kmod import syscalls  # noqa: PLC0415 - only a real load needs it
    from ringward.kmod.compression import compression, read_module  # noqa: PLC0415 - as above

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if os.fstat(descriptor).st_mode & 0o170000 == 0o040000:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        start = os.pread(descriptor, 8, 0)
        if len(start) < _SHORTEST:
            raise RefusedError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        kind = compression(start)
        if kind is None or kind == Live().compression():
            how = flags | (COMPRESSED_FILE if kind else 0)
            try:
                syscalls.finit_module(descriptor, options, how)
            except OSError as error:
                # Before Linux 3.8, and where a container's filter knows the older call only.
                if error.errno != errno.ENOSYS:
                    raise RefusedError(error.errno, error.strerror, path) from error
            else:
                return
    finally:
        os.close(descriptor)
    image = without_checks(read_module(path), flags, path)
    try:
        syscalls.init_module(image, options)
    except OSError as error:
        raise RefusedError(error.errno, error.strerror, path) from error


def without_checks(image: bytes, flags: int, path: str = "") -> bytes:
    """Return an ELF image without what the kernel would check; init_module(2) has no flags to say so.

    Symbol versions: the kernel looks for __versions among the sections that are loaded (find_sec in
    kernel/module/main.c), so it loses its SHF_ALLOC. Version magic: the string in .modinfo becomes zeros. A signature
    would no longer fit, which is worse than none (module_sig_check in kernel/module/signing.c): it is left out, as
    finit_module(2) itself does with these flags. What is no ELF image is returned as it is: the kernel says what is
    wrong with it.
    """
    if not flags & FORCE:
        return image
    from ringward.kmod.elf import Elf  # noqa: PLC0415 - only force needs it

    try:
        elf = Elf(image, path)
    except KmodError:
        return image
    changed = bytearray(image)
    if flags & IGNORE_MODVERSIONS:
        _clear_alloc(changed, elf, "__versions")
    if flags & IGNORE_VERMAGIC:
        _erase_vermagic(changed, elf)
    return bytes(changed).removesuffix(SIGNATURE_MARK)


def _clear_alloc(image: bytearray, elf: Elf, name: str) -> None:
    """Take SHF_ALLOC from the sections of a name (Elf32_Shdr and Elf64_Shdr of elf(5): sh_flags at byte 8)."""
    order: Literal["big", "little"] = "big" if elf.big_endian else "little"
    wide = elf.bits == 64
    table = int.from_bytes(image[0x28:0x30] if wide else image[0x20:0x24], order)
    size = int.from_bytes(image[0x3A:0x3C] if wide else image[0x2E:0x30], order)
    length = 8 if wide else 4
    for index, section in enumerate(elf.sections):
        if section.name == name:
            at = table + index * size + 8
            image[at : at + length] = (section.flags & ~_SHF_ALLOC).to_bytes(length, order)


def _erase_vermagic(image: bytearray, elf: Elf) -> None:
    """Overwrite the strings "vermagic=..." of .modinfo with zeros."""
    for section in elf.sections:
        if section.name != ".modinfo":
            continue
        at = section.offset
        for text in bytes(image[at : at + section.size]).split(b"\0"):
            if text.startswith(b"vermagic="):
                image[at : at + len(text)] = bytes(len(text))
            at += len(text) + 1


def insmod_reason(code: int) -> str:
    """Return what insmod says for the errno of a refused load."""
    return {
        errno.ENOEXEC: "Invalid module format",
        errno.ENOENT: "Unknown symbol in module",
        errno.ESRCH: "Module has wrong symbol version",
        errno.EINVAL: "Invalid parameters",
    }.get(code) or os.strerror(code)


def modprobe_reason(code: int) -> str:
    """Return what modprobe says for the errno of a refused load."""
    return {
        errno.EEXIST: "Module already in kernel",
        errno.ENOENT: "Unknown symbol in module, or unknown parameter (see dmesg)",
    }.get(code) or os.strerror(code)
