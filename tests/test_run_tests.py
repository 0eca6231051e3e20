"""What `make test` and `make soak` run: nothing is left out by a name that is not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.run_tests import KEPT, NO_GUEST, ONCE, RACES, TOOLS, Boot, Job, boots, run
from vmtest.kernels import KERNELS

ROOT = Path(__file__).parents[1]
NAMES = [kernel.name for kernel in KERNELS]
FILES = {str(path.relative_to(ROOT)) for path in (ROOT / "tests/kernel").rglob("test_*.py")}


def run_by(kernel: str, *, soak: bool, mark: str) -> set[str]:
    """Return the test files that the boots of a kernel run with this mark."""
    return {file for boot in boots(kernel, soak=soak) if boot.tests[:2] == ("-m", mark) for file in files_of(boot)}


def files_of(boot: Boot) -> list[str]:
    """Return the test files that a boot runs."""
    ignored = [word.removeprefix("--ignore=") for word in boot.tests if word.startswith("--ignore=")]
    named = [word for word in boot.tests[2:] if not word.startswith("--")]
    return [
        file for path in named for file in FILES if below(file, path) and not any(below(file, one) for one in ignored)
    ]


def below(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path}/")


@pytest.mark.parametrize("path", sorted({KEPT, *TOOLS, *ONCE, *RACES}))
def test_each_path_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_make_test_runs_each_file_on_some_kernel() -> None:
    assert set().union(*(run_by(kernel, soak=False, mark="not soak") for kernel in NAMES)) == FILES


@pytest.mark.parametrize("kernel", NAMES)
def test_with_make_soak_each_file_runs_on_each_kernel(kernel: str) -> None:
    assert run_by(kernel, soak=False, mark="not soak") | run_by(kernel, soak=True, mark="not soak") == FILES


@pytest.mark.parametrize("kernel", NAMES)
def test_no_file_runs_in_two_boots_of_make_test(kernel: str) -> None:
    found = [file for boot in boots(kernel, soak=False) for file in files_of(boot)]
    assert len(found) == len(set(found))


@pytest.mark.parametrize(("came_up", "status", "runs"), [(False, NO_GUEST, 2), (True, NO_GUEST, 1), (False, 1, 1)])
def test_a_guest_that_never_came_up_is_booted_once_more(tmp_path: Path, came_up: bool, status: int, runs: int) -> None:
    (tmp_path / "vm").mkdir()
    if came_up:
        (tmp_path / "vm" / "started").touch()
    found = run(Job("a guest", ["sh", "-c", f"echo booted; exit {status}"], tmp_path))
    assert found[1] == status
    assert found[2].count("booted\n") == runs
    assert found[2].count("-- it never came up") == runs - 1
