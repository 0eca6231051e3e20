"""Who it is that changes the database."""

from __future__ import annotations

import os
import time

from ringward.trust.entry import Who

LOGINUID = "/proc/self/loginuid"
_UNSET = 4294967295  # (uid_t)-1: nobody logged in, include/linux/audit.h


def login_uid(path: str = LOGINUID) -> int | None:
    """Return the login uid; None: nobody is logged in, or this kernel keeps none (CONFIG_AUDIT)."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - one line of /proc
            found = int(file.read())
    except (OSError, ValueError):
        return None
    return None if found == _UNSET else found


def who() -> Who:
    """Return who runs this process, at this moment."""
    return Who(login_uid(), os.getuid(), int(time.time()))
