"""The command line of modprobe(8), and MODPROBE_OPTIONS, which stands before it."""

from __future__ import annotations

from ringward.cli.getopt_long import UNKNOWN, parse

SHORT = "arw:RibfDcnC:d:S:sqvVh"
LONGS = {
    "all": "a",
    "remove": "r",
    "remove-dependencies": "remove-holders",
    "remove-holders": "remove-holders",
    "wait=": "w",
    "resolve-alias": "R",
    "first-time": "first-time",
    "ignore-install": "i",
    "ignore-remove": "i",
    "use-blacklist": "b",
    "force": "f",
    "force-modversion": "force-modversion",
    "force-vermagic": "force-vermagic",
    "show-alias": "R",
    "show-depends": "D",
    "showconfig": "c",
    "show-config": "c",
    "show-modversions": "modversions",
    "dump-modversions": "modversions",
    "show-exports": "exports",
    "dry-run": "n",
    "show": "n",
    "config=": "C",
    "dirname=": "d",
    "set-version=": "S",
    "syslog": "s",
    "quiet": "q",
    "verbose": "v",
    "version": "V",
    "help": "h",
    "all-softdeps": "all-softdeps",
    "json": "json",
    "sysroot=": "sysroot",
}
"""Those of kmod 34 and the older names that it takes, then ringward's own."""
PASSED_ON = {"C": "-C {}", "s": "-s", "q": "-q", "v": "-v"}
"""What install and remove commands find in MODPROBE_OPTIONS."""

USAGE = """\
usage: modprobe [options] [-i] [-b] NAME [PARAMETER=VALUE...]
       modprobe [options] -a [-i] [-b] NAME...
       modprobe [options] -r [-a] [-i] NAME...
       modprobe [options] -R | -D | --show-exports | --show-modversions NAME
       modprobe [options] -c

loading and unloading
  -a, --all                every word is a name, none a parameter
  -r, --remove             unload instead of load
      --remove-holders     with -r: unload the modules that use it, too
  -w, --wait MSEC          with -r: try for so long while it is in use
      --first-time         that it is loaded (-r: not loaded) already is a fault
  -i, --ignore-install, --ignore-remove
                           no command of the configuration for the named module, and none of its softdeps
  -b, --use-blacklist      a blacklist line counts for a module's own name, too
      --all-softdeps       merge all softdep lines of a module; kmod uses the first
  -f, --force              --force-modversion and --force-vermagic
      --force-modversion   load in spite of other symbol versions
      --force-vermagic     load in spite of another version magic

asking
  -R, --show-alias         the modules that a name means
  -D, --show-depends       what would be done, as if nothing was loaded
  -c, --show-config        the configuration and the alias indexes
      --show-modversions   the symbol versions that a module file needs
      --show-exports       the symbols that a module file exports

general
  -n, --dry-run            do nothing; with -v show it
  -C, --config PATH        file or directory instead of the default ones; may be repeated
  -d, --dirname DIR        /lib/modules is below DIR
  -S, --set-version V      of this kernel instead of the running one
      --sysroot DIR        everything is below DIR, and nothing real is touched
      --json               answer as JSON
  -s, --syslog             messages to syslog
  -q, --quiet              no messages
  -v, --verbose            show what is done
  -V, --version            print the version
  -h, --help               print this
"""


_LONGEST = (1 << 64) - 1  # ULONG_MAX


class OptionsError(Exception):
    """The command line cannot be used; `str()` is what to print.

    is_getopt: whether it is getopt's message, which has no level.
    """

    def __init__(self, text: str, *, is_getopt: bool = False) -> None:
        super().__init__(text)
        self.is_getopt = is_getopt


