from __future__ import annotations

from typing import Any

from ringward.kmod.blocked.report import answer as as_values
from tests.kmod.blocked.lab import BlockedLab


def test_an_answer(lab: BlockedLab) -> None:
    lab.configure("blacklist b")
    found: Any = as_values(lab.answer("net-pf-5"))
    assert (found["asked"], found["module"], found["word"], found["by"]) == ("net-pf-5", "b", "open", None)
    name, alias, *_ = found["ways"]
    assert (name["kind"], name["result"], name["command"], name["why"]) == ("by name", "open", "modprobe b", None)
    assert (alias["result"], alias["why"], alias["directives"][0]["line"]) == ("closed", "blacklisted", 1)
    assert found["without_effect"][0]["text"] == "blacklist b"
    assert found["to_close"][0]["lines"] == ["install b /bin/false"]
    assert found["to_close"][0]["price"] == "these need it and fail, too: c"
    assert found["unseen"] == []
