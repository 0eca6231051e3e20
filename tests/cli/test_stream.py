from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ringward.cli import stream
from ringward.cli.errors import CannotRunError
from ringward.cli.stream import Stream, output, record, show_screen, summary
from ringward.output.recording import Recorder, Recording
from ringward.output.table import Table
from ringward.output.views import JsonView, TableView
from ringward.output.writer import OutputError, Writer
from ringward.sensor.info import Totals
from tests.cli.fake_sensor import info
from tests.output.event_factory import event


def test_what_is_shown_is_recorded(tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    with output(str(out), 1) as writer, record(str(kept), force=False) as recording:
        made = Stream(JsonView(), writer, Recorder(info()), recording)
        made.feed([event(seq=1), event(seq=2)], 0)
        made.feed([], 0)
        made.finish()
        made.end_record(Totals(2, 1, 0))
    assert out.read_bytes().count(b"\n") == 2
    with kept.open("rb") as source:
        read = Recording(source, "kept")
        assert [one.seq for one in read.events()] == [1, 2]
    assert read.footer
    assert read.footer.filtered == 1


def test_each_batch_is_in_the_recording_at_once(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with output(str(tmp_path / "out"), 1) as writer, record(str(kept), force=False) as recording:
        made = Stream(JsonView(), writer, Recorder(info()), recording)
        assert kept.read_bytes().count(b"\n") == 1
        made.feed([event()], 0)
        assert kept.read_bytes().count(b"\n") == 2
        assert kept.read_bytes().endswith(b"\n")


def test_a_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    before = os.umask(0)
    try:
        with record(str(kept), force=False):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_recording_is_not_overwritten_without_force(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("precious")
    said = "there is something in it; name another file, or add --force"
    with pytest.raises(CannotRunError, match=said), record(str(kept), force=False):
        pass
    assert kept.read_text() == "precious"
    with record(str(kept), force=True):
        pass
    assert kept.read_text() == ""
    with record(str(kept), force=False):  # an empty file is free
        pass


def test_without_a_file_there_is_no_recording() -> None:
    with record(None, force=False) as found:
        assert found is None


@pytest.mark.parametrize("opened", [lambda path: output(path, 1), lambda path: record(path, force=False)])
def test_a_file_that_cannot_be_opened(tmp_path: Path, opened: object) -> None:
    assert callable(opened)
    for path in (tmp_path / "none" / "x", tmp_path):
        with pytest.raises(CannotRunError, match=f"cannot open {path} for"), opened(str(path)):
            pass


def test_a_full_disk_is_told() -> None:
    said = "cannot write to /dev/full: No space left on device"
    with pytest.raises(CannotRunError, match=said), output("/dev/full", 1) as writer:
        Stream(JsonView(), writer).feed([event()], 0)
    with pytest.raises(OutputError, match=said), record("/dev/full", force=False) as recording:
        Stream(JsonView(), Writer(1, "x"), Recorder(info()), recording)


def test_another_fault_is_not_taken_for_one_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), output(str(tmp_path / "out"), 1):
        raise FileNotFoundError


def test_when_nobody_reads_the_recording_goes_on(tmp_path: Path) -> None:
    reader, fd = os.pipe()
    os.close(reader)
    kept = tmp_path / "kept"
    with record(str(kept), force=False) as recording:
        made = Stream(JsonView(), Writer(fd, "pipe"), Recorder(info()), recording)
        assert not made.unread
        made.feed([event()], 0)
        assert made.unread
        made.feed([event()], 0)
        made.finish()
    os.close(fd)
    assert kept.read_bytes().count(b"\n") == 3


def test_the_header_is_there_for_a_table_and_again_after_a_resize(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("COLUMNS", "100")
    with output(str(out), 1) as writer:
        Stream(JsonView(), writer).show_header()
        assert out.read_text() == ""
        made = Stream(TableView(Table(80)), writer)
        made.show_header()
        made.resize()
    first, second = out.read_text().splitlines()
    assert (first, second) == (Table(80).header(), Table(100).header())


def test_the_first_screen_is_plain_in_a_file_and_ends_with_the_notes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with output(str(out), 1) as writer:
        show_screen(writer, info(), ["module_load"], ["waiting"])
    assert out.read_text().startswith("Ringward ")
    assert out.read_text().endswith("\nwaiting\n")
    assert "\x1b" not in out.read_text()


def test_the_first_screen_has_colours_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.terminal, "colour", lambda _fd: True)
    out = tmp_path / "out"
    with output(str(out), 1) as writer:
        show_screen(writer, info(degraded="why"), ["module_load"], [])
    assert "\x1b[33m  degraded why, or try: ringward replay\x1b[0m" in out.read_text()


def test_the_summary() -> None:
    view = JsonView()
    assert summary(view, Totals(filtered=3)) == "0 events shown, 3 filtered, 0 lost"
    assert summary(view, Totals(filtered=3, lost=1, unjudged=2)) == (
        "0 events shown, 3 filtered (2 of them because what decides could not be read), 1 lost"
    )
    left_out = "0 events shown, 0 filtered, 0 lost, 9 left out by --rate or --sample"
    assert summary(view, Totals(limited=9)) == left_out
    assert summary(view, Totals(lost_uncounted=2)) == "0 events shown, 0 filtered, an unknown number lost"
    more = "0 events shown, 0 filtered, 5 lost and an unknown number more"
    assert summary(view, Totals(lost=5, lost_uncounted=1)) == more
    view.shown, view.folded = 1, 4
    assert summary(view, Totals(lost=2)) == "1 event shown (and 4 steps of them), 0 filtered, 2 lost"
    proved = TableView(Table())
    proved.left_out = 8
    own = "0 events shown, 0 filtered, 0 lost, 8 by which the guard proves itself left out (-v shows them)"
    assert summary(proved, Totals()) == own


def test_a_closed_standard_error_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, fd = os.pipe()
    os.close(reader)
    with os.fdopen(fd, "w", buffering=1) as broken:
        monkeypatch.setattr("sys.stderr", broken)
        stream.say("x")
        with pytest.raises(BrokenPipeError):
            broken.write("y\n")
        monkeypatch.undo()
        # What is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), fd)
