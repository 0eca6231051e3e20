"""The command line of modinfo(8)."""

from __future__ import annotations

from ringward.cli.getopt_long import UNKNOWN, parse

SHORT = "adlpn0mF:k:b:Vh"
LONGS = {
    "author": "a",
    "description": "d",
    "license": "l",
    "parameters": "p",
    "filename": "n",
    "null": "0",
    "modname": "m",
    "field=": "F",
    "set-version=": "k",
    "basedir=": "b",
    "version": "V",
    "help": "h",
    "json": "json",
    "verify": "verify",
    "cert=": "cert",
    "sysroot=": "sysroot",
}
"""Those of kmod 34, then ringward's own."""
FIELDS = {"a": "author", "d": "description", "l": "license", "p": "parm", "n": "filename"}
USAGE = """\
usage: modinfo [options] NAME|ALIAS|FILE...

what modules say of themselves

  -a, --author           only that; of this and the next five the last counts
  -d, --description
  -l, --license
  -p, --parameters
  -n, --filename
  -F, --field FIELD      only the values of this key
  -0, --null             end each with a NUL, and write key=value
  -m, --modname          a word is a module's name, neither alias nor file
  -k, --set-version V    modules of this kernel instead of the running one
  -b, --basedir DIR      /lib/modules is below DIR
      --sysroot DIR      everything is below DIR
      --json             all that is known as JSON: digests, signature and taint, too
      --verify           check the signatures: valid, invalid, unknown key, unsigned, could not look
      --cert FILE        with these certificates (DER, PEM, a kernel's image; may be repeated);
                         default: those built into the kernel, from its image in /boot
  -V, --version          print the version
  -h, --help             print this
"""


class Options:
    """What a command line says.

    Attributes:
        field: the only key that is asked for; None: all.
        end: what a field ends with: newline or NUL.
        modname: whether the words are names of modules.
        version: of the kernel; None: the running one.
        base: what stands before /lib/modules.
        sysroot: what everything is below.
        json: whether the answer is JSON.
        verify: whether signatures are checked.
        certificates: files of them; none: the kernel's own.
        words: names, aliases, files.
        fault: what getopt says of a faulty option, or "".
        show: ``h`` or ``V``: what is asked for instead of modules; "" for modules.

    """

    __slots__ = (
        "base",
        "certificates",
        "end",
        "fault",
        "field",
        "json",
        "modname",
        "show",
        "sysroot",
        "verify",
        "version",
        "words",
    )

    def __init__(self, argv: list[str]) -> None:
        self.field: str | None = None
        self.end = "\n"
        self.modname = self.json = self.verify = False
        self.version: str | None = None
        self.base = self.sysroot = self.fault = self.show = ""
        self.certificates: list[str] = []
        options, self.words = parse(argv, SHORT, LONGS)
        for key, value in options:
            if key == UNKNOWN:
                self.fault = value
                return
            if key in {"V", "h"}:
                self.show = key
                return
            self._take(key, value)

    def _take(self, key: str, value: str) -> None:
        if key in FIELDS:
            self.field = FIELDS[key]
        elif key == "F":
            self.field = value
        elif key == "0":
            self.end = "\0"
        elif key == "m":
            self.modname = True
        elif key == "k":
            self.version = value
        elif key == "b":
            self.base = value
        elif key == "cert":
            self.certificates.append(value)
            self.verify = True
        elif key == "sysroot":
            self.sysroot = value
        else:
            setattr(self, key, True)
