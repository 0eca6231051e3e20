"""The shapes of `report` and `plan_report`, for the published schema."""

from __future__ import annotations

from ringward.kmod.acceptance import COULD_NOT_LOOK, NO, YES
from ringward.kmod.execute import DONE, FAILED, NOT_RUN, PLANNED
from ringward.kmod.lookup import ALIAS, BUILTIN_ALIAS, COMMAND, MODULES_ALIAS, SYMBOL
from ringward.kmod.lookup import BUILTIN as MODULES_BUILTIN
from ringward.kmod.lookup import DEP as MODULES_DEP
from ringward.kmod.removal import HOLDER, REMOVE, RMMOD
from ringward.kmod.schema_parts import number, one_of, or_null, record, several, text, truth
from ringward.kmod.sensitive import GROUPS
from ringward.kmod.step import BUILTIN, DEPENDENCY, INSMOD, INSTALL, LOADED, NAMED, NOTHING, POST, PRE, SKIP
from ringward.kmod.verify import COULD_NOT_LOOK as COULD_NOT_VERIFY
from ringward.kmod.verify import INVALID, UNKNOWN_KEY, UNSIGNED, VALID

DIRECTIVE = record(
    "A line of the configuration.",
    {
        "kind": one_of("What it is.", "alias", "blacklist", "options", "install", "remove", "softdep", "weakdep"),
        "key": text("The module or pattern that it is about."),
        "value": text("What it says of it; empty for a blacklist."),
        "path": text("The file, without the sysroot; /proc/cmdline for the kernel command line."),
        "line": number("The number of its first line in the file, from 1; 0 on the kernel command line."),
        "text": text("The line."),
    },
)
CAUSE = record(
    "Why a step is there.",
    {
        "kind": one_of("How it came in.", NAMED, DEPENDENCY, PRE, POST, HOLDER),
        "of": text("The module that needs it; of one that was asked for, the name that was asked for."),
        "word": text("What the softdep or alias says, which may be a pattern; empty when it is the module itself."),
        "directive": or_null(DIRECTIVE, "no line of the configuration led here"),
    },
)
_MODULE = {
    "module": text("The module's name."),
    "pattern": or_null(text("The alias that matched."), "it was not found by an alias"),
    "directive": or_null(DIRECTIVE, "no line of the configuration led here"),
}
ANSWER = {
    "asked": text("The name as it was given."),
    "name": text("The same, normalised."),
    "source": or_null(
        one_of(
            "Who knows it.",
            ALIAS,
            MODULES_DEP,
            SYMBOL,
            COMMAND,
            MODULES_ALIAS,
            MODULES_BUILTIN,
            BUILTIN_ALIAS,
        ),
        "nobody does",
    ),
    "why": or_null(text("Why it cannot be looked up."), "it can"),
    "modules": several(record("A module that it means.", _MODULE), "All that it means, in modprobe's order."),
}
_STEP = {
    "action": one_of("What is done.", INSMOD, INSTALL, BUILTIN, LOADED, NOTHING, SKIP, RMMOD, REMOVE),
    "module": text("The module's name."),
    "path": or_null(text("Its file."), "there is none, or it does not matter"),
    "parameters": text("The parameters as the kernel gets them."),
    "options": several(
        record(
            "Parameters.",
            {
                "text": text("As they stand there."),
                "directive": or_null(DIRECTIVE, "they are from the tool's own command line"),
            },
        ),
        "Where the parameters are from, in their order.",
    ),
    "cause": CAUSE,
    "required": truth("Whether its failure ends the chain."),
    "command": or_null(DIRECTIVE, "no install or remove line is about it"),
    "why": or_null(text("Why it is skipped."), "it is not"),
    "directive": or_null(DIRECTIVE, "it is not skipped because of a line"),
}
_DONE = {
    **_STEP,
    "result": or_null(one_of("What became of it.", DONE, FAILED, PLANNED, NOT_RUN, LOADED, SKIP), "nothing was tried"),
}
MODPROBE = {
    "directory": text("The module directory."),
    "status": number("The exit status."),
    "asked": several(record("What a name means.", ANSWER), "In the order of the command line."),
    "steps": several(record("A step.", _DONE), "In the order in which they were done."),
    "messages": several(text("A message."), "What was complained of."),
}
MODPROBE_CONFIG = {
    "directives": several(DIRECTIVE, "In the order in which they count."),
    "aliases": several(
        record("An alias.", {"alias": text("The pattern."), "module": text("The module.")}),
        "Of modules.alias.bin, then of modules.symbols.bin.",
    ),
    "problems": several(
        record(
            "A line or file that does not take part as its author meant.",
            {
                "kind": text("What kind of problem it is."),
                "path": text("The file."),
                "line": number("The line, from 1; 0: the file as a whole."),
                "text": text("The line's text."),
                "why": text("What is wrong."),
            },
        ),
        "In the order of the files.",
    ),
}
MODPROBE_SYMBOLS = {
    "files": several(
        record(
            "A module file.",
            {
                "path": text("Its path."),
                "symbols": several(
                    record("A symbol.", {"symbol": text("Its name."), "crc": number("The checksum of its type.")}),
                    "In the file's order.",
                ),
            },
        ),
        "In the order of the command line.",
    ),
    "what": one_of("What the symbols are: exported, or needed.", "exports", "modversions"),
    "messages": several(text("A message."), "What was complained of."),
}
_NOTE = record(
    "What does not take part as its author may think.",
    {"text": text("What, and why."), "directive": or_null(DIRECTIVE, "it is no line of the configuration")},
)
_RESULTS = (YES, NO, COULD_NOT_LOOK)
_FILE = record(
    "A module's file.",
    {
        "path": text("Its path, without the sysroot."),
        "size": number("Its bytes."),
        "sha256": record(
            "Digests, in hexadecimal digits.",
            {
                "file": text("Of the file."),
                "image": text("Of the ELF image in it, unpacked, with its signature: what init_module(2) gets."),
            },
        ),
        "license": or_null(text("The licence."), "it names none"),
        "signature": record(
            "Its signature.",
            {
                "result": one_of("What it is.", VALID, INVALID, UNKNOWN_KEY, UNSIGNED, COULD_NOT_VERIFY),
                "why": text("What was found."),
            },
        ),
        "taint": several(
            record(
                "A flag.",
                {
                    "letter": text("As in the documentation of tainted kernels."),
                    "certain": truth("Whether all was looked at that it depends on."),
                    "why": text("What sets it."),
                },
            ),
            "The flags that loading it would set.",
        ),
    },
)
_PLANNED = {
    **_STEP,
    "again": several(CAUSE, "Why the same module would come again, later."),
    "state": or_null(one_of("What it is in the kernel.", "live", "coming", "going", "builtin"), "it is not there"),
    "notes": several(_NOTE, "What does not take part."),
    "file": or_null(_FILE, "see why_no_file"),
    "why_no_file": or_null(text("Why there is nothing about a file."), "there is"),
    "accepted": or_null(one_of("Whether the kernel would load it.", *_RESULTS), "nothing would be loaded"),
    "checks": several(
        record(
            "One of the kernel's checks.",
            {
                "what": text("What is checked."),
                "result": one_of("Whether it passes.", *_RESULTS),
                "why": text("What was found."),
            },
        ),
        "Those that the kernel makes.",
    ),
    "sensitive": several(
        record(
            "A kernel symbol that it imports and that is worth a look.",
            {
                "symbol": text("Its name."),
                "group": one_of("What it belongs to.", *GROUPS),
                "good_for": text("What such symbols are good for."),
            },
        ),
        "In the order in which the module names them.",
    ),
}
PLAN = {
    "kernel": text("The kernel's release."),
    "running": truth("Whether it is the one that runs."),
    "directory": text("The module directory."),
    "status": number("The exit status."),
    "asked": several(
        record(
            "What a name means.",
            {**ANSWER, "notes": several(_NOTE, "What the answer hides.")},
        ),
        "In the order of the command line.",
    ),
    "steps": several(record("A step.", _PLANNED), "In modprobe's order; a module that is loaded comes once."),
}
