"""What is loaded, as the kernel tells it in /proc/modules and /sys/module."""

from __future__ import annotations

import os

from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import inside

LIMIT = 16 << 20
"""Bytes of /proc/modules that are read at most: some 200,000 modules; the kernel's own list of names ends earlier."""
PERMANENT = "[permanent]"
"""Stands among the holders of what has no exit function."""
STATES = {"Live": "live", "Loading": "coming", "Unloading": "going"}
"""/proc/modules' words for a state (kernel/module/procfs.c), and initstate's in /sys (kernel/params.c, main.c)."""


class LoadedModule:
    """One loaded module.

    name: as the kernel has it, with underscores.
    size: bytes of it that stay in memory (coresize).
    refcount: users, modules and others; -1: cannot be removed; None: the kernel cannot unload modules.
    holders: modules that use its symbols, in the order that the kernel tells.
    state: "live", "coming" or "going".
    address: where it begins; 0 when the kernel hides it.
    taint: the letters that the module adds to the kernel's taint, "" for none; "+" and "-" of a state are not in it.
    permanent: whether it has no exit function, so that only force unloads it.
    """

    __slots__ = ("address", "holders", "name", "permanent", "refcount", "size", "state", "taint")

    def __init__(
        self,
        name: str,
        size: int,
        refcount: int | None,
        holders: tuple[str, ...],
        state: str,
        address: int,
        taint: str,
        *,
        permanent: bool = False,
    ) -> None:
        self.name = name
        self.size = size
        self.refcount = refcount
        self.holders = holders
        self.state = state
        self.address = address
        self.taint = taint
        self.permanent = permanent


def _number(digits: str, base: int = 10) -> int:
    """Return a number of 64 bits without sign; ValueError for anything else, as for what int() takes besides."""
    number = int(digits, base)
    if not 0 <= number < 1 << 64 or "_" in digits:
        raise ValueError(digits)
    return number


def parse_modules(text: str, path: str = "/proc/modules") -> list[LoadedModule]:
    """Return the modules that the text of /proc/modules lists, in its order.

    A line is "name size refcount holder,holder, state address (taint)" (kernel/module/procfs.c); without module
    unloading refcount and holders are "-".

    Raises:
        KmodError: a line is cut off or a number is none.

    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(" ")
        if len(words) < 6 or not words[0]:
            raise KmodError(path, f"line {number}: fewer than 6 words: '{line[:80]}'")
        name, size, count, users, state, address, *more = words
        try:
            refcount = {"-": None, "-1": -1}[count] if count[:1] == "-" else _number(count)
            listed = users.split(",")
            holders = tuple(user for user in listed if user not in {"", "-", PERMANENT})
            taint = more[0].strip("()").rstrip("+-") if more else ""
            module = LoadedModule(name, _number(size), refcount, holders, STATES[state], _number(address, 16), taint)
            module.permanent = PERMANENT in listed
            found.append(module)
        except (ValueError, KeyError):
            raise KmodError(path, f"line {number}: not a number, or no known state: '{line[:80]}'") from None
    return found


def read_text(path: str, limit: int = LIMIT) -> str:
    """Return the text of a file of /proc or /sys; OSError as open(2) and read(2); KmodError beyond `limit` bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        left = limit + 1
        while left > 0 and (piece := os.read(descriptor, min(left, 1 << 16))):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise KmodError(path, f"longer than {limit} bytes")
    return b"".join(pieces).decode("utf-8", "surrogateescape")


class Live:
    """The modules of the running kernel, or what the sysroot `root` has of /proc and /sys; "" is the running kernel.

    Attributes: `proc` and `sys`, the paths that are read.
    """

    def __init__(self, root: str = "") -> None:
        self.proc = inside(root, "/proc/modules")
        self.sys = inside(root, "/sys/module")

    def modules(self) -> list[LoadedModule]:
        """Return what is loaded, in the kernel's order, newest first.

        /proc/modules tells all of it at once. /sys/module is asked for the order of several holders, and for the
        size of what is being loaded or unloaded; what has gone by then is left out.

        Raises:
            OSError: /proc/modules cannot be read: FileNotFoundError on a kernel without loadable modules.
            KmodError: it is malformed.

        """
        # The kernel gives a page at a time: what is loaded between two of them moves a line into the next one again.
        listed = list({module.name: module for module in parse_modules(read_text(self.proc), self.proc)}.values())
        # There /proc/modules counts data that coresize does not (CONFIG_ARCH_WANTS_MODULES_DATA_IN_VMALLOC).
        other_size = os.uname().machine.startswith("ppc")
        return [module for module in listed if self._refine(module, other_size=other_size)]

    def _refine(self, module: LoadedModule, *, other_size: bool) -> bool:
        """Correct what lsmod takes from /sys; return whether the module is still there."""
        folder = f"{self.sys}/{module.name}"
        unsettled = module.state != "live"
        if not unsettled and not other_size and len(module.holders) < 2:
            return True
        try:
            if unsettled or other_size:
                module.size = int(read_text(f"{folder}/coresize"))
            if len(module.holders) > 1:
                order = os.listdir(f"{folder}/holders")  # noqa: PTH208 - pathlib costs too much
                if sorted(order) == sorted(module.holders):
                    module.holders = tuple(order)
        except (OSError, ValueError):
            # Its files go one by one while it is unloaded, and come late while it is loaded. Without /sys, nobody
            # knows better than /proc.
            gone = not os.path.isdir(folder) and os.path.isdir(self.sys)  # noqa: PTH112 - as above
            return not gone or module.state == "coming"
        return True

    def state(self, name: str) -> str | None:
        """Return "live", "coming", "going", "builtin", or None: not in the kernel.

        /sys/module/NAME without initstate is a part of the kernel itself that has parameters or a version; one
        that has neither leaves no trace there (modules.builtin lists it).
        """
        folder = f"{self.sys}/{name}"
        try:
            return read_text(f"{folder}/initstate").strip()
        except OSError:
            return "builtin" if name and os.path.isdir(folder) else None  # noqa: PTH112 - pathlib costs too much

    def holders(self, name: str) -> list[str]:
        """Return the modules that use symbols of a loaded one, in the kernel's order; OSError when it is not loaded."""
        return os.listdir(f"{self.sys}/{name}/holders")  # noqa: PTH208 - pathlib costs too much

    def refcount(self, name: str) -> int:
        """Return how many use a loaded module.

        Raises:
            OSError: it is not loaded, or the kernel cannot unload modules.
            KmodError: the file has no number.

        """
        path = f"{self.sys}/{name}/refcnt"
        text = read_text(path)
        try:
            return int(text)
        except ValueError:
            raise KmodError(path, f"not a number: '{text[:80]}'", 0) from None

    def compression(self) -> str | None:
        """Return "gzip", "xz" or "zstd", what the kernel itself can unpack; None: nothing, or it is older than 5.17.

        Commit b1ae6dc41eaa ("module: add in-kernel support for decompressing").
        """
        try:
            return read_text(f"{self.sys}/compression").strip()
        except OSError:
            return None
