"""What the person reads who is blocked: what, its digest, which rule, and the command that asks for approval. Pure."""

from __future__ import annotations

from ringward.events.catalogue.autoload_verdict import AutoloadVerdict
from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.catalogue.unload_verdict import UnloadVerdict
from ringward.events.context import Event
from ringward.output.text import safe
from ringward.trust.entry import alias, short
from ringward.trust.rules import Rule


def what(event: Event) -> str:
    """Return what was judged, in words; "": it is no verdict of the guard."""
    args = event.args
    if isinstance(args, ModuleVerdict):
        if args.stage == "call":
            return f"a call for kernel module {args.name or '(no name)'}, which Linux has not had since 2.6"
        path = args.file.path if args.file and args.file.path else ""
        digest = f"sha256 {args.digest}" if args.digest else "its digest could not be made"
        name = f"kernel module {args.name or '(no name)'}"
        given = f" with {args.param_values}" if args.param_values else ""
        return f"{name}{given} ({digest}{f', {path}' if path else ', from memory'})"
    if isinstance(args, ProgramVerdict):
        path = args.file.path if args.file and args.file.path else args.path or "(path could not be read)"
        return f"{args.role} {path} ({f'sha256 {args.digest}' if args.digest else 'its digest could not be made'})"
    if isinstance(args, AutoloadVerdict):
        return f"the kernel's request for {args.alias or '(alias could not be read)'}"
    if isinstance(args, UnloadVerdict):
        return f"removal of kernel module {args.name or '(name could not be read)'}"
    return ""


def reason(event: Event, rule: Rule | None) -> str:
    """Return what denies it.

    Args:
        event: a verdict.
        rule: that made it; None: none did, or it is not in the policy any more.

    """
    args = event.args
    if isinstance(args, ProgramVerdict):
        return "nothing vouches for it"
    if not isinstance(args, ModuleVerdict | AutoloadVerdict | UnloadVerdict):
        return ""
    if args.made_by == "fault":
        return "the kernel had no room for one more decision: try again"
    if args.rule is None:
        return "no rule allows it" if isinstance(args, UnloadVerdict) else "nothing vouches for it"
    unread = ", as what it asks for could not be read" if args.fact_unread else ""
    text = f"rule {args.rule}{unread}"
    if rule is not None:
        text += f": {rule.message}" if rule.message else ""
        text += f" ({rule.link or rule.where})" if rule.link or rule.where else ""
    return text


def request(event: Event) -> str:
    """Return the command that lets it in; "": none does, as a rule denies it, or nothing can be named."""
    args = event.args
    digest = b""
    if isinstance(args, ProgramVerdict) or (isinstance(args, ModuleVerdict) and args.made_by == "default"):
        digest = bytes.fromhex(args.digest or "")
    elif isinstance(args, AutoloadVerdict) and args.made_by == "default" and args.alias:
        digest = alias(args.alias).digest
    return f"ringward trust approve {short(digest)}" if digest else ""


def lines(event: Event, rule: Rule | None) -> list[str]:
    """Return what is written to the terminal of who was refused, safe for it."""
    found = [f"ringward: refused: {what(event)}", f"ringward: {reason(event, rule)}"]
    command = request(event)
    if command:
        found.append(f"ringward: an administrator lets it in with: {command}")
    return [safe(line) for line in found]


def sentence(event: Event, rule: Rule | None) -> str:
    """Return a denial, or the start of what is not known, in one line, for the system's log."""
    args = event.args
    refused = isinstance(args, ModuleVerdict | AutoloadVerdict | UnloadVerdict) and args.refused
    who = f"{event.process.comm} (pid {event.process.pid}, uid {event.process.uid})" if event.process else "?"
    command = request(event)
    done = "started" if isinstance(args, ProgramVerdict) else "refused" if refused else "would refuse"
    text = f"{done} {what(event)}, by {who}: {reason(event, rule)}"
    return safe(f"{text}; to let it in: {command}" if command else text)
