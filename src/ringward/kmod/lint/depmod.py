"""Lines of depmod's configuration that do nothing for a kernel."""

from __future__ import annotations

from collections.abc import Iterator

from ringward.kmod.depmod_config import DepmodConfig
from ringward.kmod.lint.finding import FINDING, Finding
from ringward.kmod.tree import Tree

_SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")


def expressions(config: DepmodConfig, tree: Tree) -> None:
    """Have every expression matched with this kernel: those that cannot be become problems of the configuration."""
    for kind in ("override", "external"):
        for _each in config.of(kind, tree.version):
            pass


def overrides(config: DepmodConfig, tree: Tree) -> Iterator[Finding]:
    """Yield the override lines for this kernel that name no file: '-' and '_' are two characters there."""
    for each in config.of("override", tree.version):
        stem = f"{tree.directory}/{each.directories[0]}/"
        if _exists(tree, stem + each.module):
            continue
        others = [each.module.replace("-", "_"), each.module.replace("_", "-")]
        near = next((name for name in others if _exists(tree, stem + name)), "")
        why = f"has no effect: there is no {stem}{each.module}.ko"
        fix = f"override {near} {each.version} {each.directories[0]}" if near else ""
        yield Finding("depmod-override", FINDING, each.path, each.line, each.text, why, fix)


def _exists(tree: Tree, stem: str) -> bool:
    return any(tree.exists(stem + suffix) for suffix in _SUFFIXES)
