"""Whether a kernel would load a module: the checks of kernel/module/main.c and version.c, one by one.

Each answer is YES, NO or COULD_NOT_LOOK, with the reason.
"""

from __future__ import annotations

import errno
import os

from ringward.kmod import kernel as facts
from ringward.kmod.cmdline import kernel_blacklist
from ringward.kmod.verify import INVALID, VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ringward.kmod.kernel import Kernel
    from ringward.kmod.symvers import Export
    from ringward.kmod.verify import Verdict

YES, NO, COULD_NOT_LOOK = "yes", "no", "could not look"
_SHOWN = 5
"""Symbols that a reason names."""


class Check:
    """One answer: what was looked at ("loading", "vermagic", ...), the result, and why."""

    __slots__ = ("result", "what", "why")

    def __init__(self, what: str, result: str, why: str) -> None:
        self.what = what
        self.result = result
        self.why = why


class Candidate:
    """What a module's file says that matters.

    name: of the module.
    vermagic: the string, or None.
    wants: symbol, its checksum or None, whether it may be missing.
    gpl: whether its licence is compatible with the GPL.
    namespaces: that it imports.
    """

    __slots__ = ("gpl", "name", "namespaces", "vermagic", "wants")

    def __init__(
        self,
        name: str,
        vermagic: str | None,
        wants: list[tuple[str, int | None, bool]],
        namespaces: list[str],
        *,
        gpl: bool,
    ) -> None:
        self.name = name
        self.vermagic = vermagic
        self.wants = wants
        self.namespaces = namespaces
        self.gpl = gpl


class Provider:
    """Who has a symbol.

    module: `symvers.KERNEL` or the name of a module.
    ready: whether it is there by the time; a module: loaded already, or earlier in the plan.
    export: what is known of it.
    """

    __slots__ = ("export", "module", "ready")

    def __init__(self, module: str, export: Export, *, ready: bool) -> None:
        self.module = module
        self.export = export
        self.ready = ready


def overall(checks: list[Check]) -> str:
    """Return NO when one check says so, else COULD_NOT_LOOK when one could not, else YES."""
    results = {check.result for check in checks}
    return NO if NO in results else COULD_NOT_LOOK if COULD_NOT_LOOK in results else YES


def loading(kernel: Kernel, name: str) -> Check:
    """Return whether it loads modules at all, and one of that name."""
    what = "loading"
    refusal = _refuses_all(kernel) or _refuses_name(kernel, name)
    if refusal:
        return Check(what, NO, refusal)
    disabled, why = kernel.told(facts.DISABLED)
    return Check(what, COULD_NOT_LOOK, why) if disabled is None else Check(what, YES, f"{facts.DISABLED} is 0")


def _refuses_all(kernel: Kernel) -> str:
    """Return why a kernel loads no modules, or ""."""
    modular, where = kernel.option("MODULES")
    if modular == "n":
        return f"CONFIG_MODULES is not set ({where})"
    listed, why = kernel.told(facts.MODULES)
    if listed is None and kernel.running and os.strerror(errno.ENOENT) in why:
        return f"{why}: this kernel cannot load modules"
    disabled, _ = kernel.told(facts.DISABLED)
    if disabled is not None and disabled.strip() == "1":
        return f"{facts.DISABLED} is 1: until the next boot nothing is loaded"
    return ""


def _refuses_name(kernel: Kernel, name: str) -> str:
    """Return why the kernel command line keeps a module out, or "" (kernel/module/main.c: blacklisted)."""
    cmdline = kernel.told(facts.CMDLINE)[0] or ""
    if "nomodule" in cmdline.split():
        return f"'nomodule' in {facts.CMDLINE}"
    names, word = kernel_blacklist(cmdline)
    return f"'{word}' in {facts.CMDLINE}: the kernel itself refuses it" if name in names else ""


def vermagic(kernel: Kernel, module: Candidate) -> Check:
    """Return whether the version magic fits (same_magic): with symbol versions the release does not count."""
    what = "vermagic"
    if module.vermagic is None:
        return Check(what, NO, "it has none; only --force-vermagic would load it")
    theirs, where = kernel.vermagic()
    versioned = any(crc is not None for _, crc, _ in module.wants)
    release, _, rest = module.vermagic.partition(" ")
    if theirs is None:
        told = f"for {release}, not {kernel.version}"
        return Check(what, COULD_NOT_LOOK, where) if versioned or release == kernel.version else Check(what, NO, told)
    has_versions = versioned and "modversions" in theirs.split()
    same = rest == theirs.partition(" ")[2] if has_versions else module.vermagic == theirs
    # strcmp sees the blank at the end, too, but nobody who reads it does.
    if same:
        return Check(what, YES, f"'{theirs.strip()}' ({where})")
    return Check(what, NO, f"'{module.vermagic.strip()}', but the kernel's is '{theirs.strip()}' ({where})")


def signature(kernel: Kernel, verdict: Verdict) -> Check:
    """Return whether the kernel's policy lets the signature pass (module_sig_check in kernel/module/signing.c)."""
    what = "signature"
    if kernel.option("MODULE_SIG")[0] == "n":
        return Check(what, YES, f"{verdict.word}, but this kernel does not look (CONFIG_MODULE_SIG)")
    if verdict.word == VALID:
        return Check(what, YES, verdict.why)
    if verdict.word == INVALID:
        return Check(what, NO, f"{INVALID}: {verdict.why}")
    demanded, why = demands_signature(kernel)
    told = f"{verdict.word}: {verdict.why}; {why}"
    if demanded is None or verdict.word == COULD_NOT_LOOK:
        return Check(what, COULD_NOT_LOOK, told)
    return Check(what, NO if demanded else YES, told)


