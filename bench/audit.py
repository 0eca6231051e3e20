"""Beside auditd with the same rules, in a guest: nobody's audit rules are touched on the machine itself.

``python -m bench.audit`` is what runs in the guest, as root; it prints its figures as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench import guest
from bench.build import clean, folder, need, program
from bench.process import RINGWARD, Watched, count, run, watched
from bench.row import Row, spread

CALLS, RATE = 20_000, 2_000
RULES = tuple(
    ("-a", "always,exit", "-F", f"arch={arch}", *(word for call in calls for word in ("-S", call)))
    for arch, calls in (
        ("b64", ("create_module", "init_module", "finit_module", "delete_module")),
        ("b32", ("create_module", "init_module", "finit_module", "delete_module")),
    )
)
CONFIG = """log_file = {log}
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
max_log_file_action = IGNORE
num_logs = 0
q_depth = 99999
space_left = 75
admin_space_left = 50
"""


@contextmanager
def auditd() -> Iterator[Watched]:
    """Start auditd with rules for the module calls."""
    log, config = folder() / "audit.log", folder() / "auditd"
    config.mkdir(exist_ok=True)
    (config / "auditd.conf").write_text(CONFIG.format(log=log))
    (config / "plugins.d").mkdir(exist_ok=True)
    log.unlink(missing_ok=True)
    log.touch(0o600)
    err = folder() / "auditd.err"
    with err.open("wb") as stream:
        process = subprocess.Popen((need("auditd"), "-n", "-c", str(config)), stdout=stream, stderr=stream)
    one = Watched(process, log, err)
    try:
        one.wait_for(lambda: f"pid {process.pid}\n" in _status(), 30, "auditd's start")
        for words in (("-D",), ("-b", "200000"), *RULES):
            subprocess.run((need("auditctl"), *words), check=True, capture_output=True)
        yield one
    finally:
        subprocess.run((need("auditctl"), "-D"), check=False, capture_output=True)
        one.end()


def _status() -> str:
    return subprocess.run((need("auditctl"), "-s"), check=False, capture_output=True, text=True).stdout


def one_round(name: str) -> dict[str, float]:
    """Return how many calls a program told of, and its seconds of processor time."""
    command = (*RINGWARD, "watch", "modules", "--output", "jsonl")
    # Starting auditd and its rules are calls that auditd writes down, too.
    word = b'"event":"create_module"' if name == "ringward" else b'comm="calls"'
    with auditd() if name == "auditd" else watched(folder(), command, '"state":"attached"', name) as one:
        before, own = one.cpu(), count(one.out, word)
        run(program("calls"), str(CALLS), str(RATE))
        one.settle(2)
        used = one.cpu() - before
    # auditd writes the last of its buffer when it ends.
    return {"lines": count(one.out, word) - own, "user": used.user, "total": used.total}


def in_guest(rounds: int) -> dict[str, list[dict[str, float]]]:
    """Measure both in turn."""
    found: dict[str, list[dict[str, float]]] = {"ringward": [], "auditd": []}
    for number in range(rounds):
        for name in list(found) if number % 2 == 0 else reversed(list(found)):
            found[name].append(one_round(name))
    return found


def measure(rounds: int) -> list[Row]:
    """Boot a guest for it.

    Raises:
        CannotMeasureError: auditd is not installed, or the guest did not run.

    """
    need("auditd")
    return rows(guest.measured("bench.audit", str(rounds)))


def rows(found: dict[str, Any]) -> list[Row]:
    """Return the rows of what the guest has measured: with user time, and with all of each program's time."""
    return [_row(found, "user", "user time"), _row(found, "total", "user and system")]


def _row(found: dict[str, Any], key: str, what: str) -> Row:
    made = Row(f"module calls told per CPU second, {what}, {guest.EMULATED}", "at least auditd's")
    rates = {name: [one["lines"] / one[key] for one in runs] for name, runs in found.items()}
    made.ours, made.peer = (f"{median(rates[name]):,.0f}" for name in ("ringward", "auditd"))
    made.reached = median(rates["ringward"]) >= median(rates["auditd"])
    note = (
        f"{CALLS:,} calls at {RATE:,} a second, {len(found['auditd'])} rounds in turn: {spread(rates['ringward'], 0)};"
        f" auditd (its daemon alone, with rules for the same four calls) {spread(rates['auditd'], 0)}"
    )
    made.notes = [note]
    short = [f"{name} {one['lines']:,.0f}" for name, runs in found.items() for one in runs if one["lines"] != CALLS]
    if short:
        made.void = f"not all of {CALLS:,} calls were told: {', '.join(short)}"
    return made


if __name__ == "__main__":
    try:
        print(json.dumps(in_guest(int(sys.argv[1]))))
    finally:
        clean()
