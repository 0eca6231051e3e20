from __future__ import annotations

from pathlib import Path

import pytest

from ringward.cli.graph_text import Shape, Text
from ringward.kmod.graph import Graph
from tests.kmod.graph_lab import SHOWN, crowd, graph, hostile, make_lab
from tests.kmod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def told(found: Graph, lab: Lab, shape: Shape | None = None) -> list[str]:
    return Text(found, shape or Shape(400, 20), "kernel 1.0", str(lab.directory)).lines()


def test_a_whole_graph(lab: Lab) -> None:
    conf = f"{lab.conf}/a.conf"
    run = f"install: run $CMDLINE_OPTS it ({conf}:6)"
    lines = told(graph(lab, top="live", user1="live"), lab)
    assert lines == [
        f"asked  not loaded  kernel/asked.ko  install line that is not run: never ({conf}:7)",
        "kernel 1.0",
        "",
        "pulls in 7 modules",
        f"  ├─ top                     loaded          blacklisted ({conf}:9)",
        f"  │  └─ mid                  not loaded      install: really ({conf}:8)",
        "  │     └─ base              not loaded",
        "  ├─ side                    not loaded",
        f"  │  └─ only                 only a command  softdep pre ({conf}:4); {run}",
        f"  ├─ soft_x                  not loaded      softdep pre, as bus:7 ({conf}:1)",
        "  │  └─ base                 not loaded      see above",
        f"  ├─ own                     built in        softdep pre ({conf}:1)",
        f"  ├─ gone                    absent          softdep pre ({conf}:1)",
        f"  ├─ late                    not loaded      softdep post ({conf}:1)",
        f"  ├─ no-such                 absent          softdep pre ({conf}:1)",
        f"  ├─ friend                  not loaded      weakdep ({conf}:5)",
        f"  └─ nobody                  absent          weakdep ({conf}:5)",
        "",
        "pulled in by 4 modules, 3 of them directly",
        "  user1                      loaded          and through it 1: user2",
        f"  wants                      not loaded      softdep pre ({conf}:3)",
        "  late                       not loaded",
    ]


def test_a_crowd_is_one_screen(tmp_path: Path) -> None:
    lab = crowd(tmp_path)
    lines = told(graph(lab), lab, Shape(80, 15))
    assert len(lines) == 22
    assert lines[-1] == "  … and 185 more (--all)"
    assert lines[6].startswith("  one_000                    not loaded  and through it 200: two_000, two_001, ")
    assert lines[6].endswith("…")
    assert max(map(len, lines)) == 80
    every = told(graph(lab), lab, Shape(80, 10_000))
    assert sum(line.startswith("  one_") for line in every) == 200


def test_an_alias_and_nothing_known_of_what_is_loaded(lab: Lab) -> None:
    found = graph(lab, "both")
    found.why_no_state = "nobody looked"
    lines = told(found, lab)
    assert lines[0] == "both: an alias (modules.alias) of mid, side"
    assert lines[1].startswith("mid  kernel/mid.ko  install: really (")
    assert lines[2:4] == ["side  kernel/side.ko", "kernel 1.0; nobody looked"]
    assert lines[6:10:2] == ["  mid" + " " * 40 + lines[6].lstrip().removeprefix("mid").lstrip(), "  side"]


def test_colours_take_no_room(lab: Lab) -> None:
    found = graph(lab, top="live")
    for width in (30, 36, 44, 200):
        plain = told(found, lab, Shape(width, 20))
        coloured = told(found, lab, Shape(width, 20, colour=True))
        bare = [line.replace("\x1b[0m", "") for line in coloured]
        for number in ("31", "32", "35"):
            bare = [line.replace(f"\x1b[{number}m", "") for line in bare]
        assert bare == plain
        assert max(map(len, plain)) <= width
    assert any("\x1b[32mloaded\x1b[0m" in line for line in coloured)
    assert any("\x1b[31mabsent\x1b[0m" in line for line in coloured)


def test_ascii(lab: Lab) -> None:
    lines = told(graph(lab), lab, Shape(60, 3, utf8=False))
    assert all(line.isascii() for line in lines)
    assert "  |- top" in lines[4]
    assert lines[7] == "  ... and 10 more (--all)"


def test_hostile_names_are_written_out(tmp_path: Path) -> None:
    lab = hostile(tmp_path)
    lines = told(graph(lab), lab, Shape(500, 20, colour=True))
    lines = [line.replace(" \x1b[31mabsent\x1b[0m ", " absent ") for line in lines]
    assert [line for line in lines if not line.isprintable()] == []
    assert any(f"└─ {SHOWN}" in line for line in lines)


def test_a_graph_that_is_not_complete_says_so(lab: Lab) -> None:
    found = graph(lab)
    found.complete = False
    assert "not all are here" in told(found, lab)[-1]
