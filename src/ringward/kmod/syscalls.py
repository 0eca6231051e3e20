"""The three system calls that change what is loaded, for real: nothing here knows of a sysroot.

Through ctypes, which is imported at the first call: libc has no wrapper of finit_module(2) everywhere.
"""

from __future__ import annotations

import errno
import os
import sys

# init_module, finit_module, delete_module.
_GENERIC = (105, 273, 106)  # include/uapi/asm-generic/unistd.h
_NUMBERS = {
    "x86_64": (175, 313, 176),  # arch/x86/entry/syscalls/syscall_64.tbl
    "i386": (128, 350, 129),  # arch/x86/entry/syscalls/syscall_32.tbl
    "arm": (128, 379, 129),  # arch/arm/tools/syscall.tbl
    "ppc": (128, 353, 129),  # arch/powerpc/kernel/syscalls/syscall.tbl
    "s390": (128, 344, 129),  # arch/s390/kernel/syscalls/syscall.tbl
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
}
INIT, FINIT, DELETE = 0, 1, 2


def numbers(machine: str, *, is_64bit: bool) -> tuple[int, int, int]:
    """Return the numbers of init_module, finit_module and delete_module for a process.

    Args:
        machine: as uname(2) has it.
        is_64bit: of the process; a 32-bit one under a 64-bit kernel has the numbers of the small machine.

    Raises:
        OSError: ENOSYS, a machine that is not in the table.

    """
    if machine.startswith(("ppc", "s390")):
        key = machine[: 3 + machine.startswith("s390")]
    elif machine.startswith("arm"):
        key = "arm"
    elif not is_64bit and (machine == "x86_64" or machine[:1] + machine[2:] == "i86"):
        key = "i386"
    elif not is_64bit and machine == "aarch64":
        key = "arm"
    else:
        key = machine
    if key not in _NUMBERS:
        raise OSError(errno.ENOSYS, f"the numbers of the module system calls are not known for {machine}")
    return _NUMBERS[key]


def _call(which: int, *arguments: object) -> None:
    import ctypes  # noqa: PLC0415 - only what loads or unloads pays for it

    number = numbers(os.uname().machine, is_64bit=sys.maxsize > 1 << 32)[which]
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    if syscall(ctypes.c_long(number), *arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def finit_module(descriptor: int, options: bytes, flags: int) -> None:
    """Load the module in an open file; `options` as "a=1 b=2", `flags` MODULE_INIT_*.

    Raises:
        OSError: as finit_module(2).

    """
    import ctypes  # noqa: PLC0415 - as above

    _call(FINIT, ctypes.c_int(descriptor), ctypes.c_char_p(options), ctypes.c_int(flags))


def init_module(image: bytes, options: bytes) -> None:
    """Load the module whose ELF image these bytes are.

    Raises:
        OSError: as init_module(2).

    """
    import ctypes  # noqa: PLC0415 - as above

    _call(INIT, ctypes.c_char_p(image), ctypes.c_ulong(len(image)), ctypes.c_char_p(options))


def delete_module(name: bytes, flags: int) -> None:
    """Unload a module; `flags` of O_NONBLOCK and O_TRUNC (by force).

    Raises:
        OSError: as delete_module(2).

    """
    import ctypes  # noqa: PLC0415 - as above

    _call(DELETE, ctypes.c_char_p(name), ctypes.c_uint(flags))
