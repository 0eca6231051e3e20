"""Write the picture of the documentation: python -m tools.graph_picture FILE.svg.

It is what ``ringward graph nf_conntrack --output svg`` prints on a host with the modules of tools/graph_example: those
lines of Debian's 6.1.0-56-amd64 that matter to nf_conntrack, and what a host with a firewall has loaded of them.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from pathlib import Path

from ringward.cli import graph
from ringward.kmod.index_writer import IndexWriter
from ringward.kmod.names import path_to_name

EXAMPLE = Path(__file__).parent / "graph_example"
VERSION = "6.1.0-56-amd64"
NAME = "nf_conntrack"


def make_host(root: Path) -> None:
    """Write the host's files below a directory."""
    tree = root / "lib/modules" / VERSION
    for folder in (tree, root / "proc", root / "etc/modprobe.d"):
        folder.mkdir(parents=True)
    shutil.copy(EXAMPLE / "modules.softdep", tree)
    shutil.copy(EXAMPLE / "modules", root / "proc")
    shutil.copy(EXAMPLE / "local.conf", root / "etc/modprobe.d")
    dep, alias = IndexWriter(), IndexWriter()
    for number, line in enumerate((EXAMPLE / "modules.dep").read_text().splitlines()):
        path = line.partition(":")[0]
        dep.insert(path_to_name(path), line, number)
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).touch()
    for number, line in enumerate((EXAMPLE / "modules.alias").read_text().splitlines()):
        _, pattern, name = line.split()
        alias.insert(pattern, name, number)
    for name, writer in (("dep", dep), ("alias", alias)):
        with (tree / f"modules.{name}.bin").open("wb") as file:
            writer.write(file)


def picture() -> str:
    """Return the picture."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        make_host(Path(folder))
        with contextlib.redirect_stdout(out):
            status = graph.main(["--sysroot", folder, "-S", VERSION, "--output", "svg", NAME])
        if status:
            sys.exit(f"ringward graph ends with {status}")
        out.flush()
        out.seek(0)
        return out.read()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
