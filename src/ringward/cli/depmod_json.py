"""What depmod found, as one JSON document (docs/schema/kmod-v1.json, depmod)."""

from __future__ import annotations

import json

from ringward.kmod.depmod.module import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Place
    from ringward.kmod.depmod.run import Options, Result


def document(output: Place, options: Options, result: Result | None, written: list[str]) -> str:
    """Return the document.

    Args:
        output: the directory that is written to.
        options: what was asked for.
        result: what was found; None: modules.dep is up to date, nothing was looked at.
        written: names of the files that were written.

    """
    answer: dict[str, object] = {
        "v": 1,
        "tool": "depmod",
        "directory": options.directory.shown,
        "output": output.shown,
        "version": options.version,
        "up_to_date": result is None,
        "written": written,
        "modules": None,
        "duplicates": None,
        "damaged": None,
        "unresolved": None,
        "cycles": None,
        "cycles_complete": None,
        "modules_in_cycles": None,
    }
    if result is not None:
        answer |= _found(options, result)
    return json.dumps(answer, indent=2) + "\n"


def _found(options: Options, result: Result) -> dict[str, object]:
    return {
        "modules": [
            {"name": module.name, "path": module.listed, "needs": [need.name for need in module.needs]}
            for module in result.modules
        ],
        "duplicates": [
            {"name": each.name, "kept": each.kept, "dropped": each.dropped, "why": each.why}
            for each in result.duplicates
        ],
        "damaged": [
            {"name": module.name, "path": module.path, "why": reason(error)} for module, error in result.damaged.items()
        ],
        # Without -e nobody looked.
        "unresolved": [
            {"module": each.module.name, "symbol": each.symbol, "why": "version" if each.version else "unknown"}
            for each in result.unresolved
        ]
        if options.report_missing
        else None,
        "cycles": [[module.name for module in path] for path in result.cycles.paths],
        "cycles_complete": result.cycles.complete,
        "modules_in_cycles": [module.name for module in result.cycles.modules],
    }
