"""What the configuration says about the files of one kernel version: depmod.d(5), applied."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.depmod.module import Module
    from ringward.kmod.depmod_config import DepmodConfig

BUILT_IN = "built-in"
EXTERNAL = "external"
DEFAULT_SEARCH = (("updates", ""), (BUILT_IN, ""))
"""What counts without any ``search`` line."""

_Rank = tuple[int, int, str]
"""Of a file: place of the line of `search` that counts, place of the line of `external`, the former in words."""
_NOWHERE: _Rank = (-1, 0, "not in search")


class Override:
    """One ``override`` line: the file `stem`, a path below the module directory without suffix, is taken."""

    __slots__ = ("place", "stem")

    def __init__(self, module: str, directory: str, place: str) -> None:
        self.stem = f"{directory}/{module}"
        self.place = place


class Policy:
    """What decides between two files of one name.

    Attributes:
        overrides: in the order of the configuration, those for other versions left out.
        searches: (directory, where it is configured), the most important first.
        externals: further directories, the most important first.
        excludes: names of files and directories that take no part.

    """

    __slots__ = ("excludes", "externals", "overrides", "searches")

    def __init__(
        self,
        overrides: list[Override] | None = None,
        searches: list[tuple[str, str]] | None = None,
        externals: list[str] | None = None,
        excludes: frozenset[str] = frozenset(),
    ) -> None:
        self.overrides = overrides or []
        self.searches = searches or list(DEFAULT_SEARCH)
        self.externals = externals or []
        self.excludes = excludes

    @classmethod
    def of(cls, config: DepmodConfig, version: str) -> Policy:
        """Return what a configuration says for one kernel; it gets a problem more for a bad expression."""
        return cls(
            [Override(each.module, each.directories[0], each.place) for each in config.of("override", version)],
            [(name, each.place) for each in config.of("search", version) for name in each.directories],
            [each.directories[0] for each in config.of("external", version)],
            frozenset(name for each in config.of("exclude", version) for name in each.directories),
        )

    def prefers(self, new: Module, old: Module) -> tuple[bool, str]:
        """Return whether a file is taken instead of one that was found before, and what decides."""
        # kmod looks at the last line first.
        for override in self.overrides[::-1]:
            for module, answer in ((new, True), (old, False)):
                if module.relative is not None and _stem(module.relative) == override.stem:
                    return answer, f"override {override.place}"
        ranks = self._ranks(new, old)
        if ranks[0][:2] > ranks[1][:2]:
            return True, ranks[0][2]
        return False, ranks[1][2] if ranks[1][:2] > ranks[0][:2] else "both are of one rank; this one was found first"

    def _ranks(self, new: Module, old: Module) -> list[_Rank]:
        """Return the rank of each of two files."""
        ranks = [_NOWHERE, _NOWHERE]
        built_in = _NOWHERE
        for number, (directory, place) in enumerate(reversed(self.searches)):
            why = f"search {directory}{f' ({place})' if place else ''}"
            if directory == BUILT_IN:
                built_in = (number, 0, why)
            elif directory == EXTERNAL:
                for order, external in enumerate(reversed(self.externals)):
                    ranks = [
                        (number, order, why) if module.path.startswith(external + "/") else rank
                        for module, rank in zip((new, old), ranks, strict=True)
                    ]
            # A line counts for the new file alone where both match it: of two in one directory the later one wins.
            elif _inside(new, directory):
                ranks[0] = (number, 0, why)
            elif _inside(old, directory):
                ranks[1] = (number, 0, why)
        return [built_in if rank is _NOWHERE else rank for rank in ranks]


def _inside(module: Module, directory: str) -> bool:
    """Return whether a file is in a directory below the module directory."""
    return module.relative is not None and module.relative.startswith(directory + "/")


def _stem(path: str) -> str:
    """Return a path without the suffix of its file."""
    directory, slash, name = path.rpartition("/")
    return f"{directory}{slash}{name.partition('.')[0]}"
