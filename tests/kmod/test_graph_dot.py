from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ringward.kmod.graph import Graph
from ringward.kmod.graph_dot import dot, quoted
from tests.kmod.graph_lab import SHOWN, crowd, graph, hostile, make_lab


def read_back(source: str) -> dict[str, Any]:
    """Return what graphviz makes of it."""
    program = shutil.which("dot")
    if program is None:
        pytest.skip("graphviz's dot is not installed: run tools/packages test")
    done = subprocess.run([program, "-Tjson"], input=source.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def written(node: dict[str, Any]) -> str:
    """Return the text that graphviz writes for a node."""
    return "".join(part["text"] for part in node["_ldraw_"] if part["op"] == "T")


def of(found: Graph, most: int = 14, title: str = "asked") -> str:
    return dot(found, title, "kernel 1.0", "/lib/modules/1.0", most)


def test_graphviz_reads_the_same_graph(tmp_path: Path) -> None:
    found = graph(make_lab(tmp_path), top="live")
    read = read_back(of(found))
    names = [node.name for node in found.nodes]
    assert [written(node) for node in read["objects"]] == names
    links = [(names[edge["tail"]], names[edge["head"]]) for edge in read["edges"]]
    assert sorted(links) == sorted((link.user.name, link.needed.name) for link in found.links)
    styles = {(names[edge["tail"]], names[edge["head"]]): edge.get("style") for edge in read["edges"]}
    assert (styles["asked", "top"], styles["asked", "soft_x"], styles["asked", "friend"]) == (None, "dashed", "dotted")
    told = {written(node): node.get("tooltip", "") for node in read["objects"]}
    assert told["top"].startswith("loaded; ")
    assert told["own"] == "built in"


def test_hostile_names_are_text_and_nothing_else(tmp_path: Path) -> None:
    found = graph(hostile(tmp_path))
    read = read_back(of(found, title='x"] ; node [label="\\N'))
    assert [written(node) for node in read["objects"]] == ["asked", SHOWN, 'm"<&\\x07']
    assert len(read["edges"]) == 2
    assert written(read).startswith('x"] ; node [label="\\N: kernel 1.0; ')


@pytest.mark.parametrize("text", ['"', "\\", "\\\\", '\\"', "&lt;", "&", "\\n", "a\\", "<b>", "\\G\\N", "ä漢", "{}|"])
def test_any_text_is_read_back_as_it_is(text: str) -> None:
    (node,) = read_back(f"digraph {{ x [label={quoted(text)}] }}")["objects"]
    assert written(node) == text


def test_of_a_crowd_some_are_drawn(tmp_path: Path) -> None:
    found = graph(crowd(tmp_path))
    read = read_back(of(found))
    assert [written(node) for node in read["objects"]].count("… and 186 more") == 2
    assert len(read_back(of(found, 1000))["objects"]) == 401
