"""Loads and unloads under a sysroot: nothing real happens, the state that would follow is written down.

Below the sysroot, as on a running system: sys/module/NAME with initstate, refcnt, coresize, initsize, taint, holders/
and parameters/, and proc/modules. This module makes no system call on modules and imports none that does.

What the kernel would refuse is refused with its errno, as far as the files can tell: a module that is loaded
already, one whose needed modules are not loaded, a parameter of the wrong type, what is no module at all; unloading
what is in use, not loaded, or has no exit function. Signatures, symbol versions and vermagic are not looked at.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from ringward.kmod.compression import read_module
from ringward.kmod.errors import KmodError
from ringward.kmod.load import FORCE, RefusedError
from ringward.kmod.module_image import ModuleImage, taint_letters
from ringward.kmod.parameters import given, shown
from ringward.kmod.proc import PERMANENT, Live, LoadedModule, parse_modules, read_text
from ringward.kmod.sysroot import inside

_HIDDEN_ADDRESS = 0
"""What /proc/modules shows to those who may not see addresses."""


class SysrootState:
    """The modules that are "loaded" in the system below `root`.

    Raises:
        ValueError: `root` is "" or "/", the running system.

    """

    def __init__(self, root: str) -> None:
        if Path(root or "/").resolve() == Path("/"):
            raise ValueError("a sysroot is needed that is not /: there the kernel itself says what is loaded")
        self.root = root
        self.live = Live(root)
        self._sys = Path(self.live.sys)

    def insert(self, path: str, options: str = "", flags: int = 0) -> None:
        """Write down that the module in a file is loaded.

        Args:
            path: of the file, without the root.
            options: as the kernel gets them.
            flags: of load.FORCE; any of them adds F to the module's taint.

        Raises:
            RefusedError: as init_module(2): EEXIST, ENOENT, ENOEXEC, EINVAL, ERANGE.
            OSError: the file cannot be read, or the sysroot not be written.
            KmodError: the compressed stream is damaged.

        """
        data = read_module(inside(self.root, path))
        if not data:
            raise _refused(errno.EINVAL, path)
        try:
            image = ModuleImage(data, path)
            size = image.size()
        except KmodError as error:
            raise _refused(errno.ENOEXEC, path) from error
        if self.live.state(image.name) is not None:
            raise _refused(errno.EEXIST, path)
        if any(self.live.state(needed) is None for needed in image.depends):
            raise _refused(errno.ENOENT, path)
        values = {}
        for name, value in given(options):
            parameter = name.replace("-", "_")
            if parameter in image.parameters:  # others are ignored, with a line in the kernel's log
                try:
                    values[parameter] = shown(image.parameters[parameter], value, image.bits)
                except OSError as error:
                    raise _refused(error.errno or errno.EINVAL, path) from error
        taint = taint_letters(image.taint | ({"F"} if flags & FORCE else set()))
        listed = self._listed()
        self._make_folder(image.name, size, taint, values)
        module = LoadedModule(image.name, size, 0, (), "live", _HIDDEN_ADDRESS, taint, permanent=image.permanent)
        self._use(image.name, image.depends, listed)
        self._write_list([module, *listed])

    def remove(self, name: str, *, force: bool = False) -> None:
        """Write down that a module is unloaded.

        Raises:
            RefusedError: as delete_module(2): ENOENT, EAGAIN, EBUSY.
            OSError: the sysroot cannot be written.

        """
        state = self.live.state(name)
        if state in {None, "builtin"}:
            raise _refused(errno.ENOENT, name)
        listed = self._listed()
        module = next((one for one in listed if one.name == name), None)
        if self.live.holders(name):
            raise _refused(errno.EAGAIN, name)
        if state != "live" or (module and module.permanent and not force):
            raise _refused(errno.EBUSY, name)
        if self.live.refcount(name) > 0 and not force:
            raise _refused(errno.EAGAIN, name)
        listed = [one for one in listed if one.name != name]
        for used in sorted(self._sys.glob(f"*/holders/{name}")):
            used.unlink()
            self._count(used.parts[-3], -1)
        for one in listed:
            if name in one.holders:
                one.holders = tuple(holder for holder in one.holders if holder != name)
                one.refcount = (one.refcount or 0) - 1
        self._write_list(listed)
        shutil.rmtree(self._sys / name)

    def _listed(self) -> list[LoadedModule]:
        try:
            return parse_modules(read_text(self.live.proc), self.live.proc)
        except FileNotFoundError:
            return []

    def _use(self, name: str, needs: list[str], listed: list[LoadedModule]) -> None:
        """Enter a module as a holder of those that it needs; change what is listed of them."""
        for needed in needs:
            if self.live.state(needed) == "builtin":
                continue
            holders = self._sys / needed / "holders"
            holders.mkdir(exist_ok=True)
            (holders / name).symlink_to(f"../../{name}")
            self._count(needed, 1)
        for one in listed:
            if one.name in needs:
                one.holders = (name, *one.holders)
                one.refcount = (one.refcount or 0) + 1

    def _count(self, name: str, step: int) -> None:
        _write(self._sys / name / "refcnt", f"{self.live.refcount(name) + step}\n")

    def _make_folder(self, name: str, size: int, taint: str, values: dict[str, str]) -> None:
        """Make sys/module/NAME, whole or not at all."""
        draft = self._sys / f".{name}.{os.getpid()}"
        (draft / "holders").mkdir(parents=True)
        try:
            facts = {"initstate": "live", "refcnt": "0", "coresize": f"{size}", "initsize": "0", "taint": taint}
            for file, text in facts.items():
                _write(draft / file, f"{text}\n")
            if values:
                (draft / "parameters").mkdir()
            for parameter, text in values.items():
                _write(draft / "parameters" / parameter, f"{text}\n")
            draft.rename(self._sys / name)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _write_list(self, modules: list[LoadedModule]) -> None:
        proc = Path(self.live.proc)
        proc.parent.mkdir(parents=True, exist_ok=True)
        _write(proc, "".join([to_line(module) for module in modules]))


def to_line(module: LoadedModule) -> str:
    """Return the line that /proc/modules has of a module."""
    words = {"live": "Live", "coming": "Loading", "going": "Unloading"}
    users = [*([PERMANENT] if module.permanent else []), *module.holders]
    count = "-" if module.refcount is None else f"{module.refcount}"
    mark = {"coming": "+", "going": "-"}.get(module.state, "")
    taint = f" ({module.taint}{mark})" if module.taint or mark else ""
    held = "".join([f"{user}," for user in users]) or "-"
    return f"{module.name} {module.size} {count} {held} {words[module.state]} 0x{module.address:016x}{taint}\n"


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _refused(code: int, what: str) -> RefusedError:
    return RefusedError(code, os.strerror(code), what)