def demands_signature(kernel: Kernel) -> tuple[bool | None, str]:
    """Return whether only modules with a valid signature are loaded, and what says so; None: it is not known."""
    forced, where = kernel.option("MODULE_SIG_FORCE")
    if forced == "y":
        return True, f"CONFIG_MODULE_SIG_FORCE is set ({where})"
    enforced, why = kernel.told(facts.SIG_ENFORCE)
    if enforced is not None and enforced.strip() in {"Y", "1"}:
        return True, f"{facts.SIG_ENFORCE} is {enforced.strip()}"
    lockdown, why_lockdown = kernel.told(facts.LOCKDOWN)
    if lockdown is not None and "[none]" not in lockdown:
        return True, f"{facts.LOCKDOWN}: {lockdown.strip()}"
    if enforced is None:
        return None, f"whether a signature is demanded is not known: {why}"
    if lockdown is None and os.strerror(errno.ENOENT) not in why_lockdown:
        return None, f"whether a signature is demanded is not known: {why_lockdown}"
    return False, f"no signature is demanded ({facts.SIG_ENFORCE} is {enforced.strip()})"


def _some(symbols: list[str]) -> str:
    more = len(symbols) - _SHOWN
    return ", ".join(symbols[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def symbols(kernel: Kernel, module: Candidate, find: Callable[[str], Provider | None]) -> list[Check]:
    """Return whether all that it imports is there, with the checksums it was built for, and for its licence."""
    known = kernel.exports()[0] is not None
    found = {symbol: find(symbol) for symbol, _, _ in module.wants}
    return [
        _resolved(kernel, module, found, known=known),
        _versions(kernel, module, found),
        _licence(kernel, module, found),
        _namespaces(kernel, module, found),
    ]


_Found = dict[str, "Provider | None"]


def _resolved(kernel: Kernel, module: Candidate, found: _Found, *, known: bool) -> Check:
    what = "symbols"
    absent = [symbol for symbol, _, weak in module.wants if found[symbol] is None and not weak]
    late = [
        f"{symbol} (of {owner.module})" for symbol, _, _ in module.wants if (owner := found[symbol]) and not owner.ready
    ]
    if absent and known:
        return Check(what, NO, f"nobody exports {_some(absent)} ({kernel.exports()[1]})")
    if late:
        return Check(what, NO, f"those who export them are neither loaded nor will be: {_some(late)}")
    if absent:
        return Check(what, COULD_NOT_LOOK, kernel.exports()[1])
    return Check(what, YES, f"all {len(module.wants)} are there")


def _versions(kernel: Kernel, module: Candidate, found: _Found) -> Check:
    what = "symbol versions"
    versioned = [(symbol, crc) for symbol, crc, _ in module.wants if crc is not None]
    if not versioned:
        return _no_versions(kernel, what)
    wrong = []
    unknown = False
    for symbol, crc in versioned:
        owner = found[symbol]
        if owner is None or owner.export.crc is None:
            unknown = True
        elif owner.export.crc not in {crc, 0}:
            wrong.append(f"{symbol} (built for 0x{crc:08x}, {owner.module} has 0x{owner.export.crc:08x})")
    if wrong:
        return Check(what, NO, f"it disagrees about {_some(wrong)}")
    if unknown:
        exports, where = kernel.exports()
        return Check(what, COULD_NOT_LOOK, where if exports is None else f"{where} does not have all checksums")
    return Check(what, YES, f"all {len(versioned)} checksums agree")


def _no_versions(kernel: Kernel, what: str) -> Check:
    """Return whether a module without checksums is loaded (check_version in kernel/module/version.c)."""
    magic, why = kernel.vermagic()
    if magic is None:
        return Check(what, COULD_NOT_LOOK, why)
    if "modversions" not in magic.split():
        return Check(what, YES, "it has none, and the kernel wants none")
    forced, where = kernel.option("MODULE_FORCE_LOAD")
    if forced is None:
        return Check(what, COULD_NOT_LOOK, where)
    if forced == "n":
        return Check(what, NO, "it has none, and the kernel wants them")
    return Check(what, YES, f"it has none; the kernel is tainted, and loads it (CONFIG_MODULE_FORCE_LOAD, {where})")


def _licence(kernel: Kernel, module: Candidate, found: _Found) -> Check:
    what = "licence"
    if module.gpl:
        return Check(what, YES, "compatible with the GPL")
    owners = {symbol: owner for symbol, owner in found.items() if owner}
    refused = [symbol for symbol, owner in owners.items() if owner.export.gpl]
    if refused:
        return Check(what, NO, f"not compatible with the GPL, but it needs {_some(refused)}")
    if len(owners) < len(found) or any(owner.export.crc is None for owner in owners.values()):
        return Check(what, COULD_NOT_LOOK, kernel.exports()[1])
    return Check(what, YES, "not compatible with the GPL, but it needs nothing that has to be")


def _namespaces(kernel: Kernel, module: Candidate, found: _Found) -> Check:
    what = "namespaces"
    missing = sorted({owner.export.namespace for owner in found.values() if owner} - {"", *module.namespaces})
    if not missing:
        if kernel.exports()[0] is None:
            return Check(what, COULD_NOT_LOOK, kernel.exports()[1])
        return Check(what, YES, "all that it needs are imported")
    allowed, where = kernel.option("MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS")
    text = f"not imported: {_some(missing)}"
    if allowed == "y":
        return Check(what, YES, f"{text}; the kernel only warns (CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS)")
    if allowed is None:
        return Check(what, COULD_NOT_LOOK, f"{text}; whether the kernel only warns is not known: {where}")
    return Check(what, NO, text)
