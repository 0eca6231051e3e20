from __future__ import annotations

from pathlib import Path
from typing import Any

from ringward.kmod.graph_report import graph as as_values
from tests.kmod.graph_lab import graph, make_lab


def test_links_name_modules_by_their_place(tmp_path: Path) -> None:
    found = graph(make_lab(tmp_path), top="live")
    told: dict[str, Any] = as_values(found)
    assert [each["module"] for each in told["modules"]] == [node.name for node in found.nodes]
    names = [(each["module"], each["side"]) for each in told["modules"]]
    links = [(names[each["user"]], names[each["needed"]], each["kind"]) for each in told["links"]]
    assert (("asked", "named"), ("late", "needs"), "softdep post") in links
    assert (("late", "needed by"), ("asked", "named"), "dependency") in links
    assert len(links) == len(found.links)


def test_a_module_and_what_is_said_of_it(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    told: dict[str, Any] = as_values(graph(lab, mid="live"))
    (mid,) = [each for each in told["modules"] if each["module"] == "mid"]
    assert (mid["layer"], mid["kind"], mid["state"], mid["path"]) == (
        2,
        "module",
        "live",
        f"{lab.directory}/kernel/mid.ko",
    )
    assert (mid["command"]["value"], mid["command"]["line"], mid["runs_command"]) == ("really", 8, True)
    assert told["asked"]["source"] == "modules.dep"
    assert (told["complete"], told["why_no_state"]) == (True, None)
