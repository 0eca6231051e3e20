"""From the bytes of an eBPF object to the layout of its records; pure, no kernel contact."""

from __future__ import annotations

from ringward.btf.elf import ElfError, section, symbols
from ringward.btf.layout import Field, Layout, LayoutError, layouts
from ringward.btf.types import Btf, BtfError

__all__ = ["Btf", "BtfError", "ElfError", "Field", "Layout", "LayoutError", "layouts", "section", "symbols"]
