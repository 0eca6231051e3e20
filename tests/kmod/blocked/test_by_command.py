from __future__ import annotations

import pytest

from ringward.kmod.blocked.answer import BY_COMMAND, CLOSED, OPEN
from ringward.kmod.blocked.by_command import by_command
from ringward.kmod.triggers import ROOT
from tests.kmod.blocked.lab import BlockedLab


@pytest.mark.parametrize(
    ("lines", "result", "why", "command"),
    [
        ([], CLOSED, "no command says that it loads it", ""),
        (["install x /sbin/modprobe d"], OPEN, "", "modprobe x"),
        (["install x /sbin/modprobe fs-d"], OPEN, "", "modprobe x"),
        (["install a /sbin/modprobe -i d"], OPEN, "", "modprobe a"),
        (["remove x insmod /d.ko"], OPEN, "", "modprobe -r x"),
        (["install x /sbin/modprobe fs-d", "blacklist d"], CLOSED, "blacklisted", "modprobe x"),
        (["install x /sbin/modprobe d", "install d /bin/true"], CLOSED, "'/bin/true' is run instead", "modprobe x"),
        (["install x /sbin/modprobe -i d", "install d /bin/true"], OPEN, "", "modprobe x"),
        (["install d /sbin/modprobe -i d"], CLOSED, "no command says that it loads it", ""),
        (["install x my-program d"], CLOSED, "no command says that it loads it", ""),
    ],
)
def test_commands_that_load_it(lab: BlockedLab, lines: list[str], result: str, why: str, command: str) -> None:
    lab.configure(*lines)
    (way,) = by_command(lab.trial("d"))
    assert (way.kind, way.result, way.why, way.command) == (BY_COMMAND, result, why, command)
    assert (way.who == [ROOT]) == bool(command)
    assert not command or way.directives[0].line == 1
