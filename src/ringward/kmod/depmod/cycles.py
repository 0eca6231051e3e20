"""Which modules need each other in a circle."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.kmod.depmod.module import Module

MOST = 1000
"""Cycles that are told of one tree; modules that all need each other have more than can be listed."""
MOST_STEPS = 200_000
"""Steps on the search for cycles; from then on one cycle is told of each group."""


class Cycles:
    """What is known of the cycles.

    Attributes:
        paths: the modules of each cycle, from one of them round to the one that needs it; each is listed once.
        modules: every module that is in some cycle.
        complete: whether all cycles are in `paths`.

    """

    __slots__ = ("complete", "modules", "paths", "steps")

    def __init__(self) -> None:
        self.paths: list[list[Module]] = []
        self.modules: list[Module] = []
        self.complete = True
        self.steps = MOST_STEPS

    def add_group(self, root: Module, group: set[Module], left: list[Module]) -> None:
        """Add the cycles of modules that all need each other: those through `root`, then those that remain."""
        start: Module | None = root
        while start is not None:
            found = len(self.paths)
            self._add_through(start, group)
            if len(self.paths) == found:
                self.paths.append(_shortest(start, group))
            if not self.complete:
                return
            group = group - {start}
            rest = _groups([module for module in left if module in group])
            start = next((module for module in left if module in rest), None)

    def _add_through(self, root: Module, group: set[Module]) -> None:
        """Add each way from `root` back to it through modules of `group`, none of them twice."""
        path = [root]
        on_path = {root}
        todo = [list(root.needs)]
        while todo:
            if self.steps <= 0 or len(self.paths) >= MOST:
                self.complete = False
                return
            self.steps -= 1
            if not todo[-1]:
                todo.pop()
                on_path.discard(path.pop())
                continue
            need = todo[-1].pop()
            if need is root:
                self.paths.append(list(path))
            elif need in group and need not in on_path:
                path.append(need)
                on_path.add(need)
                todo.append(list(need.needs))


def find(left: list[Module]) -> Cycles:
    """Return the cycles among the modules that could not be put in an order.

    Args:
        left: in the order of all modules. Cycles are told in kmod's order where kmod comes to an end: it does
            not when from a cycle another one is reached.

    """
    cycles = Cycles()
    groups = _groups(left)
    cycles.modules = [module for module in left if module in groups]
    # kmod does not come back to what it has visited on the way.
    for root in [*_roots(left), *left]:
        group = groups.get(root)
        if group:
            for module in group:
                del groups[module]
            cycles.add_group(root, group, left)
    return cycles


def _roots(left: list[Module]) -> Iterator[Module]:
    """Yield where kmod starts to look: it takes what it has visited out of a ring, and goes on behind that."""
    following = dict(zip(left, [*left[1:], *left[:1]], strict=True))
    before = dict(zip(left, [*left[-1:], *left[:-1]], strict=True))
    head = left[0] if left else None
    while following and head is not None:
        root = head
        for module in _visited(root, following):
            head = following.pop(module)
            last = before.pop(module)
            if following:
                following[last] = head
                before[head] = last
        yield root


def _visited(root: Module, there: dict[Module, Module]) -> list[Module]:
    """Return what a walk from a root comes to first, of what is still there; the last need is followed first."""
    seen = {root}
    order = []
    todo = [root]
    while todo:
        module = todo.pop()
        order.append(module)
        for need in module.needs:
            if need not in seen and need in there:
                seen.add(need)
                todo.append(need)
    return order


def _shortest(root: Module, group: set[Module]) -> list[Module]:
    """Return a cycle through `root` with the fewest modules."""
    ways = {root: [root]}
    todo = [root]
    for module in todo:
        for need in module.needs:
            if need is root:
                return ways[module]
            if need in group and need not in ways:
                ways[need] = [*ways[module], need]
                todo.append(need)
    raise AssertionError(f"{root.name} is in no cycle")


def _groups(modules: list[Module]) -> dict[Module, set[Module]]:
    """Return of each module that is in a cycle all that it is in cycles with, itself included.

    These are the strongly connected components (Kosaraju's algorithm), except single modules that do not need
    themselves. What is not among `modules` does not count.
    """
    inside = set(modules)
    users: dict[Module, list[Module]] = {module: [] for module in modules}
    for module in modules:
        for need in module.needs:
            if need in inside:
                users[need].append(module)
    groups: dict[Module, set[Module]] = {}
    placed: set[Module] = set()
    for root in reversed(_finished(modules, inside)):
        group = set()
        todo = [root]
        while todo:
            module = todo.pop()
            if module not in placed:
                placed.add(module)
                group.add(module)
                todo += users[module]
        if len(group) > 1 or (group and root in root.needs):
            groups.update(dict.fromkeys(group, group))
    return groups


def _finished(modules: list[Module], inside: set[Module]) -> list[Module]:
    """Return the modules in the order in which a walk along their needs is done with them."""
    order = []
    seen: set[Module] = set()
    todo = [(module, False) for module in reversed(modules)]
    while todo:
        module, done = todo.pop()
        if done:
            order.append(module)
        elif module not in seen:
            seen.add(module)
            todo.append((module, True))
            todo += [(need, False) for need in module.needs if need in inside]
    return order
