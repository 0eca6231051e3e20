"""Which device nodes a module wants to be there before it is loaded: modules.devname."""

from __future__ import annotations

import re

from ringward.kmod.depmod.module import ERROR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Module, Report

# As sscanf(3) reads %u: blanks and a sign before the digits.
_NUMBERS = re.compile(r"(char|block)-major-[ \t\n\v\f\r]*([+-]?[0-9]+)-[ \t\n\v\f\r]*([+-]?[0-9]+)")
_U32 = (1 << 32) - 1
_ULONG = (1 << 64) - 1


def _number(digits: str) -> int:
    """Return what sscanf(3) stores for %u: strtoul's answer, cut to 32 bits."""
    plain = digits.lstrip("+-").lstrip("0") or "0"
    # Beyond 64 bits strtoul gives the greatest number there is; int() refuses thousands of digits.
    if len(plain) > len(str(_ULONG)) or int(plain) > _ULONG:
        return _U32
    return (-int(plain) if digits.startswith("-") else int(plain)) & _U32


def devname(module: Module, report: Report) -> str | None:
    """Return a module's line of modules.devname, without line end; None: it has none, or an incomplete one.

    That is the name of its ``devname:`` alias, and type and numbers of its ``char-major-`` or ``block-major-`` alias.
    """
    name: str | None = None
    node = ""
    for alias in module.aliases:
        if alias.startswith("devname:"):
            name = alias.removeprefix("devname:")
        elif match := _NUMBERS.match(alias):
            node = f"{match[1][0]}{_number(match[2])}:{_number(match[3])}"
        if name is not None and node:
            return f"{module.name} {name} {node}"
    if name is not None:
        report(ERROR, f"Module '{module.name}' has devname ({name}) but lacks major and minor information. Ignoring.")
    return None