class Options:
    """The options of one call.

    show: what is asked for instead of loading: "alias", "config", "exports", "help", "modversions", "version", or "".
    depends: -D, which implies `dry_run`.
    level: of the messages that are printed, see `tool_log.Log`.
    version: of the kernel, or None.
    wait: milliseconds.
    words: what is no option.
    passed_on: MODPROBE_OPTIONS for the commands of the configuration.
    """

    def __init__(self) -> None:
        self.all = False
        self.all_softdeps = False
        self.blacklist = False
        self.config: list[str] = []
        self.depends = False
        self.dirname: str | None = None
        self.dry_run = False
        self.first_time = False
        self.force_modversion = False
        self.force_vermagic = False
        self.ignore = False
        self.json = False
        self.level = 4
        self.passed_on = ""
        self.remove = False
        self.remove_holders = False
        self.show = ""
        self.syslog = False
        self.sysroot = ""
        self.version: str | None = None
        self.wait = 0
        self.words: list[str] = []


def split(text: str) -> list[str]:
    """Return the words of MODPROBE_OPTIONS as modprobe takes them.

    Blanks separate, and two of them have an empty word between. A quoted part at a word's begin is a word of its
    own, one further on a part of the word. A quote that is not closed is a character like any other, and the
    word with it goes to the end.
    """
    words = []
    word = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == " ":
            words.append(word)
            word = ""
        elif char in "\"'":
            end = text.find(char, at)
            if end < 0:
                word += text[at - 1 :]
                break
            if word:
                word += text[at:end]
            else:
                words.append(text[at:end])
            at = end + 1
        else:
            word += char
    return [*words, word] if word else words


def milliseconds(text: str) -> int:
    """Return what strtoul(3) with base 0 makes of the text. Raises OptionsError when it takes less than all."""
    digits = text.lstrip(" \t\n\v\f\r").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits[1:] if digits[:1] in {"-", "+"} else digits
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    allowed = "0123456789abcdef"[:base]
    digits = digits.removeprefix("0x")
    if not digits or digits.strip(allowed):
        raise OptionsError(f"unexpected wait value '{text}'.")
    number = int(digits, base)
    return _LONGEST if number > _LONGEST else sign * number % (_LONGEST + 1)


def read(argv: list[str], environment: str = "") -> Options:
    """Return the options.

    Args:
        argv: what stands behind the program's name.
        environment: the text of MODPROBE_OPTIONS.

    Raises:
        OptionsError: modprobe ends with its message.

    """
    found = Options()
    pairs, found.words = parse([*split(environment), *argv], SHORT, LONGS)
    passed = [environment] if environment else []
    for key, value in pairs:
        if key == UNKNOWN:
            raise OptionsError(value, is_getopt=True)
        if key in PASSED_ON:
            passed.append(PASSED_ON[key].format(value))
        _apply(found, key, value)
        if found.show in {"help", "version"}:
            break
    found.passed_on = " ".join(passed)
    return found


def _apply(found: Options, key: str, value: str) -> None:
    """Take one option."""
    if key in _SHOWS:
        # The configuration goes before all, symbols before names.
        found.show = max(found.show, _SHOWS[key], key=_RANK.index)
    elif key in _VALUES:
        setattr(found, _VALUES[key], value)
    elif key == "C":
        found.config.append(value)
    elif key == "w":
        found.wait = milliseconds(value)
    elif key == "q":
        found.level = 0
    elif key == "v":
        found.level += 1
    for name in _FLAGS.get(key, ()):
        setattr(found, name, True)


_VALUES = {"d": "dirname", "S": "version", "sysroot": "sysroot"}
_SHOWS = {"R": "alias", "c": "config", "exports": "exports", "modversions": "modversions", "V": "version", "h": "help"}
_RANK = ["", "alias", "exports", "modversions", "config", "version", "help"]
_FLAGS = {
    "a": ("all",),
    "b": ("blacklist",),
    "f": ("force_modversion", "force_vermagic"),
    "first-time": ("first_time",),
    "force-modversion": ("force_modversion",),
    "force-vermagic": ("force_vermagic",),
    "i": ("ignore",),
    "json": ("json",),
    "n": ("dry_run",),
    "all-softdeps": ("all_softdeps",),
    "D": ("depends", "dry_run"),
    "r": ("remove",),
    "remove-holders": ("remove_holders",),
    "s": ("syslog",),
}
