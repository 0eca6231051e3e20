# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, with the exit status that the command line gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class VmtestError(Exception):
    """The guest could not be run. The text says what was attempted, why it failed, what to do next."""

    exit_status = 4


class UsageError(VmtestError):
    """The caller asked for something that does not exist."""

    exit_status = 2


class GuestError(VmtestError):
    """The guest did not come up, panicked, or ran out of time.

    `results_dir` keeps the console log (console.log); `console_tail` is its last lines.
    """

    def __init__(self, message: str, results_dir: Path, console_tail: list[str]) -> None:
        super().__init__(message)
        self.results_dir = results_dir
        self.console_tail = console_tail
