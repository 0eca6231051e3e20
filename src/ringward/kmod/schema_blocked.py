"""The shapes of `blocked.report`, for the published schema."""

from __future__ import annotations

from ringward.kmod.blocked.answer import KERNEL, KINDS, MODPROBE, RESULTS, WORDS
from ringward.kmod.schema_modprobe import DIRECTIVE
from ringward.kmod.schema_parts import number, one_of, or_null, record, several, text, truth
from ringward.kmod.triggers import WHO

_WAY = record(
    "A way in, or several that end alike.",
    {
        "kind": one_of("Which way.", *KINDS),
        "result": one_of("What becomes of it.", *RESULTS),
        "names": several(
            text("The module, an alias of it, a module that pulls it in, or the path of its file."),
            "What is asked for; empty: there is nothing of that kind.",
        ),
        "who": several(one_of("Who can ask.", *WHO), "Those who need least first."),
        "what": or_null(text("What makes somebody ask."), "only root does, or it is not known"),
        "why": or_null(text("What closes it, or lets it through."), "nothing stands in the way"),
        "directives": several(DIRECTIVE, "The lines of the configuration that do so."),
        "command": or_null(text("What shows it when root runs it."), "there is nothing to ask for"),
    },
)
_ANSWER = record(
    "Whether a module can still get in.",
    {
        "asked": text("The name as it was given."),
        "module": text("The module that it means."),
        "word": one_of(
            "open: a request gets it in; blocked: none does; built-in: it is a part of the kernel; loaded: it is in; "
            "absent: there is no such module; unknown: it depends on what could not be looked at.",
            *WORDS,
        ),
        "by": or_null(
            one_of("Who blocks; modprobe leaves root a way round it.", MODPROBE, KERNEL), "it is not blocked"
        ),
        "why": text("The word explained in a sentence."),
        "ways": several(_WAY, "All of them; none for what is built in or absent."),
        "without_effect": several(
            record(
                "A line that does not stop what it seems to stop.",
                {
                    "path": text("The file, without the sysroot; /proc/cmdline for the kernel command line."),
                    "line": number("The number of its first line in the file; 0 on the kernel command line."),
                    "text": text("The line."),
                    "why": text("Why not."),
                },
            ),
            "In the order of the configuration.",
        ),
        "to_close": several(
            record(
                "What would close ways in.",
                {
                    "where": text(
                        "A new file, the kernel command line, a shell, or the line (path:number) whose place they take."
                    ),
                    "lines": several(text("A line."), "Exactly what to write there; empty: there is no such line."),
                    "closes": text("What it closes."),
                    "price": or_null(text("What else no longer works."), "nothing that is known"),
                },
            ),
            "All of them are needed to close everything.",
        ),
        "unseen": several(text("What, and why."), "What could not be looked at."),
    },
)
BLOCKED = {
    "kernel": text("The kernel's release."),
    "running": truth("Whether it is the one that runs."),
    "directory": text("The module directory."),
    "status": number("The exit status."),
    "answers": several(_ANSWER, "For each module that a name means, in the order of the command line."),
    "assumed": several(text("An assumption."), "What is taken for granted."),
}
