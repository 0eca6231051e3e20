"""Module loads, each joined under one id from the first step to the unload."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ringward.events.context import Load, Need, Origin
from ringward.events.fields import UNREAD_TEXT

KEPT_LOADS = 4096
KEPT_REQUESTS = 4096
_LOST = "it was not seen: records were lost meanwhile, and it may be among them"


@dataclass(slots=True)
class LoadState:
    """One call of init_module or finit_module, and what the kernel made of it."""

    id: str
    chain: str
    process: str
    origin: Origin
    module: str | None = None
    digest: str | None = None
    base: str | None = None
    uses: tuple[Need, ...] = ()
    needed_by: Need | None = None
    loaded: bool = False
    file: tuple[str, int] | None = None
    """Device and inode that finit_module was given."""
    ended: int = 0
    """When the call returned, nanoseconds since boot; 0: it has not."""
    steps: set[str] = field(default_factory=set)
    """Events that were seen of it."""

    def view(self) -> Load:
        """Return it as events carry it."""
        return Load(self.id, self.origin, self.module, self.digest, self.uses, self.needed_by)


def unknown(
    state: LoadState, attached: frozenset[str], result: int | None, reasons: dict[str, str], *, lost: bool
) -> dict[str, str]:
    """Return why the module or the digest of a load is not known when its call is told.

    Args:
        state: of the load.
        attached: steps that have a hook.
        result: of the call; None: it is not known, for ``reasons["result"]``.
        reasons: what has been said about this call.
        lost: records may have been lost since it began.

    """
    found = {}
    for member, value, step in (("module", state.module, "module_load"), ("digest", state.digest, "module_digest")):
        if value is not None:
            continue
        if step not in attached:
            reason = UNREAD_TEXT["NO_HOOK"]
        elif step in state.steps:
            reason = f"see the {step} of this load"
        elif result is None:
            reason = reasons["result"]
        elif f"load.{step}" in reasons:
            reason = reasons[f"load.{step}"]
        else:
            reason = _LOST if lost else UNREAD_TEXT["NOT_REACHED"]
        found[f"load.{member}"] = reason
    return found


class Lifecycles:
    """All loads that were seen, by attempt, by chain, and by the module that came of them.

    A chain is what one request of the kernel, or one run of a program, loads; its id is
    the part of a load's id before the dot.
    """

    def __init__(self) -> None:
        self._by_attempt: OrderedDict[int, LoadState] = OrderedDict()
        self._chains: OrderedDict[str, int] = OrderedDict()
        """How many loads each has begun."""
        self.by_name: dict[str, LoadState] = {}
        """The load that each module came of."""

    def begin(self, attempt: int, chain: str, process: str, origin: Origin) -> LoadState:
        """Begin a load, or return the one that the attempt has begun."""
        state = self._by_attempt.get(attempt)
        if state:
            return state
        number = self._chains[chain] = self._chains.get(chain, 0) + 1
        self._chains.move_to_end(chain)
        state = LoadState(f"{chain}.{number}", chain, process, origin)
        self._by_attempt[attempt] = state
        while len(self._by_attempt) > KEPT_LOADS:
            self._by_attempt.popitem(last=False)
        while len(self._chains) > KEPT_REQUESTS:
            self._chains.popitem(last=False)
        return state

    def of(self, attempt: int) -> LoadState | None:
        """Return the load of an attempt."""
        return self._by_attempt.get(attempt)

    def shared(self, state: LoadState, entered: int) -> LoadState | None:
        """Return the load of the same file that was under way when `state`'s call was, and did its work.

        Since v6.5 (commit 9b9879fc0327 "modules: catch concurrent module loads, treat them as
        idempotent") a second finit_module of a file waits for the first and returns its result.

        Args:
            state: a load that took no step of its own.
            entered: when its call began, nanoseconds since boot.

        """
        if state.steps or state.file is None:
            return None
        for other in reversed(self._by_attempt.values()):
            if other.file == state.file and other.steps and (not other.ended or other.ended >= entered):
                return other
        return None

    def loaded(self, name: str | None) -> LoadState | None:
        """Return the load that the module called `name` came of, when it was seen."""
        return self.by_name.get(name) if name else None

    def linked(self, state: LoadState, name: str | None, base: str, uses: tuple[str, ...] | None) -> list[LoadState]:
        """Take in that the module is linked; return the loads that were made for it."""
        state.module, state.base, state.loaded = name, base, True
        needs = []
        served = []
        for used in uses or ():
            other = self.by_name.get(used)
            needs.append(Need(used, other.id if other else None))
            if other and other.chain == state.chain and other.needed_by is None:
                other.needed_by = Need(name or "?", state.id)
                served.append(other)
        state.uses = tuple(needs)
        if name:
            self.by_name[name] = state
        return served

    def freed(self, attempt: int, name: str | None) -> LoadState | None:
        """Take in that a module is gone, by the call `attempt`; return the load that it came of."""
        state = self.by_name.pop(name, None) if name else None
        if state and attempt:
            self._by_attempt[attempt] = state
        return state
