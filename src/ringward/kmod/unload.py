"""Unloading one module, for real or in the state that a sysroot has written down.

What is to be unloaded along with it is not decided here: see `removal`.
"""

from __future__ import annotations

import errno
import os

from ringward.kmod.errors import KmodError
from ringward.kmod.load import RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.proc import Live

LONGEST_PAUSE = 0.1
"""Seconds between two tries at most: a module that comes free is not left waiting."""


def remove(name: str, *, force: bool = False, wait: int = 0, root: str = "") -> None:
    """Unload one module.

    Args:
        name: of it, with underscores.
        force: even if it is in use (CONFIG_MODULE_FORCE_UNLOAD); the machine may crash.
        wait: milliseconds that it is tried for while the module is in use, at growing intervals.
        root: "" unloads for real. Any other sysroot: no system call is made; what would follow is written down
            below it, see `sysroot_state`.

    Raises:
        RefusedError: the kernel said no; EAGAIN: in use, ENOENT: not loaded, EBUSY: it cannot be unloaded.

    """
    if wait <= 0:
        _remove(name, force=force, root=root)
        return
    from time import monotonic, sleep  # noqa: PLC0415 - only this needs it

    end = monotonic() + wait / 1000
    pause = 0.001
    while True:
        try:
            _remove(name, force=force, root=root)
        except RefusedError as error:
            left = end - monotonic()
            if error.errno != errno.EAGAIN or left <= 0:
                raise
            sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            return


def _remove(name: str, *, force: bool, root: str) -> None:
    if root:
        from ringward.kmod.sysroot_state import SysrootState  # noqa: PLC0415 - the other way in needs none of it

        SysrootState(root).remove(name, force=force)
        return
    from ringward.kmod.syscalls import delete_module  # noqa: PLC0415 - as above

    try:
        # Without O_NONBLOCK older kernels wait until the module comes free, and nobody can use it meanwhile.
        delete_module(os.fsencode(name), os.O_NONBLOCK | (os.O_TRUNC if force else 0))
    except OSError as error:
        raise RefusedError(error.errno, error.strerror, name) from error


def why_not(live: Live, name: str, *, builtin: bool) -> str | None:
    """Return why rmmod does not try to unload a module, as a sentence without a program's name; None: it tries.

    Args:
        live: what is loaded.
        name: of the module.
        builtin: whether modules.builtin lists it; not all that are built in leave a trace in /sys.

    Raises:
        KmodError: a file of /sys, or of a sysroot that is taken for it, is damaged.

    """
    state = "builtin" if builtin else live.state(name)
    if state is None:
        return f"Module {name} is not currently loaded"
    if state == "builtin":
        return f"Module {name} is builtin."
    try:
        holders = live.holders(name)
        if holders:
            return f"Module {name} is in use by: {' '.join(holders)}"
        return f"Module {name} is in use" if live.refcount(name) > 0 else None
    except (OSError, KmodError) as error:
        if live.state(name) is None:  # it has gone meanwhile
            return f"Module {name} is not currently loaded"
        if isinstance(error, KmodError):
            raise
        return "Module unloading is not supported"
