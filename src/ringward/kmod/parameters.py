"""Parameters of a load as the kernel takes them (parse_args in kernel/params.c), without a kernel."""

from __future__ import annotations

import errno

_ARRAY = "array of "
_WIDTHS = {"byte": 8, "short": 16, "ushort": 16, "int": 32, "uint": 32, "hexint": 32, "bint": 32, "ullong": 64}
_UNSIGNED = {"byte", "ushort", "uint", "ulong", "ullong", "hexint"}
_TRUTHS = {"bool", "invbool", "bint"}
_MOST_DIGITS = 22
"""Of 64 bits in octal."""


def given(options: str) -> list[tuple[str, str | None]]:
    """Return name and value of each parameter in what a load hands over; None: a name without "=".

    Blanks separate; double quotes keep them together and are dropped around a value or a whole parameter (next_arg
    in lib/cmdline.c). A "--" ends the list.
    """
    found: list[tuple[str, str | None]] = []
    for word in _words(options):
        text = word
        if text.startswith('"'):
            text = text[1:].removesuffix('"')
        name, equals, value = text.partition("=")
        if name == "--" and not equals:
            break
        if value.startswith('"'):
            value = value[1:].removesuffix('"')
        found.append((name, value if equals else None))
    return found


def _words(options: str) -> list[str]:
    words = []
    word = ""
    quoted = False
    for letter in options:
        if letter.isspace() and not quoted:
            words.append(word)
            word = ""
            continue
        quoted ^= letter == '"'
        word += letter
    return [one for one in (*words, word) if one]


def shown(kind: str, value: str | None, bits: int = 64) -> str:
    """Return what /sys/module/NAME/parameters/PARAMETER says after the parameter was given.

    Args:
        kind: as modinfo's parmtype has it: "int", "bool", "array of int"; of an unknown one any value is taken.
        value: None: none was given.
        bits: of a long.

    Raises:
        OSError: EINVAL, not of that kind; ERANGE, too large for it.

    """
    if value is None:
        if kind not in _TRUTHS:
            raise OSError(errno.EINVAL, f"{kind} needs a value")
        value = "1"
    if kind.startswith(_ARRAY):
        each = kind[len(_ARRAY) :]
        return ",".join([shown(each, one, bits) for one in value.split(",")])
    if kind in _TRUTHS:
        truth = _truth(value)
        return str(int(truth)) if kind == "bint" else "Y" if truth else "N"
    width = _WIDTHS.get(kind) or (bits if kind in {"long", "ulong"} else 0)
    if not width:
        return value
    number = _number(value)
    low, high = (0, 1 << width) if kind in _UNSIGNED else (-1 << width - 1, 1 << width - 1)
    if not low <= number < high:
        raise OSError(errno.ERANGE, f"'{value}' does not fit into {kind}")
    return f"{number:#x}" if kind == "hexint" else str(number)


def _truth(value: str) -> bool:
    """As kstrtobool() of lib/kstrtox.c, which looks at the first letters only."""
    first = value[:1]
    if first in {"y", "Y", "t", "T", "1"} or value[:2].lower() == "on":
        return True
    if first in {"n", "N", "f", "F", "0"} or value[:2].lower() == "of":
        return False
    raise OSError(errno.EINVAL, f"'{value}' is neither yes nor no")


def _number(value: str) -> int:
    """As kstrtoull() and kstrtoll() of lib/kstrtox.c with base 0: 0x for hexadecimal, a leading 0 for octal."""
    digits = value.removesuffix("\n")
    sign = digits[:1]
    if sign in {"+", "-"}:
        digits = digits[1:]
    low = digits.lower()
    base = 16 if low.startswith("0x") else 8 if low.startswith("0") and len(low) > 1 else 10
    digits = digits[2:] if base == 16 else digits
    # int() would take blanks, underscores, another sign and other scripts' digits as well.
    if not digits or not all(letter in "0123456789abcdef"[:base] for letter in digits.lower()):
        raise OSError(errno.EINVAL, f"'{value}' is no number")
    digits = digits.lstrip("0") or "0"
    if len(digits) > _MOST_DIGITS:  # int() refuses thousands of them in its own way
        raise OSError(errno.ERANGE, f"'{value[:80]}' has more than 64 bits")
    return -int(digits, base) if sign == "-" else int(digits, base)
