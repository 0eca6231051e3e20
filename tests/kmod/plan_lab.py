"""A system below a root directory with module files that can be looked at, and a kernel for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ringward.kmod.kernel import Kernel
from ringward.kmod.plan import Plan, Planner
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from tests.kmod.elf_builder import GLOBAL, Module
from tests.kmod.lab import VERSION, Lab

MAGIC = f"{VERSION} SMP mod_unload modversions "
CONFIG = "CONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\n# CONFIG_MODULE_SIG_FORCE is not set\nCONFIG_MODULE_FORCE_LOAD=y\n"
SYMVERS = {"kfree": 0x11, "commit_creds": 0x22, "module_layout": 0x33}


def module(
    name: str,
    *,
    wants: dict[str, int] | None = None,
    exports: dict[str, int] | None = None,
    magic: str = MAGIC,
    licence: str = "GPL",
    versions: bool = True,
    more: Sequence[str] = (),
) -> bytes:
    """Return the file of a module: symbols that it wants and has, with checksums."""
    wants = {"module_layout": SYMVERS["module_layout"], **(wants or {})}
    return Module(
        modinfo=[f"name={name}".encode(), f"vermagic={magic}".encode(), f"license={licence}".encode(), b"intree=Y"]
        + [text.encode() for text in more],
        undefined=[(symbol.encode(), GLOBAL) for symbol in wants if symbol != "module_layout"],
        exports=[(symbol.encode(), crc) for symbol, crc in (exports or {}).items()],
        versions=[(symbol.encode(), crc) for symbol, crc in wants.items()] if versions else [],
    ).build()


class PlanLab(Lab):
    """As `Lab`, seen through --sysroot."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.facts = {
            "proc/sys/kernel/modules_disabled": "0\n",
            "sys/module/module/parameters/sig_enforce": "N\n",
            "proc/cmdline": "quiet\n",
            f"boot/config-{VERSION}": CONFIG,
            f"boot/vmlinuz-{VERSION}": f"junk\0{MAGIC}\0",
            f"lib/modules/{VERSION}/build/Module.symvers": "".join(
                f"0x{crc:08x}\t{symbol}\tvmlinux\tEXPORT_SYMBOL\t\n" for symbol, crc in SYMVERS.items()
            ),
        }

    def write(self, name: str, text: str | None) -> None:
        """Write a fact, or take it away."""
        self.facts[name] = text or ""
        if text is None:
            del self.facts[name]

    def files(self, **images: bytes) -> None:
        for stem, image in images.items():
            (self.directory / f"kernel/{stem}.ko").write_bytes(image)

    def kernel(self, *certificates: str) -> Kernel:
        for name, text in self.facts.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Kernel(Tree("", VERSION, root=str(self.root)), running=False, certificates=certificates)

    def plan(
        self,
        *names: str,
        words: Sequence[str] = (),
        all_softdeps: bool = False,
        use_blacklist: bool = False,
        ignore_commands: bool = False,
        certificates: Sequence[str] = (),
    ) -> Plan:
        kernel = self.kernel(*certificates)
        resolver = Resolver(kernel.tree, self.config(), all_softdeps=all_softdeps)
        planner = Planner(
            resolver,
            Live(str(self.root)),
            kernel,
            use_blacklist=use_blacklist,
            ignore_commands=ignore_commands,
        )
        return planner.plan(names, words)
