# SPDX-License-Identifier: Apache-2.0
"""python -m vmtest: see vmtest/README.md."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.errors import GuestError, UsageError, VmtestError
from vmtest.guest import prepare_results, run_guest
from vmtest.kernels import KERNELS, Kernel, select_kernels
from vmtest.modules import build_modules
from vmtest.trees import kernel_entry, resolve_release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the options before `--`."""
    parser = argparse.ArgumentParser(
        prog="python -m vmtest",
        usage="%(prog)s -k KERNEL [options] -- COMMAND [ARG...]",
        description="Run a command in a guest with a Debian kernel on the root file system of this machine.",
        epilog="The exit status is the command's. 2: bad arguments. 4: the guest could not run it, and why.",
    )
    add = parser.add_argument
    add(
        "-k",
        "--kernel",
        action="append",
        default=[],
        metavar="NAME",
        help="as in --list; repeatable; or `all`",
    )
    add("--append", default="", metavar="WORDS", help="words for the kernel command line, in one argument")
    add("--memory", default="1G", metavar="SIZE", help="memory of the guest, as 512M or 1G (default 1G)")
    add("--cpus", type=int, default=1, metavar="N", help="processors of the guest (default 1)")
    add(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="boot and command together (default 600)",
    )
    add("--results", type=Path, metavar="DIR", help="directory the guest can write to (default: a new one)")
    add("--env", action="append", default=[], metavar="NAME", help="hand over this variable; repeat it")
    add("--udev", action="store_true", help="start udevd in the guest (twice the boot time)")
    add("--icount", action="store_true", help="clocks of the guest count instructions, a nanosecond each (slow)")
    add("--list", action="store_true", help="list the kernels and end")
    add("--modules", metavar="NAME", help="build the test modules for a kernel, print their folder, and end")
    return parser


def say(line: str) -> None:
    """One line on standard error."""
    print(f"vmtest: {line}", file=sys.stderr, flush=True)


def show(stream: str, chunk: bytes) -> None:
    """Pass the guest's output on."""
    out = sys.stdout.buffer if stream == "stdout" else sys.stderr.buffer
    out.write(chunk)
    out.flush()


def list_kernels() -> None:
    """Print the kernel list with what apt and the cache have."""
    for kernel in KERNELS:
        try:
            release = resolve_release(kernel)
            state = "in the cache" if kernel_entry(release).is_dir() else "not fetched yet"
        except VmtestError as error:
            release, state = "-", str(error)
        print(f"{kernel.name}\t{kernel.meta_package}\t{release}\t{state}\t{kernel.notes}")


def run_one(kernel: Kernel, command: Sequence[str], options: argparse.Namespace, results: Path | None) -> int:
    """Return the status for one kernel, and tell a failure of the guest."""
    try:
        done = run_guest(
            kernel.name,
            command,
            append=options.append,
            memory=options.memory,
            cpus=options.cpus,
            udev=options.udev,
            icount=options.icount,
            timeout=options.timeout,
            results=results,
            env=options.env,
            output=show,
            report=say,
        )
    except GuestError as error:
        for line in error.console_tail:
            say(f"console: {line}")
        say(str(error))
        return error.exit_status
    times = f"up after {done.boot_seconds:.1f} s, {done.seconds:.1f} s in all"
    say(f"kernel {kernel.name}: status {done.status}, {times}")
    return done.status


def run(options: argparse.Namespace, command: Sequence[str]) -> int:
    """Do what the options say. Several kernels: 4 if a guest failed, else the first status that is not 0."""
    if options.list:
        list_kernels()
        return 0
    if options.modules is not None:
        print(build_modules(options.modules, say))
        return 0
    kernels = select_kernels(options.kernel)
    if not kernels:
        raise UsageError("name a kernel with -k (python -m vmtest --list shows them)")
    if not command:
        raise UsageError("give the command to run after `--`")
    if options.timeout <= 0:
        raise UsageError(f"--timeout {options.timeout:g}: give more than 0 seconds")
    if len(kernels) == 1:
        return run_one(kernels[0], command, options, options.results)
    results = prepare_results(options.results)
    statuses = [run_one(kernel, command, options, results / kernel.name) for kernel in kernels]
    return 4 if 4 in statuses else next((status for status in statuses if status), 0)


def end_by_signal(number: int, _frame: FrameType | None) -> None:
    """Unwind, so that the guest is ended on the way out."""
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Run the tool and return its exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    split = list(arguments).index("--") if "--" in arguments else len(arguments)
    options = make_parser().parse_args(arguments[:split])
    try:
        return run(options, arguments[split + 1 :])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 128 + signal.SIGPIPE
    except VmtestError as error:
        say(str(error))
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
