"""Plans as plain values for JSON; their shapes are in docs/schema/kmod-v1.json."""

from __future__ import annotations

from ringward.kmod import report
from ringward.kmod.sensitive import GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.acceptance import Check
    from ringward.kmod.plan import FileFacts, Note, Plan, Planned
    from ringward.kmod.report import Value


def note(one: Note) -> Value:
    """Return a note."""
    return {"text": one.text, "directive": report.directive(one.directive)}


def _check(one: Check) -> Value:
    return {"what": one.what, "result": one.result, "why": one.why}


def _file(one: FileFacts | None) -> Value | None:
    if one is None:
        return None
    return {
        "path": one.path,
        "size": one.size,
        "sha256": {"file": one.sha256, "image": one.image_sha256},
        "license": one.licence,
        "signature": {"result": one.verdict.word, "why": one.verdict.why},
        "taint": [{"letter": each.letter, "certain": each.certain, "why": each.why} for each in one.taints],
    }


def planned(one: Planned) -> Value:
    """Return a step of a plan."""
    found = report.step(one.step)
    del found["result"]
    return {
        **found,
        "again": [report.cause(each) for each in one.again],
        "state": one.state,
        "notes": [note(each) for each in one.notes],
        "file": _file(one.file),
        "why_no_file": one.why_no_file or None,
        "accepted": one.accepted,
        "checks": [_check(each) for each in one.checks],
        "sensitive": [{"symbol": symbol, "group": group, "good_for": GROUPS[group]} for symbol, group in one.sensitive],
    }


def plan(one: Plan) -> Value:
    """Return the members of a plan."""
    return {
        "asked": [{**report.answer(lookup), "notes": [note(each) for each in notes]} for lookup, notes in one.answers],
        "steps": [planned(each) for each in one.steps],
    }
