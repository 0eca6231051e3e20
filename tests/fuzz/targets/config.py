"""modprobe.d: any text is directives and problems, each with its place in the text."""

from __future__ import annotations

from ringward.kmod import config_parser, directive, names
from ringward.kmod.config import MOST_PROBLEMS, Config, show_config
from tests.fuzz.inputs import plain, stretched, text
from tests.fuzz.real import head, module_directories

COVERS = (config_parser, directive, names.alias_name, Config, show_config)
FLOOR = 92
RUNS = 1000
DICTIONARY = (
    *(b"alias ", b"blacklist ", b"options ", b"install ", b"remove ", b"softdep ", b"weakdep ", b"include "),
    *(b"pre: ", b"post: ", b"\\\n", b"\\\\", b"[", b"]", b"\0", b"#", b"\t"),
)
_EXAMPLE = b"""\
# a comment \\
that goes on
alias net-pf-[0-9]* ipv6
alias [a b
options snd-hda-intel index=0 "model=a b"\tx=\\"y\\"
install usb-storage /sbin/modprobe --ignore-install usb-storage $CMDLINE_OPTS
remove sd_mod /bin/true
blacklist pcspkr
blacklist
softdep a  pre: b c-d post: e\tpre: f
softdep b post: x\x0by
weakdep a b c
 include /etc/x
config x
nonsense \xe4\x00hidden
options x a=\\
 b"""


def seeds() -> list[bytes]:
    real = [head(directory / f"modules.{name}") for directory in module_directories() for name in ("alias", "softdep")]
    return [plain(data) for data in (_EXAMPLE, b"alias a b\\", *real)] + [b"\xfe" + b"a\\\n", b"\xf4" + _EXAMPLE]


def one(data: bytes) -> None:
    content = text(stretched(data, 8192))
    found = Config()
    found.add_text(content, "x.conf")
    rows = content.count("\n") + 1
    for each in (*found.directives, *found.problems):
        assert each.path == "x.conf"
        # Where the file ends in a continued line modprobe counts one row more than there is.
        assert 0 <= each.line <= each.last_line <= rows + 1
        assert "\0" not in each.text
    assert len(found.problems) <= MOST_PROBLEMS + 1
    assert all(isinstance(line, str) for line in show_config(found))
