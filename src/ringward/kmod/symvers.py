"""Module.symvers: what a kernel exports, with checksums (Documentation/kbuild/modules.rst, scripts/mod/modpost.c).

A line is "CRC symbol module export-type namespace", separated by tabs.
"""

from __future__ import annotations

from ringward.kmod.compression import decompress, read_file
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.tree import Tree

KERNEL = "vmlinux"
"""The module of a symbol that the kernel itself exports."""


class Export:
    """A symbol that is exported.

    crc: checksum of its type; 0: the kernel was built without; None: it is not known.
    module: `KERNEL`, or the module's path in the kernel's tree, without .ko.
    gpl: whether only modules with a GPL compatible licence get it.
    namespace: that a module has to import; "" for none.
    """

    __slots__ = ("crc", "gpl", "module", "namespace")

    def __init__(self, crc: int | None, module: str, namespace: str = "", *, gpl: bool = False) -> None:
        self.crc = crc
        self.module = module
        self.namespace = namespace
        self.gpl = gpl


def parse(text: str, path: str) -> dict[str, Export]:
    """Return the exports by symbol. Raises KmodError for a line that is none."""
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = line.split("\t")
        try:
            crc, symbol, module = int(words[0], 16), words[1], words[2]
            crc.to_bytes(4, "big")
        except (ValueError, IndexError, OverflowError):
            raise KmodError(path, f"line {number}: not 'CRC symbol module type namespace': {line[:80]!r}") from None
        kind = words[3] if len(words) > 3 else ""
        found[symbol] = Export(crc, module, words[4] if len(words) > 4 else "", gpl="GPL" in kind)
    return found


def places(tree: Tree) -> list[str]:
    """Return where distributions put the file of a kernel."""
    version, base = tree.version, tree.base
    return [
        f"{tree.directory}/build/Module.symvers",
        f"{tree.directory}/Module.symvers",
        *(f"{tree.directory}/symvers.{ending}" for ending in ("gz", "xz", "zst")),
        f"{base}/usr/src/linux-headers-{version}/Module.symvers",
        f"{base}/usr/src/kernels/{version}/Module.symvers",
        *(f"{base}/boot/symvers-{version}.{ending}" for ending in ("gz", "xz", "zst")),
    ]


def find(tree: Tree) -> tuple[dict[str, Export] | None, str]:
    """Return the exports of a tree's kernel, and the file that they are from; None, and why, when there is none."""
    problems = []
    for path in places(tree):
        try:
            return parse(decompress(read_file(tree.real(path)), path).decode("utf-8", "replace"), path), path
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problems.append(f"{path}: {error.strerror}")
        except KmodError as error:
            problems.append(told(error, tree.root))
    return None, "; ".join(problems) or f"no Module.symvers of {tree.version}: install this kernel's headers"


def of_kallsyms(text: str) -> dict[str, Export]:
    """Return what a running kernel exports, from /proc/kallsyms (CONFIG_KALLSYMS_ALL); neither checksums nor licence.

    A line is "address type name", and "[module]" behind a tab when it is a module's.
    """
    mark = " __ksymtab_"
    found = {}
    for line in text.split("\n"):
        _, at, name = line.partition(mark)
        if at and "[" not in name and name not in {"strings", "gpl"}:
            found[name] = Export(None, KERNEL)
    return found
