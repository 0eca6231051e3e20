"""What is said of any configuration and kernel command line: findings, each with a place that there is."""

from __future__ import annotations

from ringward.kmod import lint
from ringward.kmod.cmdline import parse as parse_cmdline
from ringward.kmod.config import Config
from ringward.kmod.depmod_config import DepmodConfig, DepmodDirective
from ringward.kmod.depmod_config import parse as parse_depmod
from tests.fuzz.inputs import SEPARATOR, parts, stretched, text
from tests.fuzz.targets import config, resolve

COVERS = (lint.lint, lint.blacklist, lint.depmod, lint.kernel_line, lint.names, lint.softdeps)
FLOOR = 85
RUNS = 600
SECONDS = 3.0
DICTIONARY = (SEPARATOR, *config.DICTIONARY, *resolve.DICTIONARY)


_EXAMPLE = b"""\
options inside x=1
options b.ko y
blacklist x1
blacklist a*
softdep q* pre: a
softdep b pre: c
alias a nothing
alias y off
alias z x1
install inside /bin/false
install d /bin/true\r
options bb x
softdep c post: zz
softdep b post: d
"""


def seeds() -> list[bytes]:
    cmdline = b'a-b.c=1 a.x=y modprobe.blacklist=a,b-c,nothing module_blacklist=a-b "open'
    depmod = b"search built-in\noverride a 1 x\noverride b-c 9 x\nexternal 6 /gone\nexclude b\n"
    own = b"softdep a pre: b\nsoftdep b post: c\nsoftdep b pre: zz\n"
    texts = [seed[1:] for seed in (*resolve.seeds(), config.plain(config._EXAMPLE)) if seed[0] < 0xF0]
    return [b"\0" + SEPARATOR.join((each, cmdline, depmod, own)) for each in (*texts, _EXAMPLE)]


def one(data: bytes) -> None:
    first, cmdline, depmod, own = parts(stretched(data, 4096), 4)
    found = Config()
    found.add_text(text(first), "x.conf")
    found.add_text(text(own), f"{resolve._TREE.directory}/modules.softdep")
    for each in parse_cmdline(text(cmdline)):
        found.add(each)
    found.cmdline = text(cmdline)
    other = DepmodConfig()
    for line in parse_depmod(text(depmod), "y.conf"):
        if isinstance(line, DepmodDirective):
            other.directives.append(line)
        else:
            other.problems.append(line)
    for tree in (resolve._TREE, None):
        report = lint.lint(found, tree, lambda _path: None, other)
        assert all(each.line >= 0 and each.why for each in report.findings)
