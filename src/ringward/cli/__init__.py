"""The commands: one file each, with a function ``main(argv: list[str]) -> int``.

`argv` is what stands behind the command's name; the answer is the exit status. A usage
fault is raised as `ringward.cli.errors.UsageError` (exit 2), what cannot run as
`ringward.cli.errors.CannotRunError` (exit 4). This module imports nothing but that, so
that ``ringward --help`` is quick.
"""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "watch": "every module load and program start, live",
    "replay": "the same from a recording, on any machine, without privilege",
    "events": "the catalogue: what can be seen, and by which kernel hooks",
    "guard": "decide what enters the kernel: learn, monitor, enforce",
    "plan": "what loading a module would come to, and the cause of each step",
    "blocked": "whether a module can still get in, how, and what would close it",
    "graph": "what a module pulls in and who needs it, as a tree or a picture",
    "lint": "directives of modprobe.d that do not do what they say",
    "modprobe": "load and unload modules with all that they need",
    "insmod": "load one module file",
    "rmmod": "unload modules",
    "lsmod": "what is loaded",
    "modinfo": "what modules say of themselves; whether their signatures hold",
    "depmod": "who needs whom: modules.dep and the indexes that modprobe reads",
    "kmod": "static device nodes, and links of the tools' usual names",
    "trust": "the database of digests and rules: what may enter",
    "doctor": "what this kernel and this user can give, and how to get the rest",
}
"""Name of each command, which is its module's in this package, and what it does."""
