"""Every parser with a bounded number of inputs, the same each time; and whether the fuzzing tells what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import broken, sanitized
from tests.fuzz.campaign import ROOT, Campaign, FoundError, Parser
from tests.fuzz.coverage import measure
from tests.fuzz.python_parser import PythonParser, missing, names
from tests.native.fuzzing import TARGETS

SEED = "-seed=1"
BROKEN = "tests.fuzz.broken"


def campaign(parser: str, folder: Path) -> Campaign:
    """Return a campaign with nothing but the seeds to start from; skip what cannot be built here."""
    if parser in TARGETS:
        if shutil.which("clang") is None:
            pytest.skip("clang is not installed: run tools/packages build")
    elif missing():
        pytest.skip(missing())
    build = folder / "build"
    build.mkdir()
    found: Parser = TARGETS[parser] if parser in TARGETS else PythonParser(parser)
    try:
        return Campaign(found, folder / "kept", build)
    except subprocess.CalledProcessError as error:
        if "libclang_rt.fuzzer" in error.stderr:
            pytest.skip("clang has no libFuzzer: install libclang-rt-dev")
        raise AssertionError(error.stderr) from error


@pytest.mark.parametrize("name", [*TARGETS, *names()])
def test_the_fuzzer_finds_nothing(name: str, tmp_path: Path) -> None:
    one = campaign(name, tmp_path)
    found = one.fuzz(f"-runs={one.parser.runs}", SEED)
    assert found.runs >= one.parser.runs
    assert found.corpus > 5
    assert found.coverage.percent >= one.parser.floor, found.coverage.missed


def test_a_fault_is_found_step_by_step_and_its_input_kept(tmp_path: Path) -> None:
    one = campaign(BROKEN, tmp_path)
    with pytest.raises(FoundError, match="ValueError: a fault that nobody declared") as told:
        one.fuzz("-runs=2000000", SEED)
    file = told.value.file
    assert file is not None
    assert file.parent == one.findings
    assert broken.reads(file.read_bytes())
    assert f"python -m tests.fuzz {BROKEN} --input {file}" in str(told.value)
    with pytest.raises(FoundError, match="ValueError: a fault that nobody declared"):
        one.one(file)
    with pytest.raises(FoundError, match="ValueError: a fault that nobody declared"):
        one.fuzz("-runs=0")  # known findings come first


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"slow", "SlowError"), (b"large", "MemoryError"), (b"endless", "timeout after"), (b"magic", "broken.py")],
)
def test_what_an_input_must_not_do_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    one = campaign(BROKEN, tmp_path)
    one.parser.options = (*one.parser.options, "-timeout=2")  # type: ignore[misc]
    file = tmp_path / "input"
    file.write_bytes(data)
    with pytest.raises(FoundError, match=told):
        one.one(file)


@pytest.mark.parametrize(("data", "told"), [(b"o", "heap-buffer-overflow"), (b"a", "signed integer overflow")])
def test_what_a_native_module_must_not_do_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, told: str
) -> None:
    monkeypatch.setitem(sanitized.SOURCES, "overrun_native", ("tests/fuzz/overrun", ()))
    one = campaign("tests.fuzz.overrun.target", tmp_path)
    file = tmp_path / "input"
    file.write_bytes(data)
    with pytest.raises(FoundError, match=told):
        one.one(file)
    file.write_bytes(b"right")
    assert "Executed" in one.one(file)


def test_an_input_that_does_nothing_wrong(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_bytes(b"nothing")
    assert "Executed" in campaign(BROKEN, tmp_path).one(file)


@pytest.mark.parametrize("name", ["elf", "symvers"])
def test_a_merged_corpus_reaches_what_all_of_it_reached(name: str, tmp_path: Path) -> None:
    one = campaign(name, tmp_path)
    before = one.fuzz("-runs=1000", SEED).coverage
    for number in range(50):
        (one.corpus / f"more-{number}").write_bytes(b"more" * number)
    one.merge()
    assert len(list(one.corpus.iterdir())) < 50
    after = one.parser.coverage(tmp_path / "build", (one.corpus,))
    assert after.reached >= before.reached
    assert after.total == before.total


def example(number: int) -> list[int]:
    if number > 1:
        return [each for each in range(number) if each]
    return []


class Example:
    """Has `example` among its functions."""

    COVERS = (example,)

    @staticmethod
    def one(data: bytes) -> None:
        example(len(data))


def test_lines_that_are_reached() -> None:
    first = example.__code__.co_firstlineno
    name = Path(__file__).name
    found = measure(Example, [b""])
    assert (found.reached, found.missed) == (2, [(name, first + 2), (name, first + 2)])  # the list is a code of its own
    assert measure(Example, [b"", b"abc"]).missed == []
    assert measure(Example, []).reached == 0


def test_the_table(tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    kept = tmp_path / "fuzz" / BROKEN / "corpus/kept"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"magic")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--seconds", "2", "uevent", BROKEN],
        cwd=ROOT,
        env=os.environ | {"RINGWARD_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    head, row, *found = done.stdout.splitlines()
    assert head.split() == ["parser", "executions", "a", "second", "corpus", "reached", "findings"]
    words = row.split()
    assert words[0] == "uevent"
    assert int(words[1].replace(",", "")) > 100
    assert int(words[3]) == len(list((tmp_path / "fuzz/uevent/corpus").iterdir())) > 5
    assert words[4:] == ["100", "%", "of", "25", "lines", "none"]
    assert found[0].split() == [BROKEN, "FOUND"]
    assert done.returncode == 1
