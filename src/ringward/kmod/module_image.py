"""What the kernel would make of a module's ELF image: its name, size, needs, parameters, taint."""

from __future__ import annotations

from ringward.kmod.elf import Elf
from ringward.kmod.modinfo import image_info
from ringward.kmod.names import module_name, path_to_name
from ringward.kmod.taint import taints

PAGE = 4096
_WRITE, _ALLOC, _EXEC = 1, 2, 4
_DROPPED = (".modinfo", "__versions")
"""Sections that the loader reads and does not keep (rewrite_section_headers in kernel/module/main.c)."""
_RO_AFTER_INIT = (".data..ro_after_init", "__jump_table")
_SYMBOL = 24 + 1
"""Bytes that a kept symbol takes beside its name: Elf64_Sym and its type letter."""
_TAINT_ORDER = "PFCOEKN"
"""Letters in the order of the kernel's table (taint_flags in kernel/panic.c)."""


def taint_letters(letters: set[str]) -> str:
    """Return letters of a module's taint as the kernel shows them."""
    return "".join(letter for letter in _TAINT_ORDER if letter in letters)


class ModuleImage:
    """A module file as the kernel sees it.

    name: of the module.
    depends: modules whose symbols it uses.
    parameters: name -> kind, as modinfo's parmtype has it; "" when that is not said.
    permanent: it has an init function and no exit function, so that only force unloads it.
    taint: letters of the kernel's taint that it sets for sure; whether its signature is valid is not looked at.
    bits: 32 or 64.

    Raises:
        KmodError: it is no ELF module.

    """

    __slots__ = ("_elf", "bits", "depends", "name", "parameters", "permanent", "taint")
    taint: set[str]

    def __init__(self, image: bytes, path: str = "") -> None:
        elf = self._elf = Elf(image, path)
        self.bits = elf.bits
        info = [text.partition("=") for text in elf.modinfo()]
        first = {key: value for key, _, value in reversed(info)}
        self.name = module_name(first.get("name", "") or path_to_name(path))
        self.depends = [module_name(word) for word in first.get("depends", "").split(",") if word]
        self.parameters = {value.partition(":")[0]: "" for key, _, value in info if key == "parm"}
        self.parameters |= {
            value.partition(":")[0]: value.partition(":")[2] for key, _, value in info if key == "parmtype"
        }
        defined = {symbol.name for symbol in elf.symbols() if symbol.section}
        self.permanent = "init_module" in defined and "cleanup_module" not in defined
        self.taint = {one.letter for one in taints(image_info(image, path)) if one.certain}

    def size(self) -> int:
        """Return the bytes that stay in memory, about as coresize says.

        What is executable, constant, constant after init and writable each begin a page (layout_sections in
        kernel/module/main.c); the symbol table that kallsyms keeps is with the writable. Kernels differ in what
        they add: the answer may be a page off.
        """
        groups = [0, 0, 0, 0]
        kept = set()
        for index, section in enumerate(self._elf.sections):
            if not section.flags & _ALLOC or section.name.startswith(".init") or section.name in _DROPPED:
                continue
            kept.add(index)
            if section.flags & _EXEC:
                group = 0
            elif section.name in _RO_AFTER_INIT:
                group = 2
            else:
                group = 3 if section.flags & _WRITE else 1
            groups[group] = -(-groups[group] // 16) * 16 + section.size
        symbols = [symbol for symbol in self._elf.symbols() if symbol.section in kept]
        groups[3] += _SYMBOL + sum(_SYMBOL + len(symbol.name) + 1 for symbol in symbols)
        return sum(-(-group // PAGE) * PAGE for group in groups)
