"""Runs the measurements: ``python -m bench [--rounds N] [--rows NAME,...] [--no-document]``."""

from __future__ import annotations

import argparse
import os
import sys

from bench import (
    audit,
    build,
    depmod,
    digest,
    digests,
    emulated,
    guarded,
    known,
    lines,
    machine,
    memory,
    modinfo,
    modprobe,
    report,
    ring,
    spawn,
    start,
    summary,
    syscalls,
    trust,
)
from bench.row import CannotMeasureError, Measure, Row

ROWS: dict[str, Measure] = {
    "lines": lines.measure,
    "million": lines.measure_million,
    "loss": lines.measure_loss,
    "spawn": spawn.measure,
    "digest": digest.measure,
    "start": start.measure,
    "memory": memory.measure,
    "audit": audit.measure,
    "depmod": depmod.measure,
    "modinfo": modinfo.measure,
    "modprobe": modprobe.measure,
    "trust": trust.measure,
    "digests": digests.measure,
    "syscalls": syscalls.measure,
    "filter": syscalls.measure_filter,
    "emulated": emulated.measure,
    "ring": ring.measure,
    "summary": summary.measure,
    "guarded": guarded.measure,
    "known": known.measure,
}
BUSY = 0.1


def main() -> int:
    """Measure, print, write docs/bench.md; 1 when a goal was missed or a row is void."""
    parser = argparse.ArgumentParser("python -m bench", description="Measure every speed claim beside a peer.")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; default: 5")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of: {', '.join(ROWS)}; default: all")
    parser.add_argument("--no-document", action="store_true", help="leave docs/bench.md alone")
    options = parser.parse_args()
    names = options.rows.split(",")
    unknown = [name for name in names if name not in ROWS]
    if unknown or options.rounds < 1:
        parser.error(
            f"no row {', '.join(unknown)}: choose from {', '.join(ROWS)}" if unknown else "--rounds is at least 1"
        )
    if os.geteuid():
        print("bench: needs root, for eBPF; as root: make bench", file=sys.stderr)
        return 4
    facts = machine.facts()
    busy = machine.load()
    if busy > BUSY:
        facts["disturbed"] = f"other programs ran: some task waited for a processor {busy:.0%} of the last 10 s before"
    rows: list[Row] = []
    try:
        for name in names:
            print(f"  MEASURE  {name}", file=sys.stderr, flush=True)
            try:
                rows += ROWS[name](options.rounds)
            except CannotMeasureError as error:
                rows.append(Row(name, "", notes=[str(error)]))
    finally:
        build.clean()
    print(report.text(rows, facts))
    if not options.no_document:
        report.DOCUMENT.write_text(report.markdown(rows, facts))
    return int(any(row.reached is False or row.void is not None for row in rows))


if __name__ == "__main__":
    sys.exit(main())
