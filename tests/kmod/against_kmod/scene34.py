"""A small tree, configuration and state, and kmod 34's tools beside Ringward's links, asked in a namespace of its own.

What the two do for real is refused: whoever is root in his own user namespace may not load modules.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import zstandard

from ringward.cli.links import make
from tests.cli.kmod_oracle import INNER, State
from tests.kmod import kmod34
from tests.kmod.elf_builder import GLOBAL, WEAK, Module
from tests.kmod.signing import key

VERSION = "1.0"
WORKER = """
import json, subprocess, sys
for line in sys.stdin:
    job = json.loads(line)
    done = subprocess.run(job["command"], stdin=subprocess.DEVNULL, capture_output=True, env=job["env"], cwd=job["cwd"])
    texts = [text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr)]
    print(json.dumps([done.returncode, *texts]), flush=True)
"""
MODULES: dict[str, Module] = {
    "kernel/a-x.ko": Module(
        [b"name=a_x", b"license=GPL", b"alias=al-one", b"parm=p:first", b"parmtype=p:int", b"softdep=pre: d post: e"],
        exports=[(b"sx", 1)],
    ),
    "kernel/b.ko": Module(
        [b"name=b", b"license=GPL v2", b"alias=pci:*", b"depends=a-x", b"weakdep=d e"],
        undefined=[(b"sx", GLOBAL)],
        versions=[(b"sx", 1)],
        exports=[(b"sb", 2)],
    ),
    "kernel/sub/c.ko": Module(
        [b"name=c", b"alias=pci:*7", b"alias=char-major-10-200", b"alias=devname:cdev", b"author=Me", b"author=You"],
        undefined=[(b"sb", GLOBAL), (b"sx", GLOBAL), (b"nowhere", GLOBAL), (b"weak", WEAK)],
    ),
    "kernel/d.ko": Module([b"name=d"]),
    "kernel/e.ko": Module([b"name=e", b"alias=devname:only"]),
    "kernel/dup.ko": Module([b"name=dup", b"alias=dup-one"]),
    "updates/dup.ko": Module([b"name=dup", b"alias=dup-two"]),
    "kernel/gone.ko": Module([b"name=gone"], exports=[(b"sg", 1)]),
    "kernel/needy.ko": Module([b"name=needy"], undefined=[(b"sg", GLOBAL)]),
    "extra/odd.ko": Module([b"name=odd", b"alias=x[a-b]-c", b"alias=same", b"alias=same"]),
}
INPUTS = {
    "modules.order": "kernel/e.ko\nkernel/d.ko\nkernel/a-x.ko\nkernel/b.ko\nkernel/sub/c.ko\n",
    "modules.builtin": "kernel/own/own-b.ko\n",
    "modules.builtin.modinfo": "own_b.license=GPL\0own_b.file=kernel/own/own-b\0own_b.alias=own-al\0"
    "own_b.parm=q:what\0own_b.parmtype=q:int\0",
}
LOADED = {"b": (200, 0, ()), "a_x": (100, 0, ("b",)), "e": (50, 2, ())}
CMDLINE = "quiet d.cmd=1 modprobe.blacklist=zz\n"
CONFIG = """\
alias to d
alias nowhere gone
blacklist b
options d o=1
options to via=1
install inst echo run $CMDLINE_OPTS
remove inst echo rem
softdep c pre: e
weakdep c d e
install d2 /bin/false
alias al-two b
alias al-two c
"""
STRINGS = [
    b"license=GPL",
    b"parm=a:first [b]",
    b"averyveryverylongkeyindeed=x",
    b"parmtype=b:int",
    b"noequals",
    b"exactly15chars_=v",
    b"fourteenchars_=v",
    b"=emptykey",
    b"parmtype=a:charp",
    b"x=",
    b"parm=nocolon",
    b"parmtype=alsonocolon",
    b"parmtype=d:uint",
    b"alias=z=y",
    b"author=A",
    b"author=B\tx",
    b"description=D",
    b"filename=zz",
]


class Answer(NamedTuple):
    status: int
    stdout: str
    stderr: str


def write_tree(directory: Path) -> None:
    """Write the modules and what else depmod reads."""
    for name, module in MODULES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(module.build())
    for name, text in INPUTS.items():
        (directory / name).write_text(text)


class Scene:
    """Everything is below `root`. kmod 34 makes the indexes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.top = root / "lib/modules" / VERSION
        self.conf = root / "conf"
        self.files = root / "files"
        self.theirs = kmod34.folder()
        self.ours = make(str(root / "links"))
        State(root, LOADED, ["own_b"])
        (root / "proc/cmdline").write_text(CMDLINE)
        write_tree(self.top)
        for folder in (self.conf, self.files):
            folder.mkdir()
        self.configure(CONFIG)
        self._write_files()
        subprocess.run([self.theirs / "depmod", "-b", root, VERSION], check=True, capture_output=True)
        (self.top / "kernel/gone.ko").unlink()
        self._worker = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", INNER, str(root), sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _write_files(self) -> None:
        image = Module(STRINGS).build()
        contents = {
            "odd.ko": key("builder").sign(image),
            "m.ko.xz": lzma.compress(image),
            "m.ko.zst": zstandard.compress(image),
            "plain.ko.xz": image,
            "xz.ko": lzma.compress(image),
            "m.ko.gz": gzip.compress(image),
            "m.ko.txt": image,
            "tiny.ko": b"\x7fELF",
        }
        for name, content in contents.items():
            (self.files / name).write_bytes(content)

    def configure(self, text: str, cmdline: str = CMDLINE) -> None:
        """Write the one file of the configuration, and the kernel command line."""
        (self.conf / "m.conf").write_text(text)
        (self.root / "proc/cmdline").write_text(cmdline)

    def run(self, program: Path, words: list[str], environment: Mapping[str, str], cwd: Path) -> Answer:
        """Run a tool, and return what it said."""
        env = {name: value for name, value in os.environ.items() if name != "MODPROBE_OPTIONS"}
        job = {
            "command": [str(program), *words],
            "env": env | {"LC_ALL": "C.UTF-8"} | dict(environment),
            "cwd": str(cwd),
        }
        assert self._worker.stdin
        assert self._worker.stdout
        self._worker.stdin.write(json.dumps(job) + "\n")
        self._worker.stdin.flush()
        return Answer(*json.loads(self._worker.stdout.readline()))

    def both(self, tool: str, *words: str, options: str | None = None) -> tuple[Answer, Answer]:
        """Return the answers of kmod 34 and of Ringward; `options`: the environment's MODPROBE_OPTIONS."""
        environment = {} if options is None else {"MODPROBE_OPTIONS": options}
        theirs, ours = (self.run(each / tool, list(words), environment, self.root) for each in (self.theirs, self.ours))
        return theirs, ours

    def words(self, line: str) -> list[str]:
        """Return a line of a table as words: blanks separate, '' is an empty word, ~ a blank within one."""
        places = {"TOP": self.top, "CONF": self.conf, "FILES": self.files, "ROOT": self.root}
        found = []
        for word in line.split():
            text = "" if word == "''" else word.replace("~", " ")
            for name, path in places.items():
                text = text.replace(name, str(path))
            found.append(text)
        return found

    def tree_words(self) -> list[str]:
        """Return modprobe's options for this tree and configuration."""
        return ["-C", str(self.conf), "-d", str(self.root), "-S", VERSION]

    def close(self) -> None:
        """End the worker."""
        assert self._worker.stdin
        self._worker.stdin.close()
        self._worker.wait()
