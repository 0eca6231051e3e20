"""create_module, query_module, get_kernel_syms: Linux has not had them since 2.6; attempts like any other, and judged.

The kernel refuses them by itself (ENOSYS), before any hook that could decide: user space judges what the sensor has
seen, by the same function, policy and facts, in the mode of that time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.events.context import Event, Process
from ringward.sensor.calls import PLAIN, TAGS
from ringward.sensor.origin import Cause
from ringward.trust.rules import UNKNOWN, Flag, Mode, Operation, Origin, Policy
from ringward.trust.verdict import Level, Object, Subject, decide

EVENTS = PLAIN
"""Of these calls."""
STAGE = "call"
_NAME = ModuleVerdict.event_name()
_NO_IMAGE = "the call has no image: Linux has no such call any more"
_BY_PROGRAM = {"udev": Origin.UDEV, "modules-load": Origin.BOOT}


class _NoDigests:
    def find(self, _digest: bytes) -> int:
        return UNKNOWN


def without_digests(policy: Policy, modes: Mapping[Operation, Mode]) -> Policy:
    """Return the part of a policy that decides here: digests are much memory, and these calls have none."""
    return replace(policy, known=_NoDigests(), classes=policy.classes[: UNKNOWN + 1], modes=modes)


def _subject(process: Process) -> Subject:
    return Subject(
        process.uid,
        process.exe.encode("utf-8", "surrogateescape") if process.exe is not None else None,
        None if process.cgroup is None else process.container is not None,
        process.kthread,
    )


def origin(process: Process, cause: Cause, unjoined: str) -> tuple[Origin | None, str]:
    """Return how a call came about, as the kernel part does (bpf/guard_subject.bpf.h: origin_set()); or None and why.

    Args:
        process: that makes it.
        cause: as the sensor has it.
        unjoined: why it is not known that the process was started for no request; "": it is.

    """
    kind = cause.origin.kind
    if kind == "request":
        return Origin.REQUEST, ""
    if cause.initramfs:
        return Origin.BOOT, ""
    if kind in _BY_PROGRAM:
        return _BY_PROGRAM[kind], ""
    unknown = (one.unread or "its program is not known" for one in process.ancestors if one.exe is None)
    reason = unjoined or cause.origin.unread.get("kind") or next((f"an ancestor: {text}" for text in unknown), "")
    return (None, reason) if reason else (Origin.COMMAND, "")


def alias(cause: Cause, unjoined: str) -> tuple[str | None, str]:
    """Return what the kernel asked for, "": nothing; or None and why. Arguments: as of `origin`."""
    if cause.origin.kind == "request":
        return cause.origin.alias, cause.origin.unread.get("alias", "")
    return (None, unjoined) if unjoined else ("", "the kernel asked for none")


def verdicts(event: Event, policy: Policy, cause: Cause, unjoined: str = "") -> Iterator[Event]:
    """Yield the verdict on the call that an event tells of; nothing for other events, and where loads are not judged.

    Args:
        event: any.
        policy: what decides, in the modes of the event's time; that `without_digests` is enough.
        cause: how the call came about.
        unjoined: why it is not known that the process was started for no request; "": it is.

    """
    mode = policy.mode(Operation.MODULES)
    process = event.process
    if event.event not in EVENTS or process is None or mode is Mode.OFF:
        return
    args: Any = event.args
    # One of them is given no name at all.
    name: str | None = getattr(args, "name", "")
    how, no_origin = origin(process, cause, unjoined)
    asked, no_alias = alias(cause, unjoined)
    thing = Object(
        Operation.MODULES,
        name=None if name is None else name.encode("utf-8", "surrogateescape"),
        parameters=b"",
        flags=Flag.NO_FILE,
        alias=None if asked is None else asked.encode("utf-8", "surrogateescape"),
        origin=how,
    )
    made = decide(_subject(process), thing, policy)
    unread = {
        "digest": _NO_IMAGE,
        "param_values": "the call takes none",
        "file": "the call takes no file",
        "duration": "it was not measured",
    }
    if not name:
        unread["name"] = event.unread.get("name", "the call was given none")
    if made.rule is None:
        unread["rule"] = "no rule made it"
    if how is None:
        unread["origin"] = no_origin
    if not asked:
        unread["alias"] = no_alias
    yield msgspec.structs.replace(
        event,
        event=_NAME,
        cpu=None,
        seq=None,
        hook="sensor",
        abi=None,
        args=ModuleVerdict(
            verdict=made.action.value,
            refused=False,
            mode=mode.name.lower(),
            made_by=level_name(made.level),
            rule=None if made.rule is None else policy.rules[made.rule].id,
            fact_unread=made.unread,
            digest=None,
            size=getattr(args, "len", 0),
            name=name or None,
            param_values=None,
            flags=("NO_FILE",),
            alias=asked.replace("-", "_") if asked else None,
            origin=None if how is None else how.name.lower(),
            stage=STAGE,
            file=None,
        ),
        result=None,
        error=None,
        duration=None,
        load=None,
        tags=TAGS[_NAME],
        sources={},
        differences=(),
        unread=unread,
    )


def level_name(level: Level) -> str:
    """Return what made a verdict as events have it."""
    return level.name.lower().replace("_", " ")
