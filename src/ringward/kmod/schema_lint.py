"""The shapes of what ``ringward lint`` prints, for the published schema."""

from __future__ import annotations

from ringward.kmod.lint.finding import FINDING, NOTE, RULES
from ringward.kmod.schema_parts import number, one_of, or_null, record, several, text

LINT_RULES = {
    "rules": several(
        record(
            "A rule.",
            {"rule": one_of("Its name.", *RULES), "what": text("What it finds.")},
        ),
        "All that there are.",
    )
}
LINT = {
    "kernel": or_null(text("Release of the kernel whose modules were looked at."), "none were"),
    "findings": several(
        record(
            "A line, file or word that does not do what it says.",
            {
                "rule": one_of("Which rule finds it.", *RULES),
                "level": one_of("Whether it does not do as it says, or is only worth knowing.", FINDING, NOTE),
                "path": text("The file, without the sysroot; /proc/cmdline for the kernel command line."),
                "line": number("The line, from 1; 0: the file as a whole, or the kernel command line."),
                "text": text("The line."),
                "why": text("What happens, in words."),
                "fix": text("What to write instead; empty when nothing is to be done."),
                "others": several(text("`path:line`."), "The lines that make it so."),
            },
        ),
        "In the order of the files and lines; notes among them, whatever --all says.",
    ),
    "unseen": several(text("What, and why."), "What could not be looked at."),
}
