"""The kernel that is to load modules: what it exports, its version magic, what it demands of a signature.

Everything is read when it is asked for. What cannot be known is None, with the reason.
"""

from __future__ import annotations

import os
import re

from ringward.kmod import ksymtab, symvers
from ringward.kmod.certificates import LIMIT, payload
from ringward.kmod.compression import decompress, read_file
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import told
from ringward.kmod.verify import Trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.symvers import Export
    from ringward.kmod.tree import Tree

CMDLINE = "/proc/cmdline"
MODULES = "/proc/modules"
DISABLED = "/proc/sys/kernel/modules_disabled"
KALLSYMS = "/proc/kallsyms"
SIG_ENFORCE = "/sys/module/module/parameters/sig_enforce"
LOCKDOWN = "/sys/kernel/security/lockdown"
_TEXT_LIMIT = 1 << 26
_ELF = b"\x7fELF"


class _Image:
    """What a kernel's image says: its version magic, and what it exports (see `ksymtab`)."""

    __slots__ = ("exports", "vermagic")

    def __init__(self, vermagic: str, exports: dict[str, Export]) -> None:
        self.vermagic = vermagic
        self.exports = exports


class Kernel:
    """What is known of one kernel.

    Args:
        tree: its modules.
        running: whether it is the one that runs, so that /proc and /sys tell of it. Below a sysroot they do so as
            far as they are there.
        certificates: files of certificates that it trusts, without the sysroot; none: those built into its image.

    """

    def __init__(self, tree: Tree, *, running: bool, certificates: tuple[str, ...] = ()) -> None:
        self.tree = tree
        self.version = tree.version
        self.running = running
        self._certificates = certificates
        self._trusted: Trusted | None = None
        self._exports: tuple[dict[str, Export] | None, str] | None = None
        self._image: tuple[_Image | None, str] | None = None
        self._config: tuple[dict[str, str] | None, str] | None = None

    def told(self, path: str) -> tuple[str | None, str]:
        """Return the text of a file of /proc or /sys, and its path; None, and why, when it says nothing."""
        if not (self.running or self.tree.root):
            return None, f"{self.version} is not the running kernel"
        return self._text(path)

    def exports(self) -> tuple[dict[str, Export] | None, str]:
        """Return what it exports by symbol, and where that stands; None, and why it is not known."""
        if self._exports is None:
            found, where = symvers.find(self.tree)
            image, place = (None, "") if found is not None else self._of_image()
            if image and image.exports:
                found, where = image.exports, place
            if found is None and (text := self.told(KALLSYMS)[0]) and (known := symvers.of_kallsyms(text)):
                found, where = known, KALLSYMS
            self._exports = found, where
        return self._exports

    def vermagic(self) -> tuple[str | None, str]:
        """Return the version magic that it compares with, and where that stands; None, and why it is not known."""
        image, where = self._of_image()
        return (image.vermagic, where) if image else (None, where)

    def trusted(self) -> Trusted:
        """Return the certificates that its signatures are checked with."""
        if self._trusted is None:
            found = self._trusted = Trusted(self.tree.root)
            for path in self._certificates:
                found.add(path)
            if not self._certificates:
                found.add_kernel(self.version, self.tree.base)
        return self._trusted

    def option(self, name: str) -> tuple[str | None, str]:
        """Return the value of a configuration option ("y", "n" when it is not set), and the file that says so."""
        if self._config is None:
            self._config = self._find_config()
        options, where = self._config
        return (None, where) if options is None else (options.get(name, "n"), where)

    def _find_config(self) -> tuple[dict[str, str] | None, str]:
        base, version = self.tree.base, self.version
        places = [f"{base}/boot/config-{version}", f"{self.tree.directory}/config"]
        if self.running or self.tree.root:
            places.append("/proc/config.gz")
        for place in places:
            text, _ = self._text(place)
            if text is not None:
                return dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE)), place
        return None, f"its configuration is in none of {', '.join(places)}"

    def _of_image(self) -> tuple[_Image | None, str]:
        """Return what its image says, and where that is; None, and why it is not known."""
        if self._image is None:
            self._image = self._find_image()
        return self._image

    def _find_image(self) -> tuple[_Image | None, str]:
        base = self.tree.base
        problems = []
        for place in (f"{base}/boot/vmlinuz-{self.version}", f"{self.tree.directory}/vmlinuz"):
            try:
                image = decompress(payload(read_file(self.tree.real(place), LIMIT), place), place, LIMIT)
                # include/linux/vermagic.h: the release, then words; each of them ends in a blank.
                words = rb"(?:SMP |preempt\w* |mod_unload |modversions |RANDSTRUCT\w* )"
                match = re.search(re.escape(os.fsencode(self.version)) + rb" " + words + rb"[ -~]{0,200}\0", image)
                if match:
                    exports = ksymtab.exports(image, place) if image.startswith(_ELF) else {}
                    return _Image(match[0][:-1].decode("ascii"), exports), place
                problems.append(f"{place}: there is no version magic of {self.version} in it")
            except OSError as error:
                problems.append(f"{place}: {error.strerror}")
            except KmodError as error:
                problems.append(told(error, self.tree.root))
        return None, "; ".join(problems)

    def _text(self, path: str) -> tuple[str | None, str]:
        try:
            real = self.tree.real(path)
            fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                parts = []
                left = _TEXT_LIMIT
                while left > 0 and (part := os.read(fd, min(left, 1 << 20))):
                    parts.append(part)
                    left -= len(part)
            finally:
                os.close(fd)
            return decompress(b"".join(parts), path, _TEXT_LIMIT).decode("utf-8", "replace"), path
        except OSError as error:
            return None, f"{path}: {error.strerror}"
        except KmodError as error:
            return None, told(error, self.tree.root)
