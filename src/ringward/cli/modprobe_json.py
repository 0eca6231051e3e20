"""The JSON answers of modprobe (docs/schema/kmod-v1.json: modprobe, modprobe-config, modprobe-symbols)."""

from __future__ import annotations

import json

from ringward.cli.tool_log import stdout
from ringward.kmod import report
from ringward.kmod.lookup import Lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ringward.cli.modprobe import Modprobe
    from ringward.kmod.step import Step

FAILURE = 1


def print_json(tool: str, members: Mapping[str, object]) -> None:
    """Print one document."""
    stdout(json.dumps({"v": 1, "tool": tool, **members}, indent=2) + "\n")


def done(call: Modprobe, names: Iterable[str], results: Sequence[tuple[Step, str]], status: int) -> None:
    """Print what names mean, and what became of the steps."""
    answers: list[Lookup] = [call.resolver.lookup(name) for name in names]
    print_json(
        "modprobe",
        {
            "directory": call.tree.directory,
            "status": status,
            "asked": [report.answer(each) for each in answers],
            "steps": [report.step(step, result) for step, result in results],
            "messages": call.log.said,
        },
    )


def load(call: Modprobe) -> int:
    """Load what the names mean, or only look it up; print what was done, and return the exit status."""
    insertion = call.insertion()
    status = 0
    for name in call.names():
        answer = call.lookup(name)
        if answer is None or (call.options.show != "alias" and call.load(answer, insertion)):
            status = FAILURE
        call.tell_losses()
    done(call, call.names(), insertion.results, status)
    return status


def config(call: Modprobe, indexes: Iterable[tuple[str, str]]) -> None:
    """Print the configuration."""
    print_json(
        "modprobe-config",
        {
            "directives": [report.directive(each) for each in call.config.directives],
            "aliases": [{"alias": alias, "module": module} for alias, module in indexes],
            "problems": [
                {"kind": each.kind, "path": each.path, "line": each.line, "text": each.text, "why": each.why}
                for each in call.config.problems
            ],
        },
    )


def symbols(call: Modprobe, found: tuple[str, list[tuple[str, int]]] | None) -> None:
    """Print the symbols of a module file, if it could be read."""
    files = [found] if found else []
    print_json(
        "modprobe-symbols",
        {
            "files": [
                {"path": path, "symbols": [{"symbol": symbol, "crc": crc} for symbol, crc in pairs]}
                for path, pairs in files
            ],
            "what": call.options.show,
            "messages": call.log.said,
        },
    )
