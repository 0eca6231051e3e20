"""Bracket expressions of fnmatch(3), as the GNU C library takes them in the C locale.

What is malformed decides only when it is reached: a member that matches earlier saves the bracket, as long as
what follows it can be passed over (posix/fnmatch_loop.c behaves so; measured against glibc 2.36).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

AS_TEXT = -2
"""The '[' opens nothing: it matches itself."""
NO = -1
"""The character does not match, or the bracket is malformed."""
LONGEST_CLASS = 2048
"""Letters of a class's name from which on a pattern is malformed (CHAR_CLASS_MAX_LENGTH)."""


def _class(name: str) -> Callable[[str], bool] | None:
    """Return the test of a POSIX character class on one ASCII character; None when there is no such class."""
    tests: dict[str, Callable[[str], bool]] = {
        "alnum": str.isalnum,
        "alpha": str.isalpha,
        "blank": lambda char: char in " \t",
        "cntrl": lambda char: char < " " or char == "\x7f",
        "digit": str.isdigit,
        "graph": lambda char: "!" <= char <= "~",
        "lower": str.islower,
        "print": lambda char: " " <= char <= "~",
        "punct": lambda char: "!" <= char <= "~" and not char.isalnum(),
        "space": lambda char: char in " \t\n\v\f\r",
        "upper": str.isupper,
        "xdigit": lambda char: char in "0123456789abcdefABCDEF",
    }
    return tests.get(name)


class Brackets:
    """The brackets of one pattern.

    Args:
        pattern: one character a byte.

    """

    __slots__ = ("_classes", "_known", "_pattern", "_skipped", "_whole")

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._known: dict[tuple[int, str], tuple[int, bool]] = {}
        self._classes: dict[int, int] = {}
        self._skipped: dict[int, int] = {}
        self._whole: dict[tuple[int, str], int] = {}

    def match(self, at: int, char: str) -> int:
        """Return the index behind the bracket that opens before index `at`, if `char` matches it; or NO or AS_TEXT."""
        after = self._whole.get((at, char))
        if after is None:
            negated = self._pattern[at : at + 1] in ("!", "^")
            after, matched = self._members(at + negated, char)
            if matched:
                after = self._skip(after)
            if after >= 0 and matched == negated:
                after = NO
            self._whole[at, char] = after
        return after

    def _members(self, at: int, char: str) -> tuple[int, bool]:
        """Look for `char` among the members of the bracket whose first is at index `at`.

        Return the index behind the member that matched and True, that behind the ']' and False,
        or NO or AS_TEXT and False.
        """
        # From the second member on the answer is that of every bracket that passes there.
        after, answer = self._member(at, char)
        passed = []
        while answer is None:
            known = self._known.get((after, char))
            if known is not None:
                answer = known
                break
            passed.append(after)
            if self._pattern[after : after + 1] == "]":
                answer = after + 1, False
                break
            after, answer = self._member(after, char)
        for each in passed:
            self._known[each, char] = answer
        return answer

    def _member(self, at: int, char: str) -> tuple[int, tuple[int, bool] | None]:
        """Return the index behind the member at index `at`, and an answer of `_members` if it gives one."""
        pattern = self._pattern
        if at >= len(pattern):
            return at, (AS_TEXT, False)
        two = pattern[at : at + 2]
        end = self._class_end(at + 1, LONGEST_CLASS) if two == "[:" else 0
        if end:
            test = _class(pattern[at + 2 : end - 2]) if end > 0 else None
            if test is None:
                return at, (NO, False)
            return end, (end, True) if char < "\x80" and test(char) else None
        if two == "[=" and pattern[at + 3 : at + 5] == "=]":
            return at + 5, (at + 5, True) if pattern[at + 2] == char else None
        return self._single_or_range(at, char, symbol=two == "[.")

    def _single_or_range(self, at: int, char: str, *, symbol: bool) -> tuple[int, tuple[int, bool] | None]:
        """Return the same as `_member`, for a character or range.

        Args:
            at: index of it.
            char: to be matched.
            symbol: whether it is written ``[.x.]``; a '-' and ']' after it are both members' then.

        """
        low, at = self._character(at)
        if not low:
            return at, (NO, False)
        ahead = self._pattern[at : at + 2]
        dash = ahead[:1] == "-"
        if low == char and not (dash and len(ahead) > 1 and (symbol or ahead != "-]")):
            return at, (at, True)
        if not dash or ahead == "-]":
            return at, None
        high, at = self._character(at + 1)
        if not high:
            return at, (NO, False)
        return at, (at, True) if low <= char <= high else None

    def _character(self, at: int) -> tuple[str, int]:
        """Return the character at index `at`, as it is, escaped or as ``[.x.]``, and the index behind it.

        A character of "": the pattern is malformed.
        """
        two = self._pattern[at : at + 2]
        if two == "[.":
            closed = self._pattern.find(".]", at + 2, at + 6) == at + 3
            return self._pattern[at + 2] if closed else "", at + 5
        if two[:1] == "\\":
            return two[1:], at + 2
        return two[:1], at + 1

    def _class_end(self, at: int, most: int) -> int:
        """Return the index behind the ``:]`` of the class whose ':' is at index `at`; 0: it is no class, NO: too long.

        Args:
            at: index of the first ':'.
            most: letters of the name that are too many.

        """
        if at not in self._classes:
            end = at + 1
            while end < len(self._pattern) and "a" <= self._pattern[end] < "z" and end - at <= LONGEST_CLASS:
                end += 1
            self._classes[at] = end
        end = self._classes[at]
        if end - at > most:
            return NO
        return end + 2 if self._pattern[end : end + 2] == ":]" else 0

    def _skip(self, at: int) -> int:
        """Return the index behind the bracket, a member of which before index `at` has matched; or NO or AS_TEXT."""
        passed = []
        end = self._skipped.get(at)
        while end is None:
            passed.append(at)
            if at >= len(self._pattern):
                end = AS_TEXT
            elif self._pattern[at] == "]":
                end = at + 1
            else:
                at = self._pass(at)
                end = NO if at == NO else self._skipped.get(at)
        for each in passed:
            self._skipped[each] = end
        return end

    def _pass(self, at: int) -> int:
        """Return the index behind the member at index `at`, which need not match; or NO."""
        pattern = self._pattern
        two = pattern[at : at + 2]
        if two[0] == "\\":
            return at + 2 if len(two) > 1 else NO
        if two == "[:":
            return self._class_end(at + 1, LONGEST_CLASS - 1) or at + 1
        if two == "[=":
            return at + 5 if pattern[at + 3 : at + 5] == "=]" else NO
        if two == "[.":
            end = pattern.find(".]", at + 2)
            return end + 2 if end >= 0 else NO
        return at + 1
