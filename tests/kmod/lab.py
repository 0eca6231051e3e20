"""A small module tree made by hand, and two modprobes to ask about it: the installed one and Ringward's."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from ringward.cli import modprobe
from ringward.kmod.config import Config, load_config
from ringward.kmod.index_writer import IndexWriter
from ringward.kmod.names import module_name
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree

VERSION = "1.0"


class Answer(NamedTuple):
    status: int
    stdout: str
    stderr: str


class Loaded(NamedTuple):
    """A module that is loaded: its users by name, and how many more there are."""

    holders: Sequence[str] = ()
    users: int = 0
    state: str | None = "live"


class Lab:
    """A tree below `root`, its configuration in root/conf, what is loaded in root/sys/module."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "lib/modules" / VERSION
        self.conf = root / "conf"
        self.state = root / "sys/module"
        for folder in (self.directory, self.conf, self.state):
            folder.mkdir(parents=True)
        self.modules({})

    def modules(
        self,
        deps: Mapping[str, Sequence[str]],
        *,
        aliases: Sequence[tuple[str, str]] = (),
        symbols: Sequence[tuple[str, str]] = (),
        builtin: Sequence[str] = (),
        builtin_aliases: Sequence[tuple[str, str]] = (),
        missing: Sequence[str] = (),
    ) -> None:
        """Write the indexes: file stem -> file stems of what it needs; `missing` ones have no file."""
        names = {module_name(stem): number for number, stem in enumerate(deps)}
        shutil.rmtree(self.directory)
        (self.directory / "kernel").mkdir(parents=True)
        for stem in deps:
            if stem not in missing:
                (self.directory / f"kernel/{stem}.ko").touch()
        lines = {stem: f"kernel/{stem}.ko:" + "".join(f" kernel/{each}.ko" for each in deps[stem]) for stem in deps}
        self.index("dep", [(module_name(stem), line, names[module_name(stem)]) for stem, line in lines.items()])
        self.index("alias", [(key, name, names.get(name, len(names))) for key, name in aliases])
        self.index("symbols", [(f"symbol:{key}", name, names.get(name, len(names))) for key, name in symbols])
        self.index("builtin", [(name, "", 0) for name in builtin])
        self.index("builtin.alias", [(key, name, 0) for key, name in builtin_aliases])

    def index(self, name: str, entries: Sequence[tuple[str, str, int]]) -> None:
        writer = IndexWriter()
        for key, value, priority in entries:
            writer.insert(key, value, priority)
        with (self.directory / f"modules.{name}.bin").open("wb") as file:
            writer.write(file)

    def configure(self, *lines: str, file: str = "a.conf") -> None:
        (self.conf / file).write_text("".join(f"{line}\n" for line in lines), errors="surrogateescape")

    def load(self, loaded: Mapping[str, Loaded]) -> None:
        """Write what is loaded."""
        shutil.rmtree(self.state)
        self.state.mkdir()
        for name, module in loaded.items():
            (self.state / name / "holders").mkdir(parents=True)
            for holder in module.holders:
                (self.state / name / "holders" / holder).touch()
            if module.state:
                (self.state / name / "initstate").write_text(f"{module.state}\n")
            (self.state / name / "refcnt").write_text(f"{module.users + len(module.holders)}\n")
            (self.state / name / "coresize").write_text("4096\n")

    def config(self) -> Config:
        return load_config([str(self.conf)], cmdline="", module_dir=str(self.directory))

    def tree(self) -> Tree:
        return Tree(str(self.root), VERSION)

    def resolver(self, *, all_softdeps: bool = False) -> Resolver:
        return Resolver(self.tree(), self.config(), all_softdeps=all_softdeps)

    def live(self) -> Live:
        return Live(str(self.root))

    def arguments(self, words: Sequence[str]) -> list[str]:
        return ["-C", str(self.conf), "-d", str(self.root), "-S", VERSION, *words]

    def kmod(self, program: str, *words: str, environment: str | None = None) -> Answer:
        """Return what the installed modprobe says; see `without_library`.

        With a state it runs in a mount namespace of its own, where that state is /sys/module.
        """
        command = [program, *self.arguments(words)]
        if any(self.state.iterdir()):
            inner = 'mount --bind "$0" /sys/module && exec "$@"'
            # A user namespace besides lets everybody mount.
            command = ["unshare", "-rm", "sh", "-c", inner, str(self.state), *command]
        env = {key: value for key, value in os.environ.items() if key != "MODPROBE_OPTIONS"}
        if environment is not None:
            env["MODPROBE_OPTIONS"] = environment
        done = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", env=env, check=False)
        return Answer(done.returncode, done.stdout, without_library(done.stderr))

    def ringward(self, *words: str, environment: str | None = None) -> Answer:
        """Return what Ringward's modprobe says, likewise."""
        with mock.patch.object(modprobe, "Live", return_value=self.live()):
            return run_modprobe(self.arguments(words), environment)


def run_modprobe(argv: Sequence[str], environment: str | None = None) -> Answer:
    """Return what Ringward's modprobe says; see `without_library`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    # What it sets for its commands must not reach the next call.
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        os.environ.pop("MODPROBE_OPTIONS", None)
        if environment is not None:
            os.environ["MODPROBE_OPTIONS"] = environment
        status = modprobe.main(list(argv))
    texts = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        texts.append(stream.buffer.read().decode("utf-8", "surrogateescape"))
    return Answer(status, texts[0], without_library(texts[1]))


_BEFORE_LOG = re.compile(r"^(libkmod: ERROR) \.\./libkmod/\S+\.c:\d+ (\w+: )", re.MULTILINE)
_PLACE = re.compile(r"\.\./libkmod/\S+\.c:\d+ \w+(\(\)|:) ")
_LOST = re.compile(r"(^|\n)[^\n]*( ctx=0x|: modules\.dep names |could not open '/sys/module/)[^\n]*(?=\n)")


def without_library(text: str) -> str:
    """Return messages of kmod 30 as 34 has them, without the lines of libkmod's source files, and some not at all.

    Of a missing dependency kmod tells with an address in memory, and more than once; that what is not loaded has no
    holders it tells as an error.
    """
    return _LOST.sub("", "\n" + _PLACE.sub("", _BEFORE_LOG.sub(r"\1: \2", text)))[1:]


def can_unshare() -> bool:
    """Return whether a mount namespace can be had here."""
    try:
        return not subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode
    except OSError:
        return False
