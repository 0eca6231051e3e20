"""What makes the hooks of loads, requests and removals decide (`ringward.guard.proof`).

A load has two looks more after its image: at the parameters that the kernel copies, and at the folder that it makes in
sysfs. Other calls go through the same functions of the kernel, and reach those hooks without a load.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress

from ringward.guard.proof import Hook, Proof
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE, NO_FAMILY, asks_for_modules, image_by_descriptor
from ringward.sensor.canary_thread import THREAD
from ringward.sensor.clock import NS, now
from ringward.sensor.container import mount_point

# arch/x86/entry/syscalls/syscall_64.tbl
_INIT_MODULE, _DELETE_MODULE, _KEYCTL = 175, 176, 250
# include/uapi/linux/keyctl.h. No key has the number 1 (security/keys/key.c: key_alloc_serial()).
_KEYCTL_SEARCH, _NO_KEY = 10, 1
HELPER_NS = 600 * NS
"""How often a process is started to prove that such processes are seen."""
_FOLDER = ".ringward-proof"

# Without the privilege, or when loading is closed for good, the kernel reads no image.
_CLOSED = (-errno.EPERM, -errno.EACCES)


def _load_file() -> bool:
    """Have the kernel read an image that is none; return whether it can have got to the hook."""
    return image_by_descriptor() not in _CLOSED


def _load_memory() -> bool:
    """Have it copy one from memory; return the same."""
    image = ctypes.create_string_buffer(GARBAGE)
    return _native.raw_syscall(_INIT_MODULE, ctypes.addressof(image), len(GARBAGE), 0) not in _CLOSED


def _copy_text() -> bool:
    """Have it copy a string as it copies parameters: strndup_user(), for a search below a key that is not there."""
    text = ctypes.create_string_buffer(b"keyring")
    at = ctypes.addressof(text)
    return _native.raw_syscall(_KEYCTL, _KEYCTL_SEARCH, _NO_KEY, at, at, 0) == -errno.ENOKEY


def _make_folder() -> bool:
    """Have it make a folder as it makes a module's: a cgroup, which the hook refuses to this thread."""
    top = mount_point()
    if not top:
        return False
    folder = top / _FOLDER
    # One that was made, and whose maker was killed, would be in the way.
    with suppress(OSError):
        folder.rmdir()
    try:
        folder.mkdir()
    except OSError as error:
        # Whatever it was that refused (fs/kernfs/dir.c: __kernfs_new_node()).
        return error.errno == errno.ENOMEM
    folder.rmdir()
    return True


def _start_thread() -> bool:
    """Start what counts as started for a request, and is nothing; it always gets there."""
    thread = threading.Thread(target=int, name="ringward-proof")
    thread.start()
    thread.join()
    return True


def _request() -> bool:
    """Have the kernel want a module; return whether it can have got to the hook."""
    with suppress(OSError):
        socket.socket(NO_FAMILY, socket.SOCK_STREAM).close()
    return asks_for_modules()


def _remove() -> bool:
    """Remove a module that is not there; return whether the kernel can have got to the hook."""
    name = ctypes.create_string_buffer(b"ringward canary")
    return _native.raw_syscall(_DELETE_MODULE, ctypes.addressof(name), os.O_NONBLOCK) == -errno.ENOENT


# The second looks follow a first one.
_HOOKS = (
    Hook("module_verdict", "file", "images in files", _load_file),
    Hook("module_verdict", "memory", "images in memory", _load_memory),
    Hook("module_verdict: strndup_user", "parameters", "copies of parameters", _copy_text),
    Hook("module_verdict: kernfs_init_security", "folder", "folders of modules", _make_folder),
    Hook("module_verdict: sched_process_fork", "child", "what modprobe starts", _start_thread),
    Hook("autoload_verdict", "request", "requests", _request),
    Hook("unload_verdict", "removal", "removals", _remove),
)
_HELPER = Hook("module_verdict: call_usermodehelper_exec_async", "helper", "modprobe of a request", _request)


class ModuleProof:
    """Makes each of these hooks decide.

    That the kernel's start of modprobe is seen, only such a start can prove: it is made every `HELPER_NS`, and
    more often where it was not seen.

    Args:
        maps: descriptor of each map of the kernel part, by name.
        attached: labels of the hooks that are attached.

    """

    def __init__(self, maps: Mapping[str, int], attached: Collection[str]) -> None:
        self._quick = Proof(maps, (hook for hook in _HOOKS if hook.label in attached))
        self._helper = Proof(maps, (hook for hook in (_HELPER,) if hook.label in attached), THREAD)
        self._helped = -HELPER_NS
        self._unhelped: dict[str, str] = {}

    @property
    def unreached(self) -> dict[str, str]:
        """The hooks that could not be made to decide by the last proof, and on what."""
        return {**self._quick.unreached, **self._helper.unreached}

    def undecided(self) -> dict[str, str]:
        """Return the hooks that the kernel has got to and that did not decide just now, and on what."""
        if self._unhelped or now() - self._helped >= HELPER_NS:
            self._helped = now()
            self._unhelped = self._helper.undecided()
        return {**self._quick.undecided(), **self._unhelped}
