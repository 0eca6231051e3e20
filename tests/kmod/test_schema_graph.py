from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.cli import graph
from tests.kmod.graph_lab import hostile, make_lab
from tests.kmod.lab import VERSION, Lab
from tests.kmod.test_schema_modprobe import check


@pytest.mark.parametrize("name", ["asked", "both", "wants", "no-such", "a]", "only"])
@pytest.mark.parametrize("make", [make_lab, hostile])
def test_documents_of_graph(
    make: Callable[[Path], Lab], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = make(tmp_path)
    words = ["--sysroot", str(lab.root), "-S", VERSION, "-C", "/conf", "--json", name]
    status = graph.main(words)
    document = json.loads(capsys.readouterr().out)
    assert (document["tool"], document["status"]) == ("graph", status)
    check(document)
