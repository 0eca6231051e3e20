"""Every command of the published schema, asked for JSON in a call that fails: it gets a document all the same."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest

from ringward.cli.dispatch import run
from ringward.cli.error_json import DOCUMENTED, asks_for_json
from ringward.kmod import schema
from tests.cli.kmod_oracle import ringward

FAILING: list[tuple[str, str, int]] = [
    # Usage.
    ("modprobe", "--bogus --json", 1),
    ("modprobe", "--json", 1),
    ("modprobe", "--json -w x d", 1),
    ("insmod", "--json", 1),
    ("insmod", "--json -", 1),
    ("insmod", "--json -Z", 1),
    ("rmmod", "--json", 1),
    ("lsmod", "--json x", 1),
    ("lsmod", "--js --bogus", 1),
    ("modinfo", "--json", 1),
    ("modinfo", "--json -F", 1),
    ("depmod", "--json -P xx", 1),
    ("depmod", "--json nine", 1),
    ("depmod", "--json -Z", 1),
    ("kmod", "--json", 1),
    ("kmod", "nope --json", 1),
    ("kmod", "list --json x", 1),
    ("kmod", "static-nodes --json -f nope", 1),
    ("plan", "--json", 2),
    ("plan", "--json --bogus x", 2),
    ("blocked", "--output json", 2),
    ("blocked", "--output=json --bogus x", 2),
    ("graph", "--json", 2),
    ("graph", "--json a b", 2),
    ("lint", "--json --bogus", 2),
    # Nothing to look at.
    ("modprobe", "--json --sysroot ROOT no", 1),
    ("modprobe", "--json --sysroot ROOT -q no", 1),
    ("modprobe", "--json --sysroot ROOT -R no", 1),
    ("modprobe", "--json --sysroot ROOT -r no", 1),
    ("modprobe", "--json --sysroot ROOT --show-exports /no.ko", 1),
    ("modprobe", "--json -S 1.0 --sysroot DAMAGED no", 1),
    ("insmod", "--json --sysroot ROOT /no.ko", 1),
    ("rmmod", "--json --sysroot ROOT no", 1),
    ("lsmod", "--json --sysroot ROOT", 1),
    ("kmod", "list --json --sysroot ROOT", 1),
    ("kmod", "static-nodes --json --set-version 1.0 --sysroot DAMAGED", 1),
    ("modinfo", "--json --sysroot ROOT /no.ko", 1),
    ("modinfo", "--json --sysroot ROOT no", 1),
    ("modinfo", "--json -k 1.0 --sysroot DAMAGED no", 1),
    ("modinfo", "--json --verify --cert /no.pem --sysroot ROOT no", 1),
    ("depmod", "--json --sysroot ROOT 9.9", 1),
    ("depmod", "--json --sysroot ROOT -E /no 9.9", 1),
    ("plan", "--json --set-version 1.0 --sysroot DAMAGED no", 4),
    ("blocked", "--json --sysroot ROOT no", 4),
    ("blocked", "--json --set-version 1.0 --sysroot DAMAGED no", 4),
    ("graph", "--json --sysroot ROOT no", 1),
    ("graph", "--json --set-version 1.0 --sysroot DAMAGED no", 4),
    ("lint", "--json --sysroot ROOT/nowhere", 2),
]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Return an empty root, and one whose indexes are damaged."""
    found = {name: tmp_path / name.lower() for name in ("ROOT", "DAMAGED")}
    directory = found["DAMAGED"] / "lib/modules/1.0"
    directory.mkdir(parents=True)
    found["ROOT"].mkdir()
    for name in ("dep", "alias", "symbols", "builtin", "builtin.alias"):
        (directory / f"modules.{name}.bin").write_bytes(b"damaged" * 9)
    (directory / "modules.devname").mkdir()
    return {name: str(path) for name, path in found.items()}


def words(line: str, places: dict[str, str]) -> list[str]:
    for name, path in places.items():
        line = line.replace(name, path)
    return line.split()


@pytest.mark.parametrize(("command", "line", "status"), FAILING)
def test_a_failing_call_prints_a_document(
    command: str,
    line: str,
    status: int,
    places: dict[str, str],
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODPROBE_OPTIONS", "")  # modprobe sets it for its commands
    given = words(line, places)
    assert run(command, given) == status
    told = capfdbinary.readouterr()
    document = json.loads(told.out)
    jsonschema.validate(document, schema.schema())
    if document["tool"] != "error":
        return
    assert (document["command"], document["status"]) == (command, status)
    assert document["messages"]
    assert "" not in document["messages"]
    assert told.err, "people read it on standard error"
    # Without --json the same call tells it there alone; kmod prints its usage, too, as the C tool does.
    plain = [word for word in given if word not in {"--json", "--js", "--output=json", "--output", "json"}]
    assert run(command, plain)
    out = capfdbinary.readouterr().out
    assert not out.startswith(b"{")
    assert command == "kmod" or not out


def test_every_command_is_in_the_table() -> None:
    assert {command for command, _line, _status in FAILING} == DOCUMENTED


def test_what_asks_for_json() -> None:
    assert asks_for_json(["a", "--json"])
    assert asks_for_json(["--j", "a"])
    assert asks_for_json(["--output", "json"])
    assert asks_for_json(["--output=json"])
    assert not asks_for_json(["--", "--json"])
    assert not asks_for_json(["--output", "text"])
    assert not asks_for_json(["--jsonx", "--", "-j"])


def test_by_a_link_and_in_a_pipe(tmp_path: Path) -> None:
    command = [*ringward("lsmod"), "--json", "--sysroot", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["tool"] == "error"
    assert document["messages"][0].startswith("could not get list of modules: /proc/modules: No such file")
    assert done.stderr.startswith(b"lsmod: ERROR: could not get list of modules")


def test_where_nothing_can_be_written() -> None:
    with Path("/dev/full").open("w") as full:
        command = [*ringward("lsmod"), "--json", "--bogus"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ringward lsmod: cannot write to standard output: No space left on device\n")
