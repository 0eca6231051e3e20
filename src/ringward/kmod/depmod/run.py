"""From a module directory to what is to be written into it."""

from __future__ import annotations

from ringward.kmod.contents import scan_many
from ringward.kmod.depmod import builtin, cycles, indexes, order, texts
from ringward.kmod.depmod.module import ERROR, reason
from ringward.kmod.depmod.policy import Policy
from ringward.kmod.depmod.scan import Scan
from ringward.kmod.depmod.symbols import Symbols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.cycles import Cycles
    from ringward.kmod.depmod.module import Module, Place, Report
    from ringward.kmod.depmod.scan import Duplicate
    from ringward.kmod.depmod.symbols import Unresolved


class Options:
    """What is to be done.

    Attributes:
        directory: of the modules.
        version: of the kernel, which overrides and external directories are chosen by.
        files: absolute paths of the only modules that take part; None: all of the directory.
        root: of the system that is looked at; "" is this one.
        policy: which files count; see `depmod_config`.
        symvers: a Module.symvers, which says what the kernel exports, and in which version.
        system_map: a System.map, which says what the kernel exports; not used when there is a Module.symvers.
        report_missing: whether symbols that nobody exports are reported.
        prefix: a character in front of a symbol's name that does not count.
        list_needs: whether each need is listed.
        warn_duplicates: whether an alias that a module has twice is reported.
        keep_going: whether there is something to write in spite of a cycle.
        threads: how many read the modules; None: one for each processor.

    """

    def __init__(self, directory: Place, version: str) -> None:
        self.directory = directory
        self.version = version
        self.files: list[str] | None = None
        self.root = ""
        self.policy = Policy()
        self.symvers: Place | None = None
        self.system_map: Place | None = None
        self.report_missing = False
        self.prefix = ""
        self.list_needs = False
        self.warn_duplicates = False
        self.keep_going = False
        self.threads: int | None = None


class Result:
    """What was found.

    Attributes:
        modules: those that take part, in the order of their priority.
        duplicates: decisions between files of one name.
        damaged: module -> why its file could not be read; it takes part with nothing but its name.
        unresolved: symbols that nobody exports, or in another version, where they were asked for.
        cycles: modules that need each other.
        symbols: who exports what.
        needs: of each module all that it needs, directly or not.

    """

    def __init__(self, modules: list[Module], duplicates: list[Duplicate]) -> None:
        self.modules = modules
        self.duplicates = duplicates
        self.damaged: dict[Module, Exception] = {}
        self.unresolved: list[Unresolved] = []
        self.cycles: Cycles = cycles.Cycles()
        self.symbols = Symbols()
        self.needs: list[list[Module]] = []


def find(options: Options, report: Report) -> Result:
    """Look at all modules, and at who needs whom.

    Raises:
        DepmodError: the directory, a named module or the kernel's symbols cannot be read.

    """
    symbols = Symbols(options.prefix, with_crcs=options.symvers is not None)
    if options.symvers is not None:
        symbols.add_symvers(options.symvers, report)
    elif options.system_map is not None:
        symbols.add_system_map(options.system_map, report)
    scan = Scan(options.directory, options.policy, report, options.root)
    if options.files is None:
        scan.all()
    else:
        scan.named(options.files)
    modules = order.module_order(scan.modules, options.directory, report)
    result = Result(modules, scan.duplicates)
    result.symbols = symbols
    _read(result, options, report)
    symbols.add_modules(modules)
    symbols.resolve(modules)
    for module in modules:
        if options.report_missing:
            result.unresolved += symbols.check(module, report, versions=options.symvers is not None)
        if options.list_needs:
            symbols.list_needs(module, report)
    left = order.rank(modules)
    if left:
        result.cycles = cycles.find(left)
        _tell_cycles(result.cycles, report)
        if not options.keep_going:
            return result
    result.needs = order.closures(modules)
    return result


def _read(result: Result, options: Options, report: Report) -> None:
    """Read what the modules say; one that cannot be read says nothing."""
    found = scan_many([module.real for module in result.modules], options.threads)
    for module, (_path, contents) in zip(result.modules, found, strict=True):
        if isinstance(contents, Exception):
            result.damaged[module] = contents
            report(ERROR, f"failed to load symbols from {module.path}: {reason(contents)}")
            continue
        module.take_modinfo(contents.modinfo)
        module.exports, module.export_crcs = contents.exports, contents.export_crcs
        module.wants, module.want_crcs, module.want_flags = contents.wants, contents.want_crcs, contents.want_flags


def _tell_cycles(found: Cycles, report: Report) -> None:
    for path in found.paths:
        report(ERROR, f"Cycle detected: {' -> '.join(module.name for module in [*path, path[0]])}")
    if not found.complete:
        report(ERROR, "There are more cycles than can be told.")
    report(ERROR, f"Found {len(found.modules)} modules in dependency cycles!")


def text_files(result: Result, report: Report) -> list[tuple[str, bytes]]:
    """Return name and content of the text files, in the order in which kmod writes them."""
    modules = result.modules
    found = [
        ("modules.dep", texts.dep(modules, result.needs)),
        ("modules.alias", texts.alias(modules)),
        ("modules.softdep", texts.softdep(modules)),
        ("modules.weakdep", texts.weakdep(modules)),
        ("modules.symbols", texts.symbols(texts.exported(result.symbols))),
        ("modules.devname", texts.devnames(modules, report)),
    ]
    return [(name, _text(lines)) for name, lines in found]


def _text(lines: list[str]) -> bytes:
    return "\n".join([*lines, ""]).encode("utf-8", "surrogateescape")


def all_files(result: Result, directory: Place, report: Report, *, warn_duplicates: bool) -> list[tuple[str, bytes]]:
    """Return name and content of all files, in the order in which kmod writes them.

    Args:
        result: of `find`.
        directory: of modules.builtin and modules.builtin.modinfo.
        report: is told what cannot be in an index.
        warn_duplicates: whether an alias that a module has twice is reported.

    Raises:
        DepmodError: an index would be too large.

    """
    modules = result.modules
    lines = texts.dep(modules, result.needs)
    exported = texts.exported(result.symbols)
    return [
        ("modules.dep", _text(lines)),
        ("modules.dep.bin", indexes.dep(modules, lines)),
        ("modules.alias", _text(texts.alias(modules))),
        ("modules.alias.bin", indexes.alias(modules, report, warn_duplicates=warn_duplicates)),
        ("modules.softdep", _text(texts.softdep(modules))),
        ("modules.weakdep", _text(texts.weakdep(modules))),
        ("modules.symbols", _text(texts.symbols(exported))),
        ("modules.symbols.bin", indexes.symbols(exported)),
        ("modules.builtin.bin", indexes.builtin(builtin.builtin_names(directory, report))),
        ("modules.builtin.alias.bin", indexes.builtin_alias(builtin.builtin_aliases(directory, report), report)),
        ("modules.devname", _text(texts.devnames(modules, report))),
    ]
