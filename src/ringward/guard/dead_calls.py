"""create_module, query_module, get_kernel_syms: Linux has not had them since 2.6; attempts like any other, and judged.

The kernel refuses them by itself (ENOSYS), before any hook that could decide: user space judges what the sensor has
seen, by the same function and the same policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from ringward.events.catalogue.module_verdict import ModuleVerdict
from ringward.events.context import Event, Process
from ringward.sensor.calls import PLAIN, TAGS
from ringward.sensor.origin import origin
from ringward.trust.rules import UNKNOWN, Flag, Mode, Operation, Origin, Policy
from ringward.trust.verdict import Level, Object, Subject, decide

EVENTS = PLAIN
"""Of these calls."""
STAGE = "call"
_NAME = ModuleVerdict.event_name()
_NO_IMAGE = "the call has no image: Linux has no such call any more"
_ORIGINS = {
    "command": Origin.COMMAND,
    "request": Origin.REQUEST,
    "udev": Origin.UDEV,
    "modules-load": Origin.BOOT,
    "initramfs": Origin.BOOT,
}


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


def verdicts(event: Event, policy: Policy) -> Iterator[Event]:
    """Yield the verdict on the call that an event tells of; nothing for other events, and where loads are not judged.

    Args:
        event: any.
        policy: what decides, in the modes of the event's time; that `without_digests` is enough.

    """
    mode = policy.mode(Operation.MODULES)
    process = event.process
    if event.event not in EVENTS or process is None or mode is Mode.OFF:
        return
    args: Any = event.args
    # One of them is given no name at all.
    name: str | None = getattr(args, "name", "")
    how = _ORIGINS.get(origin(process, None, None).kind)
    thing = Object(
        Operation.MODULES,
        name=None if name is None else name.encode("utf-8", "surrogateescape"),
        parameters=b"",
        flags=Flag.NO_FILE,
        alias=b"",
        origin=how,
    )
    made = decide(_subject(process), thing, policy)
    unread = {
        "digest": _NO_IMAGE,
        "param_values": "the call takes none",
        "alias": "the kernel asked for none",
        "file": "the call takes no file",
        "duration": "it was not measured",
    }
    if not name:
        unread["name"] = event.unread.get("name", "the call was given none")
    if made.rule is None:
        unread["rule"] = "no rule made it"
    if how is None:
        unread["origin"] = process.unread.get("exe", "the program is not known")
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
            alias=None,
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
