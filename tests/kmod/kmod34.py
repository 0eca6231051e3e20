"""kmod 34, Debian 13's, unpacked in the cache beside the kernels: the specification of Ringward's module tools."""

from __future__ import annotations

import functools
from pathlib import Path

from vmtest.cache import cache_root, ensure
from vmtest.packages import unpack
from vmtest.suites import fetch_lists

SUITE = "trixie"
PACKAGES = ("kmod", "libkmod2", "libc6", "liblzma5", "libzstd1", "libssl3t64", "zlib1g")
TOOLS = ("depmod", "insmod", "kmod", "lsmod", "modinfo", "modprobe", "rmmod")
LIBRARIES = "usr/lib/x86_64-linux-gnu"
START = f"""\
#!/bin/sh
# By its own loader and libraries; messages begin with the tool's name alone.
here=${{0%/*}}/..
libraries=$here/{LIBRARIES}
exec "$libraries/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$libraries" --argv0 "${{0##*/}}" \\
    "$here/usr/bin/kmod" "$@"
"""


@functools.cache
def folder() -> Path:
    """Return the folder of its tools, fetched when the cache lacks it.

    Raises:
        UnreachableError: the cache lacks it, and there is no network.

    """
    return ensure(cache_root() / "kmod" / SUITE, _build) / "tools"


def _build(tree: Path) -> list[str]:
    options = fetch_lists(SUITE, tree.parent / "apt")
    for name in PACKAGES:
        unpack(name, tree, options)
    (tree / "tools").mkdir()
    for name in TOOLS:
        (tree / "tools" / name).write_text(START)
        (tree / "tools" / name).chmod(0o755)
    return ["usr/bin/kmod", *(f"tools/{name}" for name in TOOLS)]
