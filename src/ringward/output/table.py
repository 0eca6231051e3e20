"""One line a load, a call or a program, in columns that fit the terminal. Pure: events in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringward.events import BY_NAME, Event
from ringward.output import cells
from ringward.output.details import clock, details
from ringward.output.fold import Row
from ringward.output.layout import layout
from ringward.output.text import columns, cut, fit, fit_right, safe, wrap

_RESET = "\x1b[0m"
_STYLES = {
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
    "bad": "\x1b[31m",
    "good": "\x1b[32m",
    "warn": "\x1b[33m",
    "alarm": "\x1b[1;37;41m",
}
_WITH_FRACTION = 12  # columns of HH:MM:SS.mmm
SHORT_DIGEST = 12
"""Hexadecimal digits of a digest that the table shows."""


@dataclass
class Table:
    """Renders rows for a terminal of `width` columns.

    Attributes:
        width: of the terminal, in columns.
        colour: whether it shows colours.
        utf8: whether it shows more than ASCII.
        verbose: whether the steps of a load and all arguments follow its line.

    """

    width: int = 80
    colour: bool = False
    utf8: bool = True
    verbose: bool = False

    def __post_init__(self) -> None:
        self._layout = layout(self.width)

    def resize(self, width: int) -> None:
        """Fit the columns to another width."""
        self.width = width
        self._layout = layout(width)

    def header(self) -> str:
        """Return the names of the columns."""
        lay = self._layout
        names = (
            fit("TIME", lay.time),
            fit_right("PID", lay.pid),
            fit("PROGRAM", lay.program),
            fit("EVENT", lay.event),
            fit("SUBJECT", lay.subject),
            fit_right("RESULT", lay.result),
            fit("SHA-256", lay.digest),
            fit("CAUSE", lay.cause),
        )
        return self._paint(self._clip(" ".join(names)), "dim")

    def lines(self, row: Row) -> Iterator[str]:
        """Yield the lines of one row: one, and with `verbose` what belongs to it, indented."""
        event = row.event
        if BY_NAME[event.event].group == "stream":
            yield self._stream(event)
            return
        yield self._line(event, row.note)
        if self.verbose:
            for text, depth in details(row):
                for line in wrap(self._safe(text), self.width, "  " * depth):
                    yield self._paint(cut(line, self.width), "dim")

    def _safe(self, text: str) -> str:
        return safe(text, utf8=self.utf8)

    def _clip(self, line: str) -> str:
        return cut(line, self.width).rstrip(" ")

    def _paint(self, text: str, style: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self.colour and style and text.strip() else text

    def _stream(self, event: Event) -> str:
        args = event.args
        if event.event == "events_lost":
            where = f" on CPU {args.lost_on}" if args.lost_on is not None else ""
            numbers = f" (seq {args.first_seq} to {args.last_seq})" if args.first_seq is not None else ""
            many = "an unknown number of" if args.count is None else args.count
            text, style = f"LOST {many} events{where}{numbers}: {args.reason}", "alarm"
        elif event.event == "events_limited":
            text, style = f"LEFT OUT {args.count} of {args.subject_event}: {args.limit}", "warn"
        else:
            reason = f": {args.reason}" if args.reason else ""
            text, style = f"SENSOR {args.subject_event or ''} {args.state}{reason}", "warn"
        when = self._safe(clock(event, 3 if self._layout.time >= _WITH_FRACTION else 0))
        room = self.width - len(when) - 1
        if room <= 0:
            return self._clip(when)
        return f"{when} {self._paint(cut(self._safe(text), room).rstrip(' '), style)}".rstrip(" ")

    def _line(self, event: Event, note: str) -> str:
        lay = self._layout
        task = event.process
        program = self._safe(task.comm) if task else "-"
        head = (
            (self._safe(clock(event, 3 if lay.time >= _WITH_FRACTION else 0)), lay.time, "dim"),
            (fit_right(str(task.pid) if task else "-", lay.pid), lay.pid, ""),
            (program, lay.program, ""),
            (event.event, lay.event, "bold" if BY_NAME[event.event].group == "modules" else ""),
        )
        return self._join((*head, *self._tail(event, note)))

    def _tail(self, event: Event, note: str) -> Iterator[tuple[str, int, str]]:
        """Yield text, width and style from the subject on.

        The result ends where its column ends, and the subject has all the room before it. What
        is empty leaves its room to what stands before.
        """
        lay = self._layout
        result = note or self._safe(cells.outcome(event))
        digest = self._safe(cells.digest(event)[:SHORT_DIGEST])
        causes = [self._safe(text) for text in cells.causes(event)]
        cause = next((text for text in causes if columns(text) <= lay.cause), causes[-1])
        if not (result or digest or cause):
            yield self._fit_subject(self._subject(event), lay.tail)
            return
        unsettled = bool(note) or cells.in_progress(event)
        alone = not (digest or cause)
        room = lay.tail if alone else lay.subject + 1 + lay.result
        if not alone and (unsettled or (columns(result) > lay.result and digest in ("", "-"))):
            room += 1 + lay.digest
            digest = ""
        elif not alone:
            digest = fit(digest, lay.digest)
        subject = self._subject(event)
        # A long result must not leave nothing of the name, nor a long name of the result.
        result = cut(result, max(room - 1 - min(columns(" ".join(subject)), lay.subject), lay.result))
        yield self._fit_subject(subject, room - columns(result) - 1 if result else room)
        if result:
            failed = event.result is not None and event.result < 0
            yield result, columns(result), "warn" if unsettled else "bad" if failed else "good"
        if digest:
            yield digest, lay.digest, "dim"
        yield cause, lay.cause, ""

    def _subject(self, event: Event) -> list[str]:
        """Return the subject, and the marks where there are any."""
        return [text for text in (self._safe(cells.subject(event)), cells.marks(event)) if text]

    @staticmethod
    def _fit_subject(parts: list[str], width: int) -> tuple[str, int, str]:
        *_, last = ["", *parts]
        if last.strip("!?"):
            return last, width, ""
        text = cut(parts[0], width - len(last) - 1) if len(parts) > 1 else ""
        return f"{text} {last}".strip(), width, "warn" if "!" in last else ""

    def _join(self, parts: tuple[tuple[str, int, str], ...]) -> str:
        room, found = self.width, []
        for text, width, style in parts:
            if room <= 0:
                break
            last = width >= room or (text, width, style) == parts[-1]
            shown = cut(text, min(width, room)) if last else fit(text, width)
            found.append(self._paint(shown, style))
            room -= width + 1
        return " ".join(found).rstrip(" ")
