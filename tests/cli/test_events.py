"""``ringward events``, as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from ringward.cli import dispatch, events
from ringward.cli.errors import UsageError
from ringward.events import pages
from ringward.events.registry import BY_NAME


def ringward(*args: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ringward", "events", *args],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": str(columns)},
    )


def test_list_has_every_event_in_80_columns() -> None:
    done = ringward("list")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["EVENT", *BY_NAME]
    assert max(map(len, lines)) <= 80
    (line,) = (line for line in lines if line.startswith("finit_module "))
    assert line.split(maxsplit=3) == ["finit_module", "modules", "yes", "tp_btf, fentry, kprobe, tracepoint"]


def test_list_as_json() -> None:
    for option in (["--output", "json"], ["--json"]):
        done = ringward("list", *option)
        assert done.returncode == 0
        found = json.loads(done.stdout)
        assert [event["name"] for event in found] == list(BY_NAME)
        assert found[0]["hooks"] == ["tp_btf"]
        assert {event["shown"] for event in found} == {"yes", "by name", "always"}


def test_show_as_text_fits_the_terminal() -> None:
    done = ringward("show", "finit_module")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == pages.to_text(pages.page("finit_module"), 80) + "\n"


@pytest.mark.parametrize(("columns", "limit"), [(60, 60), (100, 100), (300, events.WIDEST)])
def test_show_uses_the_width_there_is(columns: int, limit: int) -> None:
    text = ringward("show", "module_request", columns=columns).stdout
    assert text == pages.to_text(pages.page("module_request"), limit) + "\n"


def test_show_as_markdown_is_the_page_of_the_documents() -> None:
    assert ringward("show", "delete_module", "--output", "md").stdout == pages.to_markdown(pages.page("delete_module"))


def test_show_as_json_has_everything() -> None:
    found = json.loads(ringward("show", "module_digest", "--json").stdout)
    assert [argument["name"] for argument in found["arguments"]] == list(BY_NAME["module_digest"].specs())
    assert [hook["rung"] for hook in found["hooks"]] == ["lsm", "fentry", "kprobe"]
    assert found["hooks"][0]["programs"] == ["lsm_post_read_file", "lsm_post_load_data"]


def test_unknown_event_gives_the_nearest_names_and_2() -> None:
    done = ringward("show", "finit_modul")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "did you mean finit_module" in done.stderr


@pytest.mark.parametrize(
    "argv", [[], ["show"], ["nothing"], ["list", "--output", "md"], ["show", "x", "--output", "y"]]
)
def test_usage_faults_give_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch.run("events", argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ringward events: ")
    assert captured.err.endswith("see: ringward events --help\n")


def test_unknown_event_is_a_usage_error_to_the_dispatcher() -> None:
    with pytest.raises(UsageError, match="did you mean"):
        events.main(["show", "process_exe"])


def test_a_system_call_is_known_and_where_to_see_it() -> None:
    with pytest.raises(UsageError, match=r"^openat is a system call: to see it, ringward watch openat; "):
        events.main(["show", "openat"])


def test_on_a_terminal_the_list_says_what_to_try_next() -> None:
    main, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ringward", "events", "list"],
            stdout=terminal,
            check=False,
            env=os.environ | {"COLUMNS": "80"},
        )
        text = os.read(main, 65536).decode()
    finally:
        os.close(terminal)
        os.close(main)
    assert done.returncode == 0
    assert "ringward events show NAME" in text
    assert "ringward events show NAME" not in ringward("list").stdout


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as sink:
        done = subprocess.run(
            [sys.executable, "-m", "ringward", "events", "show", "finit_module"],
            stdout=sink,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
