"""How a module would taint the kernel (Documentation/admin-guide/tainted-kernels.rst, kernel/module/main.c)."""

from __future__ import annotations

from ringward.kmod.verify import COULD_NOT_LOOK, UNSIGNED, VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.modinfo import ModInfo
    from ringward.kmod.verify import Verdict

GPL_COMPATIBLE = frozenset(
    ("GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL")
)
"""Licences after which a module may use symbols that are exported for the GPL only (include/linux/license.h)."""
_PROPRIETARY = {
    "ndiswrapper": "it loads proprietary drivers",
    "driverloader": "it is known to be proprietary",
    "lve": "it claims to be free and is not",
}


class Taint:
    """One flag.

    Attributes:
        letter: as in /proc/sys/kernel/tainted's documentation and /proc/modules.
        why: what sets it.
        certain: False: it depends on what could not be looked at.

    """

    __slots__ = ("certain", "letter", "why")

    def __init__(self, letter: str, why: str, *, certain: bool = True) -> None:
        self.letter = letter
        self.why = why
        self.certain = certain


def licence(info: ModInfo) -> tuple[str | None, bool]:
    """Return the licence that the kernel goes by, its first; None: none is named; and whether it is GPL compatible."""
    found = info.values("license")
    return (found[0], found[0] in GPL_COMPATIBLE) if found else (None, False)


def taints(info: ModInfo, verdict: Verdict | None = None) -> list[Taint]:
    """Return the flags that loading the module would set, in a kernel that checks signatures (CONFIG_MODULE_SIG).

    Args:
        info: of the module.
        verdict: on its signature; None: nobody looked.

    """
    found = []
    text, compatible = licence(info)
    name = (info.values("name") or [""])[0]
    if not compatible:
        found.append(Taint("P", f"licence '{text}'" if text is not None else "no licence is named"))
    elif name in _PROPRIETARY:
        found.append(Taint("P", _PROPRIETARY[name]))
    if not info.values("intree"):
        found.append(Taint("O", "it is not of the kernel's own tree"))
    if info.values("staging"):
        found.append(Taint("C", "it is of the staging tree"))
    if info.values("livepatch"):
        found.append(Taint("K", "it is a live patch"))
    if info.values("test"):
        found.append(Taint("N", "it is a test"))
    if info.appended is None or (verdict is not None and verdict.word == UNSIGNED):
        found.append(Taint("E", "it is not signed"))
    elif verdict is None or verdict.word == COULD_NOT_LOOK:
        why = "nobody looked" if verdict is None else verdict.why
        found.append(Taint("E", f"unless its signature is valid: {why}", certain=False))
    elif verdict.word != VALID:
        found.append(Taint("E", f"its signature is not valid: {verdict.why}"))
    return found
