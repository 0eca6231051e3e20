"""``modinfo --json``: all that is known of modules, as one document (docs/schema/kmod-v1.json, modinfo)."""

from __future__ import annotations

import json

from ringward.cli.tool_log import stdout
from ringward.cli.tool_options import FAILURE
from ringward.kmod.builtin import builtin_strings
from ringward.kmod.describe import describe_builtin, describe_file
from ringward.kmod.errors import KmodError
from ringward.kmod.sysroot import told
from ringward.kmod.threads import in_threads
from ringward.kmod.verify import VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.cli.modinfo import Modinfo, Target


def run_json(call: Modinfo) -> int:
    """Print the document; return the exit status: 1 when one of them was not found, is damaged, or is not valid."""
    certificates = None
    if call.options.verify:
        from ringward.cli.modinfo_verify import trusted  # noqa: PLC0415 - rare

        certificates = trusted(call)

    def describe(target: Target) -> tuple[Target, dict[str, object] | Exception]:
        try:
            if target.shown is None:
                directory = call.tree.real(call.tree.directory)
                return target, describe_builtin(target.name, builtin_strings(directory, target.name))
            return target, describe_file(target.real, certificates)
        except (OSError, KmodError) as error:
            return target, error

    modules: list[dict[str, object]] = []
    status = 0
    for target, found in in_threads(describe, call.targets()):
        one: dict[str, object] = {"filename": target.shown, "name": target.name, "builtin": target.shown is None}
        if isinstance(found, Exception):
            why = told(found, call.options.sysroot)
            call.complain(f"could not get modinfo from '{target.name}': {why}")
            modules.append(one | {"error": why})
            continue
        modules.append(one | {"error": None} | found)
        verification = found.get("verification")
        if isinstance(verification, dict) and verification["result"] != VALID:
            status = FAILURE
    looked_at = None
    if certificates is not None:
        looked_at = {"sources": certificates.sources, "problems": certificates.problems}
    document = {"v": 1, "tool": "modinfo", "modules": modules, "certificates": looked_at}
    stdout(json.dumps(document | {"messages": call.messages}, indent=2) + "\n")
    return FAILURE if call.failed else status
