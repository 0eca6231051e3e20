from __future__ import annotations

import pytest

from ringward.cli import dispatch, errors, events


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (errors.UsageError("no such thing"), 2, "ringward events: no such thing\nsee: ringward events --help\n"),
        (errors.CannotRunError("open x: denied; be root"), 4, "ringward events: open x: denied; be root\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_fault_is_a_message_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: BaseException, status: int, said: str
) -> None:
    def main(argv: list[str]) -> int:
        raise fault

    monkeypatch.setattr(events, "main", main)
    assert dispatch.run("events", []) == status
    assert capsys.readouterr().err == said


def test_the_statuses_are_those_of_the_documents() -> None:
    assert (errors.BAD_ANSWER, errors.USAGE, errors.INCOMPLETE, errors.CANNOT_RUN) == (1, 2, 3, 4)
