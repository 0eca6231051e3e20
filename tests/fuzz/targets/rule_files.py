"""Files of rules: any text is rules, or it is said where it is none; a rule that is written again is the same."""

from __future__ import annotations

import dataclasses

from ringward.trust import patterns, rule_fields, rule_files
from ringward.trust.rule_files import RulesError
from ringward.trust.rules import MOST_VALUES

COVERS = (rule_files.parse, rule_files.tables, rule_files._line_of, rule_fields, patterns)
FLOOR = 90
RUNS = 3000
DICTIONARY = (
    b"[[rule]]\n",
    b'id = "a"\n',
    b'action = "deny"\n',
    b'on = ["modules", "autoload"]\n',
    *(f"{key} = ".encode() for key in rule_fields.KEYS),
    b'"a*"',
    b'"1-2"',
    b"true",
    b'"""',
    b"\\u0000",
)
_ALL = b"""\
[[rule]]
id = "a"
action = "deny"
name = ["usb*", "a-b"]
digest = "0000000000000000000000000000000000000000000000000000000000000000"
package = "linux-*"
path = "/usr/*"
signer = "15:fd"
parameter = ["debug=*", "x='a b'"]
flag = ["forced", "no-file"]
alias = "usb:*"
origin = ["udev", "boot"]
uid = [0, "1000-2000"]
program = "/usr/bin/*"
container = false
kernel_thread = true
message = "no \\u00e4"
link = "https://example.org"

[[rule]]
id = "b"
action = "allow"
on = "programs"
path = "*/x"
"""


def seeds() -> list[bytes]:
    head = b'[[rule]]\nid = "a"\naction = "deny"\n'
    wrong = (
        b"nmae = 1\n",
        b"zzzzzz = 1\n",
        b'on = "unload"\nalias = "x"\n',
        b'name = "*a*"\n',
        b'digest = "zz"\n',
        b'uid = "2-1"\n',
        b"uid = true\n",
        b"container = 1\n",
        b'flag = "x"\n',
        b'path = "x"\n',
        b"name = [1]\n",
        b'name = ["1","2","3","4","5","6","7","8","9"]\n',
        b'parameter = "a\\tb"\n',
        b"",
    )
    others = (
        b"x",
        b"[rule]\n",
        b"rule = 1\n",
        b"other = 1\n",
        b'x = """\n[[rule]]\n"""\n',
        b"[[rule]]\n",
    )
    return [_ALL, *(head + each for each in wrong), *others]


def one(data: bytes) -> None:
    written = data.decode(errors="replace")
    try:
        found = rule_files.parse(written, "x.toml")
    except RulesError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.why
            assert 0 <= fault.line <= written.count("\n") + 1
        return
    tables = rule_files.tables(written)
    assert len(tables) == len(found)
    for rule, table in zip(found, tables, strict=True):
        assert max(map(len, (rule.names, rule.parameters, rule.aliases, rule.uids, rule.programs))) <= MOST_VALUES
        (again,) = rule_files.parse(rule_fields.text(table), "x.toml")
        assert dataclasses.replace(again, where=rule.where) == rule
