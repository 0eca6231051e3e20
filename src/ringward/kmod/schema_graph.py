"""The shape of `graph_report`, for the published schema."""

from __future__ import annotations

from ringward.kmod.graph import ABSENT, BUILTIN, COMMAND, MODULE, NAMED, NEEDED_BY, NEEDS, WEAK
from ringward.kmod.schema_modprobe import ANSWER, DIRECTIVE
from ringward.kmod.schema_parts import number, one_of, or_null, record, several, text, truth
from ringward.kmod.step import DEPENDENCY, POST, PRE

GRAPH = {
    "kernel": text("The kernel's release."),
    "running": truth("Whether it is the one that runs."),
    "directory": text("The module directory."),
    "status": number("The exit status."),
    "asked": record("What the name means.", ANSWER),
    "modules": several(
        record(
            "A module on one side of the graph; one that is on both sides comes twice.",
            {
                "module": text("Its name; of an absent one what the softdep or weakdep says."),
                "side": one_of(
                    "Whether it was asked for, is pulled in by that, or pulls that in.", NAMED, NEEDS, NEEDED_BY
                ),
                "layer": number("The longest way to what was asked for, in links; 0: that itself."),
                "kind": one_of("What the name is.", MODULE, BUILTIN, COMMAND, ABSENT),
                "state": or_null(
                    one_of("What it is in the kernel.", "live", "coming", "going"), "not loaded, or see why_no_state"
                ),
                "path": or_null(text("Its file, without the sysroot."), "it has none"),
                "command": or_null(DIRECTIVE, "no install line is about it"),
                "runs_command": truth("Whether modprobe runs that: not when the module has softdeps."),
                "blacklist": or_null(DIRECTIVE, "no line blacklists it"),
            },
        ),
        "What was asked for, what it pulls in, and what pulls it in, each layer by layer.",
    ),
    "links": several(
        record(
            "A module that pulls another one in. What other dependencies imply is left out.",
            {
                "user": number("The place in `modules`, from 0, of the module that does."),
                "needed": number("That of the other one."),
                "kind": one_of("How; because of a weakdep nothing is loaded.", DEPENDENCY, PRE, POST, WEAK),
                "word": text("What the softdep or weakdep says, which may be an alias; empty for a dependency."),
                "directive": or_null(DIRECTIVE, "it is a dependency of modules.dep"),
            },
        ),
        "In no order.",
    ),
    "complete": truth("Whether all of them are there; a graph has a greatest size."),
    "why_no_state": or_null(text("Why no state is told."), "states are told"),
}
