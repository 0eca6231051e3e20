from __future__ import annotations

from ringward.kmod.blocked.answer import CLOSED, COULD_NOT_LOOK, OPEN
from ringward.kmod.blocked.by_file import by_file
from ringward.kmod.blocked.kernel_policy import File, Policy
from tests.kmod.blocked.lab import BlockedLab


def known(lab: BlockedLab) -> File:
    return Policy(lab.kernel()).file("d", lab.live())


def test_root_loads_the_file(lab: BlockedLab) -> None:
    way = by_file("/x/d.ko", known(lab))
    assert (way.result, way.names, way.why, way.command) == (OPEN, ["/x/d.ko"], "", "insmod /x/d.ko")


def test_unless_the_kernel_refuses(lab: BlockedLab) -> None:
    file = known(lab)
    file.refusal = "loading: no"
    way = by_file("/x/d.ko", file)
    assert (way.result, way.why, way.who) == (CLOSED, "loading: no", [])
    file.forced = True
    way = by_file("/x/d.ko", file)
    assert (way.result, way.why, way.command) == (OPEN, "only with force: loading: no", "insmod --force /x/d.ko")


def test_what_is_not_known(lab: BlockedLab) -> None:
    file = known(lab)
    file.unseen = {"no file": ["loading", "symbols"], "nobody": ["signature"]}
    way = by_file("/x/d.ko", file)
    assert (way.result, way.why) == (COULD_NOT_LOOK, "loading, symbols: no file; signature: nobody")
    assert by_file("/x/d.ko", File(None, "cannot be read")).why == "cannot be read"
