from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli import links
from ringward.cli.links import NAMES, make, script


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def test_each_link_is_its_tool(tmp_path: Path) -> None:
    folder = make(str(tmp_path))
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    for name in NAMES:
        done = run(folder / name, "--version")
        assert (done.returncode, done.stderr) == (0, ""), name
        assert done.stdout.startswith("kmod version ")
    assert run(folder / "rmmod").stderr == "rmmod: ERROR: missing module name.\n"
    assert run(folder / "insmod", "-").stderr.startswith("insmod: ERROR: ")


def test_a_link_to_a_link_is_its_tool_too(tmp_path: Path) -> None:
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/rmmod").symlink_to(make(str(tmp_path / "links")) / "rmmod")
    assert run(tmp_path / "sbin/rmmod").stderr == "rmmod: ERROR: missing module name.\n"


def test_another_name_is_refused(tmp_path: Path) -> None:
    (make(str(tmp_path)) / "kmod").rename(tmp_path / "modrobe")
    done = run(tmp_path / "modrobe")
    assert done.returncode == 1
    assert "modrobe: not the name of a module tool" in done.stderr


def test_they_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "lsmod").write_text("old")
    make(str(tmp_path))
    assert make(str(tmp_path)) == tmp_path
    assert (tmp_path / "lsmod").is_symlink()
    assert os.access(tmp_path / "kmod", os.X_OK)


def test_the_own_folder_is_in_the_package() -> None:
    assert Path(links.OWN) == Path(links.__file__).parents[1] / "links"


def test_make_setup_leaves_links_there() -> None:
    if not (Path(links.__file__).parents[3] / ".venv/.built").exists():
        pytest.skip("this is no source tree that `make setup` has set up")
    assert {path.name for path in Path(links.OWN).iterdir()} == set(NAMES)
    done = run(Path(links.OWN) / "rmmod")
    assert (done.returncode, done.stderr) == (1, "rmmod: ERROR: missing module name.\n")


@pytest.mark.parametrize("folder", ["with blank", "long" + "g" * 230, "quo'te d"])
def test_an_interpreter_that_no_first_line_can_name(tmp_path: Path, folder: str) -> None:
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    tool = tmp_path / "rmmod"
    tool.write_text(script(str(python), str(Path(links.__file__).parents[2])))
    tool.chmod(0o755)
    assert tool.read_text().startswith("#!/bin/sh\n")
    done = run(tool, "a b", "$HOME")
    assert done.stderr.count("rmmod: ERROR: Module ") == 2
    assert "Module $HOME is" in done.stderr


def test_other_libraries_are_found_when_they_are_needed(tmp_path: Path) -> None:
    tool = tmp_path / "try"
    lines = script(sys.executable, str(Path(links.__file__).parents[2])).splitlines()
    code = (
        "from ringward.cli.links import _Late\n"
        "sys.meta_path.append(_Late)\n"
        "assert 'site' not in sys.modules\n"
        "import msgspec\n"
        "assert 'site' in sys.modules and _Late not in sys.meta_path\n"
        "try:\n    import no_such_library\nexcept ImportError as error:\n    print(error.name, msgspec.__name__)\n"
    )
    tool.write_text("\n".join(lines[:3]) + "\n" + code)
    tool.chmod(0o755)
    assert run(tool).stdout == "no_such_library msgspec\n"


def test_a_missing_module_is_still_an_import_error(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ringward.cli.links import _Late\n"
        "sys.meta_path.append(_Late)\n"
        "try:\n    import ringward.nothing\nexcept ImportError as error:\n"
        "    print(error.name, 'site' in sys.modules)\n"
    )
    done = run(sys.executable, "-IS", "-c", code, Path(links.__file__).parents[2])
    assert done.stdout == "ringward.nothing False\n"
