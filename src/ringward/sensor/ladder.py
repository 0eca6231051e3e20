"""Which hook each event is seen by: the first of its ladder that this kernel takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ringward.events.hooks import Hook, Ladder
from ringward.events.registry import BY_NAME

# Events whose records the sensor needs for itself: ancestry, and who was started for a request.
CONTEXT_EVENTS = ("process_fork", "process_exec", "process_exit")
_UNFOLLOWED = ("process_fork", "process_exit")
"""Whose hooks also keep the kernel part's own tables, whether anything is sent or not."""
_VERDICTS = "only the guard judges; to see its verdicts: ringward guard"
ORIGIN_EVENTS = ("module_request", "usermodehelper", "udev_device")


@dataclass
class Refusals:
    """What this kernel did not take, with the reason as it gave it."""

    programs: dict[str, str] = field(default_factory=dict)
    rungs: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)

    def reason(self, hook: Hook) -> str | None:
        """Return why a hook cannot be had, or None."""
        if hook.object in self.objects:
            return self.objects[hook.object]
        if hook.rung in self.rungs:
            return self.rungs[hook.rung]
        return next((self.programs[p] for p in hook.programs if p in self.programs), None)


@dataclass
class Choice:
    """The hook chosen for each event and aid, and what is missing of them."""

    hooks: dict[str, Hook] = field(default_factory=dict)
    aids: dict[str, Hook] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def programs(self) -> dict[str, set[str]]:
        """Return the programs to load, by object."""
        found: dict[str, set[str]] = {}
        for hook in (*self.hooks.values(), *self.aids.values()):
            if hook.object:
                found.setdefault(hook.object, set()).update(hook.programs)
        return found


def _first(ladder: Ladder, refused: Refusals, forced: str | None, *, sparing: bool) -> tuple[Hook | None, str]:
    ours = [hook for hook in ladder if hook.object]
    if sparing:
        ours.sort(key=lambda hook: hook.every_call)
    rungs = [hook for hook in ours if hook.rung == forced] or ours
    reasons: dict[str, list[str]] = {}
    for hook in rungs:
        reason = refused.reason(hook)
        if reason is None:
            return hook, ""
        reasons.setdefault(reason, []).append(hook.rung)
    if len(reasons) == 1:
        return None, next(iter(reasons))
    return None, "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def choose(events: Iterable[str], refused: Refusals, forced: str | None = None, *, follow: bool = True) -> Choice:
    """Return the hooks for `events` and for what the sensor needs besides.

    Args:
        events: names of the catalogue.
        refused: what this kernel did not take so far.
        forced: a rung that is taken by every event that has it.
        follow: processes are followed. Where they are not, so that starts of programs cost nothing, hooks that other
            system calls do not pass come before those that see more.

    """
    asked = set(events)
    wanted = asked.union(CONTEXT_EVENTS if follow else ())
    if any(BY_NAME[name].group == "modules" for name in asked):
        # Where no module can be loaded, there is no load to have an origin.
        wanted.update(name for name in ORIGIN_EVENTS if BY_NAME[name].hooks[0].object not in refused.objects)
    choice = Choice()
    ladders = {} if follow else {f"canaries: {name}": BY_NAME[name].hooks for name in _UNFOLLOWED}
    for name, cls in BY_NAME.items():
        if name not in wanted or not cls.record:
            continue
        if cls.group == "guard":
            choice.missing[name] = _VERDICTS
            continue
        hook, reason = _first(cls.hooks, refused, forced, sparing=not follow)
        if hook is None:
            choice.missing[name] = reason
            continue
        choice.hooks[name] = hook
        # What only adds to an event is of no use to the sensor itself.
        if name in asked:
            ladders |= {f"{name}: {ladder[0].name}": ladder for ladder in cls.aids}
    for label, ladder in ladders.items():
        aid, reason = _first(ladder, refused, forced, sparing=not follow)
        if aid:
            choice.aids[label] = aid
        else:
            choice.missing[label] = reason
    return choice
