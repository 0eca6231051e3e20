"""The command behind ``--``: started, held until the sensor sees it, let go, waited for."""

from __future__ import annotations

import errno
import os
import signal
from typing import NoReturn

from ringward.cli.errors import CannotRunError

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_SIGNALLED = 128
# Python ignores these; a program expects them as the kernel has them.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class StartError(Exception):
    """The command could not be started.

    Attributes:
        status: what a shell returns then: 127 not found, 126 not executable.

    """

    def __init__(self, program: str, number: int) -> None:
        self.status = NOT_FOUND if number == errno.ENOENT else NOT_EXECUTABLE
        hint = ""
        if number == errno.ENOENT and os.path.exists(program) and "/" in program:  # noqa: PTH110 - one word
            hint = ": the file is there; the interpreter that it names is not"
        elif number == errno.ENOENT and "/" not in program:
            hint = " in any folder of PATH"
        super().__init__(f"cannot run '{program}': {os.strerror(number)}{hint}")


class Child:
    """A process that will become a command.

    Args:
        argv: program and arguments.

    Raises:
        CannotRunError: there can be no more processes.

    """

    def __init__(self, argv: list[str]) -> None:
        self._program = argv[0]
        self._status: int | None = None
        go, self._go = os.pipe()
        self._failed, failed = os.pipe()
        try:
            self.pid = os.fork()
        except OSError as error:
            raise CannotRunError(f"cannot start '{argv[0]}': {error.strerror}") from None
        if self.pid == 0:
            os.close(self._go)
            os.close(self._failed)
            _become(argv, go, failed)
        os.close(go)
        os.close(failed)

    def release(self) -> None:
        """Let it become the command.

        Raises:
            StartError: it could not.

        """
        os.write(self._go, b"g")
        os.close(self._go)
        number = os.read(self._failed, 16)
        os.close(self._failed)
        if number:
            self.wait()
            raise StartError(self._program, int(number))

    def abandon(self) -> None:
        """End it before it became anything."""
        os.close(self._go)
        self.wait()

    def status(self) -> int | None:
        """Return its exit status as a shell has it (128 and the signal's number when one ended it); None: it runs."""
        return self._collect(os.WNOHANG)

    def wait(self) -> int:
        """Return its exit status; wait for it."""
        while True:
            status = self._collect(0)
            if status is not None:
                return status

    def forward(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._status is None:
            os.kill(self.pid, number)

    def _collect(self, options: int) -> int | None:
        if self._status is None:
            pid, raw = os.waitpid(self.pid, options)
            if pid:
                code = os.waitstatus_to_exitcode(raw)
                self._status = code if code >= 0 else _SIGNALLED - code
        return self._status


def _become(argv: list[str], go: int, failed: int) -> NoReturn:
    try:
        # Ctrl-C while it waits is for the parent, which ends it by closing the pipe.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not os.read(go, 1):
            os._exit(1)
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN if before is signal.SIG_IGN else signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606 - to run what the user names is the purpose
    except OSError as error:
        os.write(failed, str(error.errno or errno.EIO).encode())
    finally:
        os._exit(NOT_EXECUTABLE)
