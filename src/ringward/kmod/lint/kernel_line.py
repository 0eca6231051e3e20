"""Names on the kernel command line, which are not normalised there."""

from __future__ import annotations

from collections.abc import Iterator

from ringward.kmod.cmdline import kernel_blacklist
from ringward.kmod.directive import CMDLINE
from ringward.kmod.lint.finding import FINDING, Finding
from ringward.kmod.lint.subject import Subject


def _word(rule: str, text: str, why: str, fix: str) -> Finding:
    return Finding(rule, FINDING, CMDLINE, 0, text, why, fix)


def cmdline(subject: Subject) -> Iterator[Finding]:
    """Yield words of the kernel command line that do not do what they say."""
    for each in subject.config.blacklist:
        if not subject.on_cmdline(each):
            continue
        if '"' in each.key or any(blank in each.key for blank in " \t\n"):
            why = f"has no effect: the quote is part of the name '{each.key}'"
            yield _word("cmdline-name", each.text, why, "write it without quotes")
        elif "-" in each.key:
            why = f"has no effect: '{each.key}' is compared as it stands, and modules' names have '_'"
            yield _word("cmdline-name", each.text, why, f"modprobe.blacklist={each.key.replace('-', '_')}")
    text = subject.config.cmdline
    _, last = kernel_blacklist(text)
    for word in text.split():
        if not word.startswith("module_blacklist="):
            continue
        if last and word != last:
            why = f"has no effect: of several lists the kernel takes the last, '{last}'"
            yield _word("cmdline-repeated", word, why, f"{last},{word.partition('=')[2]}".replace("-", "_"))
        # kernel/module/main.c blacklisted() compares with the module's own name.
        elif "-" in word:
            fix = f"module_blacklist={word.partition('=')[2].replace('-', '_')}"
            yield _word("cmdline-name", word, "the kernel compares the names as they stand, and its own have '_'", fix)
    if text.count('"') % 2:
        rest = text[text.rindex('"') :].strip()[:80]
        why = "a quote is not closed: modprobe does not read the word that it is in, nor any after it"
        yield _word("cmdline-quote", rest, why, "close it")
