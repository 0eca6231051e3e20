"""The exact lines that would close what is open, and what they cost."""

from __future__ import annotations

from ringward.kmod.blocked.answer import BY_COMMAND, BY_FILE, CLOSED, GOVERNED, IGNORING, Remedy
from ringward.kmod.cmdline import kernel_blacklist
from ringward.kmod.directive import CMDLINE
from ringward.kmod.lint.finding import some
from ringward.kmod.lookup import Hit
from ringward.kmod.names import strcmp_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.answer import Way
    from ringward.kmod.config import Config
    from ringward.kmod.directive import Directive
    from ringward.kmod.resolve import Resolver
    from ringward.kmod.reverse import Reverse

DIRECTORY = "/etc/modprobe.d"
"""Where the file belongs: files there hide those of the other directories."""
_FILES = ("block-{}.conf", "00-block-{}.conf", "!-block-{}.conf", "!!-block-{}.conf")
"""Names that it may have, the first that is read early enough."""


def in_modprobe(module: str, ways: list[Way], resolver: Resolver, reverse: Reverse, directory: str) -> list[Remedy]:
    """Return what closes the ways that the configuration of modprobe governs; nothing when they are closed.

    Args:
        module: that is to stay out.
        ways: all of them.
        resolver: of the configuration.
        reverse: who needs it.
        directory: of the configuration.

    """
    left = [way for way in ways if way.kind in GOVERNED and way.result != CLOSED]
    # Such a command names it with -i, or by its file.
    commands = [way.directives[0] for way in left if way.kind == BY_COMMAND and len(way.directives) == 1]
    found = []
    if any(way.kind != BY_COMMAND or len(way.directives) > 1 for way in left):
        found.append(_file(module, left, resolver, reverse, directory))
    return found + [
        Remedy(line.place, [f"# {line.text.strip()}"], f"{BY_COMMAND} of {line.key}: the line goes")
        for line in commands
    ]


def _file(module: str, left: list[Way], resolver: Resolver, reverse: Reverse, directory: str) -> Remedy:
    """Return a file with the command that stands for loading the module, in front of what would undo it."""
    lines = [f"install {module} /bin/false"]
    before = resolver.install_lines(module)[:1]
    soft = resolver.softdeps(resolver.module(Hit(module)))
    if soft.pre or soft.post:
        # Of a module with softdeps no command is run, and the first softdep line alone counts.
        lines.append(f"softdep {module} pre:")
        before += resolver.softdep_lines(module)[:1]
    closes = ", ".join(dict.fromkeys(way.kind for way in left))
    users = reverse.all_dependents(module)
    price = f"these need it and fail, too: {some(users)}" if users else ""
    name = _name(module, before, resolver.config)
    if name:
        return Remedy(f"{directory}/{name}", lines, closes, price)
    first = min(before, key=_order)
    return Remedy(first.place, [*lines, first.text], closes, price)


def _order(line: Directive) -> tuple[bytes, int]:
    """Return what sorts lines as they are read."""
    return strcmp_key(line.path.rpartition("/")[2]), line.line


def _name(module: str, before: list[Directive], config: Config) -> str:
    """Return the name of a file that is read before some lines, and that hides none; "" when there is none."""
    taken = {file.path.rpartition("/")[2] for file in config.files}
    for pattern in _FILES:
        texts = [module, *(f"{module}-{number}" for number in range(2, len(taken) + 3))]
        name = next(name for name in map(pattern.format, texts) if name not in taken)
        if all(strcmp_key(name) < _order(line)[0] for line in before):
            return name
    return ""


def in_kernel(module: str, ways: list[Way], cmdline: str) -> list[Remedy]:
    """Return what closes the ways that root has besides, from the next boot on.

    Args:
        module: that is to stay out.
        ways: all of them.
        cmdline: the kernel command line; of several lists the kernel takes the last.

    """
    left = [way.kind for way in ways if way.kind in {IGNORING, BY_FILE} and way.result != CLOSED]
    if not left:
        return []
    names, _ = kernel_blacklist(cmdline)
    word = f"module_blacklist={','.join([*names, module])}"
    return [Remedy(CMDLINE, [word], "every way of the file under this name, from the next boot on")]
