"""A system whose modules may get in: as `PlanLab`, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ringward.kmod.blocked import Answer, Decider, Way
from ringward.kmod.blocked.kernel_policy import Policy
from ringward.kmod.blocked.trial import Trial
from ringward.kmod.config import Config, load_config
from ringward.kmod.proc import Live
from ringward.kmod.tree import Tree
from tests.kmod.lab import VERSION
from tests.kmod.plan_lab import PlanLab, module

# c needs b, and b needs a; d stands alone; "other" is the alias of nobody's.
DEPS: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["b", "a"], "d": [], "e-x": []}
ALIASES = (("net_pf_5", "b"), ("pci:v1*", "b"), ("fs_d", "d"), ("char_major_9_*", "d"))
IMAGES = {
    "a": module("a", exports={"of_a": 1}),
    "b": module("b", exports={"of_b": 2}, wants={"of_a": 1}),
    "c": module("c", wants={"of_b": 2}),
    "d": module("d"),
    "e-x": module("e_x"),
}


class BlockedLab(PlanLab):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.build()
        self.write("proc/sys/kernel/modprobe", "/sbin/modprobe\n")
        (self.root / "sbin").mkdir()
        (self.root / "sbin/modprobe").touch()
        (self.root / "bin").mkdir()
        for name in ("false", "true"):
            (self.root / "bin" / name).touch()

    def build(
        self,
        deps: Mapping[str, Sequence[str]] = DEPS,
        aliases: Sequence[tuple[str, str]] = ALIASES,
        missing: Sequence[str] = (),
    ) -> None:
        self.modules(
            deps,
            aliases=aliases,
            symbols=[("of_a", "a"), ("of_b", "b")],
            builtin=["own"],
            builtin_aliases=[("bus:own", "own")],
            missing=missing,
        )
        self.files(**{stem: image for stem, image in IMAGES.items() if stem in deps and stem not in missing})

    def config(self) -> Config:
        return load_config(
            ["/conf"],
            root=str(self.root),
            cmdline=self.facts.get("proc/cmdline"),
            module_dir=str(self.directory),
        )

    def tree(self) -> Tree:
        return Tree("", VERSION, root=str(self.root))

    def trial(self, name: str) -> Trial:
        policy = Policy(self.kernel())
        return Trial(self.resolver(), name, Live(str(self.root)), policy.refuses)

    def decider(self) -> Decider:
        def read(path: str) -> str:
            return (self.root / path.lstrip("/")).read_text()

        return Decider(self.resolver(), self.kernel(), Live(str(self.root)), read, "/conf")

    def answer(self, name: str) -> Answer:
        (found,) = self.decider().answers(name)
        return found


def results(answer: Answer) -> dict[str, str]:
    """Return what becomes of each kind of way: of several the first, which is the most open."""
    found: dict[str, str] = {}
    for way in answer.ways:
        found.setdefault(way.kind, way.result)
    return found


def ways(answer: Answer, kind: str) -> list[Way]:
    return [way for way in answer.ways if way.kind == kind]
