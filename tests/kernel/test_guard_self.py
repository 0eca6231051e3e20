"""What the guard keeps from others: the database, itself, and what would go behind its back."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.guard.protect import Protected
from ringward.trust.rules import Mode, Operation
from tests.kernel.conftest import PATIENCE
from tests.kernel.guarding import BOTH, Guarded, policy_of, started
from tests.kernel.programs import open_folder

pytestmark = [pytest.mark.guest]

ONLY = (Operation.SELF,)
REFUSED = errno.EPERM


def other(do: Callable[[], object]) -> int:
    """Do something in a process that is none of the guard's; return 0 or the error's number."""
    pid = os.fork()
    if pid == 0:
        try:
            do()
        except OSError as error:
            os._exit(error.errno or 255)
        except BaseException:  # noqa: BLE001 - the child must not go on as the test
            os._exit(255)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture(scope="module", name="place")
def place_fixture() -> Iterator[Path]:
    """Give the directory of a database on an ext4 of its own, on a loop device."""
    folder = open_folder()
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["modprobe", "-a", "loop", "ext4"], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    (disk / "ringward").mkdir()
    yield disk / "ringward"
    subprocess.run(["umount", disk], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module", name="database")
def database_fixture(place: Path) -> Path:
    """Give a trust database that `ringward trust` has made."""
    path = place / "trust.db"
    digest = "11" * 32
    subprocess.run(
        [ringward(), "trust", "add", "--database", path, "--digest", digest, "--kind", "program"], check=True
    )
    return path


def ringward() -> Path:
    return Path(sys.executable).with_name("ringward")


@pytest.fixture(scope="module", name="guard")
def guard_fixture(database: Path) -> Iterator[Guarded]:
    with started(operations=ONLY) as guard:
        package = Path(__import__("ringward").__file__).parent
        failed = guard.holder.protect([Protected(database.parent, tree=True), Protected(package, tree=True)])
        assert not failed
        yield guard


def told(w: Guarded, access: str, **fields: object) -> Event:
    return w.verdict(Operation.SELF, access=access, verdict="deny", **fields)


def make(path: Path) -> None:
    path.write_text("evil")


@BOTH
def test_the_database(guard: Guarded, mode: Mode, database: Path) -> None:
    before = database.read_bytes()
    tries: list[tuple[str, Callable[[], object], str]] = [
        ("open", lambda: os.close(os.open(database, os.O_WRONLY)), "trust.db"),
        ("create", lambda: os.close(os.open(f"{database}-journal", os.O_CREAT | os.O_WRONLY)), "trust.db-journal"),
        ("rename", lambda: os.rename(database, database.with_name("x")), "trust.db"),
        ("unlink", lambda: os.unlink(database.with_name("x")), "x"),
        ("truncate", lambda: os.truncate(database, 0), "trust.db"),
    ]
    with guard.deciding(*policy_of(), mode, ONLY) as w:
        for access, do, name in tries:
            result = other(do)
            if w.enforces and name == "x":
                assert result == errno.ENOENT
                continue
            if not w.enforces and access == "truncate":
                assert result == errno.ENOENT
                continue
            event = told(w, access)
            assert event.args.object == "file"
            assert event.args.file.path.endswith(f"/ringward/{name}"), event.args.file
            assert result == (REFUSED if w.enforces else 0), access
            if not w.enforces and access == "rename":
                continue
        assert database.exists() == w.enforces
    if not database.exists():
        for left in database.parent.iterdir():
            left.unlink()
        database.write_bytes(before)
        database.chmod(0o600)
    assert database.read_bytes() == before


def test_the_database_by_the_tool(guard: Guarded, database: Path) -> None:
    digest = "22" * 32
    with guard.deciding(*policy_of(), Mode.ENFORCE, ONLY) as w:
        command = [ringward(), "trust", "add", "--database", database, "--digest", digest, "--kind", "program"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        w.until(lambda _: w.of("self_verdict", access="become"), PATIENCE)
        w.until(lambda _: w.of("self_verdict", access="open", verdict="allow"), PATIENCE)
        assert w.of("self_verdict", verdict="deny") == []
    assert bytes.fromhex(digest) in database.read_bytes()
