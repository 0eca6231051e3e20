"""The command line of depmod(8)."""

from __future__ import annotations

import os
import re

from ringward.cli.getopt_long import UNKNOWN, parse

SHORT = "aAb:o:m:C:E:F:evnP:wVh"
LONGS = {
    "all": "a",
    "quick": "A",
    "basedir=": "b",
    "outdir=": "o",
    "moduledir=": "m",
    "config=": "C",
    "symvers=": "E",
    "filesyms=": "F",
    "errsyms": "e",
    "verbose": "v",
    "show": "n",
    "dry-run": "n",
    "symbol-prefix=": "P",
    "warn": "w",
    "version": "V",
    "help": "h",
    "keep-going": "keep-going",
    "json": "json",
    "sysroot=": "sysroot",
}
"""Those of kmod 34, then ringward's own."""
MODULE_DIRECTORY = "/lib/modules"

USAGE = """\
usage: depmod [-a] [options] [VERSION]
       depmod [options] VERSION FILE...

write modules.dep and what else modprobe reads into /lib/modules/VERSION; without VERSION that of the running kernel

  -a, --all                all modules: also when files are named
  -A, --quick              only when a module file is younger than modules.dep
  -b, --basedir DIR        /lib/modules is below DIR
  -m, --moduledir DIR      instead of /lib/modules
  -o, --outdir DIR         write below DIR instead
  -C, --config PATH        file or directory instead of the default ones; may be repeated
  -E, --symvers FILE       what the kernel exports, in which versions: a Module.symvers
  -F, --filesyms FILE      what the kernel exports: a System.map; -E goes before it
  -e, --errsyms            report symbols that nobody exports; needs -E or -F
  -P, --symbol-prefix C    a character in front of symbols that does not count
  -w, --warn               report an alias that a module has twice
  -n, --show, --dry-run    print the text files instead of writing anything
  -v, --verbose            list who needs what of whom
      --keep-going         write in spite of modules that need each other in a circle
      --sysroot DIR        everything is below DIR
      --json               print what was found as JSON
  -V, --version            print the version
  -h, --help               print this
"""

_VERSION = re.compile(r"\s*[+-]?[0-9]+\.\s*[+-]?[0-9]+")


class OptionsError(Exception):
    """The command line cannot be used; `str()` is what to print.

    level: of the message, "FATAL" or "ERROR"; "": it is getopt's, which has none.
    """

    def __init__(self, text: str, level: str = "") -> None:
        super().__init__(text)
        self.level = level


class Arguments:
    """What a call says.

    show: "help", "version", or "".
    version: of the kernel, as uname -r.
    files: the only modules that take part; None: all.
    """

    def __init__(self) -> None:
        self.all = False
        self.basedir = ""
        self.config: list[str] = []
        self.dry_run = False
        self.errsyms = False
        self.files: list[str] | None = None
        self.filesyms: str | None = None
        self.json = False
        self.keep_going = False
        self.moduledir = MODULE_DIRECTORY
        self.outdir: str | None = None
        self.prefix = ""
        self.quick = False
        self.show = ""
        self.symvers: str | None = None
        self.sysroot = ""
        self.verbose = False
        self.version = ""
        self.warn = False


_FLAGS = {
    "a": "all",
    "A": "quick",
    "e": "errsyms",
    "v": "verbose",
    "n": "dry_run",
    "w": "warn",
    "keep-going": "keep_going",
    "json": "json",
}
_TEXTS = {
    "b": "basedir",
    "o": "outdir",
    "m": "moduledir",
    "E": "symvers",
    "F": "filesyms",
    "P": "prefix",
    "sysroot": "sysroot",
}


def read(argv: list[str]) -> Arguments:
    """Return what a command line says.

    Raises:
        OptionsError: depmod ends with its message.

    """
    found = Arguments()
    options, words = parse(argv, SHORT, LONGS)
    for key, value in options:
        if key == UNKNOWN:
            raise OptionsError(value)
        if key in {"h", "V"}:
            found.show = "help" if key == "h" else "version"
            return found
        if key == "P" and len(value) != 1:
            raise OptionsError("-P only takes a single char", "FATAL")
        if key in _FLAGS:
            setattr(found, _FLAGS[key], True)
        elif key in _TEXTS:
            setattr(found, _TEXTS[key], value)
        else:
            found.config.append(value)
    found.version = words[0] if words else os.uname().release
    if words and not _VERSION.match(words[0]):
        raise OptionsError(f"Bad version passed {words[0]}", "ERROR")
    if words[1:] and not (found.all or found.quick):
        found.files = words[1:]
    return found
