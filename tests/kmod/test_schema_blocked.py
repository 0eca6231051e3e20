from __future__ import annotations

import json

import pytest

from ringward.cli import blocked
from tests.kmod.blocked.conftest import lab as lab  # noqa: PLC0414 - a fixture
from tests.kmod.blocked.lab import BlockedLab
from tests.kmod.lab import VERSION, Loaded
from tests.kmod.test_schema_modprobe import check


@pytest.mark.parametrize("names", [["b"], ["own", "nothing-here", "net-pf-5", "d"], ["e-x", "a"]])
def test_documents(lab: BlockedLab, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    lab.configure("blacklist b", "install d my-program", "softdep e-x pre: a", "install e-x /bin/false")
    lab.load({"a": Loaded()})
    lab.kernel()
    status = blocked.main(["--sysroot", str(lab.root), "-S", VERSION, "-C", "/conf", "--json", *names])
    document = json.loads(capsys.readouterr().out)
    assert (document["tool"], document["status"]) == ("blocked", status)
    check(document)
