from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod import graph_words as words
from ringward.kmod.graph import NEEDS
from tests.kmod.graph_lab import crowd, graph, make_lab
from tests.kmod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def test_what_a_module_is(lab: Lab) -> None:
    found = graph(lab, top="live", mid="going")
    said = {node.name: words.state(node, found) for node in found.side(NEEDS)}
    assert said["top"] == "loaded"
    assert said["mid"] == "being unloaded"
    assert said["side"] == "not loaded"
    assert (said["own"], said["only"], said["no-such"]) == ("built in", "only a command", "absent")
    found.why_no_state = "nobody looked"
    assert words.state(found.side(NEEDS)[0], found) == "loaded"
    assert {words.state(node, found) for node in found.side(NEEDS) if node.name == "side"} == {words.UNKNOWN}
    assert set(said.values()) | {words.UNKNOWN} <= set(words.EVERY_STATE)


def test_how_many(lab: Lab, tmp_path: Path) -> None:
    assert words.summary(graph(lab), "kernel 1") == [
        "kernel 1",
        "pulls in 7 modules",
        "pulled in by 4 modules, 3 of them directly",
    ]
    assert words.summary(graph(lab, "only"), "k")[1:] == [
        "pulls in nothing",
        "pulled in by 6 modules, 1 of them directly",
    ]
    assert words.pulled_in(graph(lab, "user2")) == "pulled in by nothing"
    assert words.pulls_in(graph(crowd(tmp_path / "crowd"), "one-001")) == "pulls in 1 module"


def test_what_an_alias_means(lab: Lab) -> None:
    assert words.meaning(graph(lab)) == ""
    assert words.meaning(graph(lab, "both")) == "an alias (modules.alias) of mid, side"
    lab.modules({name: [] for name in "abcdef"}, aliases=[("all", name) for name in "abcdef"])
    assert words.meaning(graph(lab, "all")) == "an alias (modules.alias) of a, b, c, d and 2 more"


def test_causes(lab: Lab) -> None:
    conf = f"{lab.conf}/a.conf"
    said = {
        (link.needed.name): words.cause(link, str(lab.directory))
        for link in graph(lab).links
        if link.needed.side == NEEDS
    }
    assert said["top"] == "modules.dep"
    assert said["soft_x"] == f"softdep pre, as bus:7 ({conf}:1)"
    assert said["late"] == f"softdep post ({conf}:1)"
    assert said["friend"] == f"weakdep ({conf}:5)"
    (lab.directory / "modules.softdep").write_text("softdep user2 pre: soft-x\n")
    (link,) = [link for link in graph(lab, "user2").links if link.user.name == "user2" and link.word]
    assert words.cause(link, str(lab.directory)) == "softdep pre (modules.softdep:1)"


def test_what_else_there_is_to_say(lab: Lab) -> None:
    conf = f"{lab.conf}/a.conf"
    said = {node.name: words.remarks(node) for node in graph(lab).nodes}
    assert said["mid"] == [f"install: really ({conf}:8)"]
    assert said["asked"] == [f"install line that is not run: never ({conf}:7)"]
    assert said["top"] == [f"blacklisted ({conf}:9)"]
    assert said["side"] == []
