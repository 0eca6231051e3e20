"""Trees of the smallest modules, and two depmods to write their indexes: the installed one and Ringward's."""

from __future__ import annotations

import contextlib
import io
import lzma
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from ringward.cli import depmod
from tests.kmod import elf_builder

VERSION = "1.2.3"
TEXTS = ("modules.dep", "modules.alias", "modules.softdep", "modules.symbols", "modules.devname")
"""The text files that both versions of kmod write; modules.weakdep came later."""
WEAKDEP_HEAD = b"# Weak dependencies extracted from modules themselves.\n"
_MEMORY = 1 << 28
_SECONDS = 60


class Answer(NamedTuple):
    status: int
    stdout: bytes
    stderr: str


def image(
    modinfo: Sequence[str] = (),
    exports: Sequence[tuple[str, int]] = (),
    wants: Sequence[tuple[str, int]] = (),
    weak: Sequence[str] = (),
    crcs: str = "section",
) -> bytes:
    """Return an ELF file.

    Args:
        modinfo: lines ``key=value``.
        exports: symbol and CRC.
        wants: symbol and CRC.
        weak: those of `wants` that may be missing.
        crcs: where CRCs of exports stand: "section" __kcrctab, "value" of the __crc_ symbol, or "none": there
            are no such symbols, only __ksymtab_strings.

    """
    pairs = [(name.encode(), crc) for name, crc in exports]
    kinds = {name: elf_builder.WEAK if name in weak else elf_builder.GLOBAL for name, _crc in wants}
    return elf_builder.Module(
        modinfo=[line.encode() for line in modinfo],
        undefined=[(name.encode(), kind) for name, kind in kinds.items()],
        relocatable=pairs if crcs == "section" else [],
        exports=pairs if crcs == "value" else [],
        ksymtab_strings=[name for name, _crc in pairs] if crcs == "none" else [],
        versions=[(name.encode(), crc) for name, crc in wants],
    ).build()


class TinyTree:
    """A tree below `base`; no configuration unless `configure` was called."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.directory = base / "lib/modules" / VERSION
        self.directory.mkdir(parents=True, exist_ok=True)
        self.conf = base / "conf"
        self.conf.mkdir(exist_ok=True)

    def add(
        self,
        path: str,
        *,
        modinfo: Sequence[str] = (),
        exports: Sequence[tuple[str, int]] = (),
        wants: Sequence[tuple[str, int]] = (),
        weak: Sequence[str] = (),
        crcs: str = "section",
    ) -> Path:
        """Write a module file, compressed when its name says so; return its path."""
        return self.write(path, image(modinfo, exports, wants, weak, crcs))

    def write(self, path: str, content: bytes) -> Path:
        """Write any file; return its path."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(lzma.compress(content, preset=0) if path.endswith(".xz") else content)
        return file

    def chain(self, needs: dict[str, str]) -> None:
        """Write modules of one letter: name -> the names of those that it needs."""
        for name, others in needs.items():
            wants = [(f"from_{other}", 1) for other in others]
            self.add(f"kernel/{name}.ko", exports=[(f"from_{name}", 1)], wants=wants)

    def order(self, *lines: str) -> None:
        """Write modules.order."""
        (self.directory / "modules.order").write_text("".join(f"{line}\n" for line in lines))

    def configure(self, *lines: str) -> None:
        """Write the configuration."""
        (self.conf / "a.conf").write_text("".join(f"{line}\n" for line in lines))

    def arguments(self, options: Sequence[str], files: Sequence[str] = ()) -> list[str]:
        return ["-b", str(self.base), "-C", str(self.conf), *options, VERSION, *files]

    def kmod(self, program: str, *options: str, files: Sequence[str] = ()) -> Answer:
        """Return what the installed depmod says."""
        return run_kmod(program, self.arguments(options, files))

    def ours(self, *options: str, files: Sequence[str] = ()) -> Answer:
        """Return what Ringward's says."""
        return run_ours(self.arguments(options, files))

    def texts(self) -> dict[str, bytes]:
        """Return the text files that are there."""
        return {name: file.read_bytes() for name in TEXTS if (file := self.directory / name).is_file()}

    def written(self) -> set[str]:
        """Return the names of all files that stand beside the directories."""
        return {file.name for file in self.directory.iterdir() if file.is_file()}


def _limit() -> None:
    # Some cycles make kmod loop, and fill the memory.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


def run_kmod(program: str, argv: list[str]) -> Answer:
    """Return what the installed depmod says, in bounded memory and time."""
    done = subprocess.run(
        [program, *argv], capture_output=True, check=False, preexec_fn=_limit, timeout=600, stdin=subprocess.DEVNULL
    )
    return Answer(done.returncode, done.stdout, done.stderr.decode(errors="surrogateescape"))


def run_ours(argv: list[str]) -> Answer:
    """Return what Ringward's depmod says, run in this process."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2))
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "stdout", stdout))
        stack.enter_context(mock.patch.object(sys, "stderr", stderr))
        status = depmod.main(argv)
        stdout.flush()
        stderr.flush()
    out, err = (stream.buffer.getvalue() for stream in (stdout, stderr))  # type: ignore[attr-defined]
    return Answer(status, out, err.decode(errors="surrogateescape"))
