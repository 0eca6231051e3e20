"""What the guard does when the kernel itself fails it: rows of the table in docs/guard.md.

A guest has no such failure at will, so the guard's programs are loaded with the answer in the place of the call.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.trust.patterns import parse_name
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.kernel.guarding import BOTH, Guarded, digest_of, load, policy_of, started
from tests.kernel.programs import folder_fixture  # noqa: F401 - a fixture
from tests.kernel.replaced import PROBE_READ_KERNEL, TASK_STORAGE_GET, answers, number, replaced
from tests.kernel.witness import listed, own_module, remove

pytestmark = [pytest.mark.guest, pytest.mark.modules]

MODULES = (Operation.MODULES,)
REJECTED = -errno.EKEYREJECTED
LIMIT, LOWERED = (8 << 20) * 512 - 9, 1 << 20
"""Bytes: SHA256_MAX_SIZE of bpf/sha256.bpf.h, and what is in its place here."""


@pytest.fixture
def param() -> Iterator[Path]:
    yield own_module("rw_param")
    remove("rw_param")


@pytest.fixture(scope="module")
def unread() -> Iterator[Guarded]:
    """Images above a limit are not hashed; the rest cannot be read; no request is kept with its process."""
    changes = {
        "guard_modules": (number(LIMIT, LOWERED), answers(PROBE_READ_KERNEL, -errno.EFAULT, "sha256_fill")),
        "guard_request": (answers(TASK_STORAGE_GET, 0),),
    }
    with replaced(changes), started(operations=MODULES) as guard:
        yield guard


def test_a_load_that_cannot_be_kept_with_its_task(param: Path) -> None:
    """Its parameters could not be judged again when the kernel has copied them."""
    trusted = policy_of(trusted=[digest_of(param)])
    with replaced({"guard_modules": (answers(TASK_STORAGE_GET, 0),)}), started(operations=MODULES) as guard:
        for mode in (Mode.ENFORCE, Mode.MONITOR):
            with guard.deciding(*trusted, mode, MODULES) as w:
                assert load(param) == (REJECTED if w.enforces else 0)
                event = w.verdict(Operation.MODULES, made_by="fault")
                assert event.args.verdict == ("deny" if w.enforces else "allow")
                assert ("rw_param" in listed()) != w.enforces


@BOTH
def test_an_image_above_the_limit_or_that_cannot_be_read(
    unread: Guarded, mode: Mode, param: Path, folder: Path
) -> None:
    """Both are trusted, and count as unknown."""
    large = folder / "large"
    large.write_bytes(random.Random(4).randbytes(LOWERED + 1))
    with unread.deciding(*policy_of(trusted=[digest_of(param), digest_of(large)]), mode, MODULES) as w:
        for path, result, error in ((large, -errno.ENOEXEC, errno.E2BIG), (param, 0, errno.EFAULT)):
            w.clear()
            assert load(path) == (REJECTED if w.enforces else result)
            event = w.verdict(Operation.MODULES, made_by="default", verdict="deny", size=path.stat().st_size)
            assert event.args.digest is None
            assert event.unread["digest"].startswith(f"hashing failed with error -{error},")


def test_a_request_that_cannot_be_kept_with_its_process(unread: Guarded, param: Path) -> None:
    """From then on any load may have come of it: what a rule denies by the alias is denied."""
    rules = [
        Rule("for-can", Action.DENY, aliases=(parse_name("net-pf-29"),)),
        Rule("others", Action.ALLOW, uids=((0, 0),)),
    ]
    with unread.deciding(*policy_of(rules), Mode.ENFORCE, MODULES) as w:
        assert load(param) == 0
        remove("rw_param")
        with pytest.raises(OSError, match="Address family not supported"):
            socket.socket(29, socket.SOCK_RAW, 1)
        event = w.verdict(Operation.MODULES, name="can", verdict="deny", rule="for-can")
        assert (event.args.fact_unread, event.args.alias, event.args.origin) == (True, None, None)
        assert load(param) == REJECTED
        w.verdict(Operation.MODULES, name="rw_param", verdict="deny", rule="for-can", fact_unread=True)
        assert not {"can", "rw_param"} & set(listed())
