"""docs/questions.md: its commands are run on the system that it describes, and must print what it shows."""

from __future__ import annotations

import difflib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kmod.lab import VERSION, Loaded
from tests.kmod.plan_lab import PlanLab, module
from tests.kmod.signing import key

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/questions.md"
DEPS: dict[str, list[str]] = {
    **{
        name: [] for name in ("af_alg", "crc16", "crc32c-intel", "crc32c_generic", "sha256_generic", "loop", "snd-pcsp")
    },
    **{name: [] for name in ("pcspkr", "usb-storage", "libcrc32c")},
    "algif_aead": ["af_alg"],
    "ext4": ["crc16"],
    "btrfs": ["libcrc32c"],
}
ALIASES = (
    ("algif_aead", "algif_aead"),
    ("crc32c", "crc32c_intel"),
    ("crc32c", "crc32c_generic"),
    ("sha256", "sha256_generic"),
    ("fs_btrfs", "btrfs"),
    ("platform:pcspkr", "pcspkr"),
    ("platform:pcspkr", "snd_pcsp"),
)
SOFTDEP = "softdep btrfs pre: sha256\nsoftdep libcrc32c pre: crc32c\n"
LOADED = {"ext4": Loaded(), "crc16": Loaded(["ext4"])}
PROC_MODULES = "ext4 983040 1 - Live 0x0000000000000000\ncrc16 16384 1 ext4, Live 0x0000000000000000\n"


def files() -> dict[str, str]:
    """Return the configuration that the page shows: path -> text."""
    return dict(re.findall(r"^    # (/\S+)\n((?:    .+\n)+)", PAGE.read_text(), re.MULTILINE))


def system(root: Path) -> Path:
    """Make the system that the page describes; return its root."""
    lab = PlanLab(root)
    lab.modules(DEPS, aliases=ALIASES, builtin=["unix"], builtin_aliases=[("net_pf_1", "unix")])
    images = {stem: module(stem.replace("-", "_")) for stem in DEPS}
    images["loop"] = key("builder").sign(images["loop"])
    lab.files(**images)
    (lab.directory / "modules.softdep").write_text(SOFTDEP)
    lab.load(LOADED)
    lab.write("proc/modules", PROC_MODULES)
    for path, text in files().items():
        lab.write(path.lstrip("/"), re.sub("^    ", "", text, flags=re.MULTILINE))
    lab.kernel()
    return lab.root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return system(tmp_path_factory.mktemp("system") / "root")


def examples() -> Iterator[tuple[str, str]]:
    """Yield the commands of the page, and what it shows of each one's answer."""
    for block in re.findall(r"^    \$ (.*\n(?:(?:    (?!\$ ).*)?\n)*)", PAGE.read_text(), re.MULTILINE):
        command, _, shown = block.partition("\n")
        yield command, re.sub("^    ", "", shown, flags=re.MULTILINE).rstrip("\n")


def commands() -> list[str]:
    """Return the commands that the page names in its text and tables, with names that exist on that system."""
    return re.findall(r"`ringward ([^`]+)`", PAGE.read_text())


def run(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    tool, *words = shlex.split(command)
    where = ["--sysroot", str(root)]
    where += [] if tool in {"lsmod", "insmod", "rmmod"} else ["-k" if tool == "modinfo" else "-S", VERSION]
    # As on a terminal.
    where += (
        ["--output", "text"] if tool in {"plan", "blocked", "graph"} and not {"--json", "--output"} & set(words) else []
    )
    return subprocess.run(
        [sys.executable, "-m", "ringward", tool, *where, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": "110", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )


def fits(shown: str, printed: str) -> bool:
    """Return whether a text is what is shown; a line or the rest of one may be left out: ..."""
    pattern = re.escape(shown).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


@pytest.mark.parametrize(("command", "shown"), list(examples()))
def test_each_example_prints_what_it_shows(root: Path, command: str, shown: str) -> None:
    done = run(root, command.removeprefix("ringward "))
    printed = (done.stdout + done.stderr).rstrip("\n")
    assert shown
    assert fits(shown, printed), "\n".join(difflib.ndiff(shown.splitlines(), printed.splitlines()))


def test_there_are_examples_of_what_is_asked_most() -> None:
    tools = {command.split()[1] for command, _shown in examples()}
    assert tools >= {"plan", "blocked", "lint", "graph", "modinfo", "modprobe"}


@pytest.mark.parametrize("command", [one for one in commands() if "..." not in one])
def test_each_command_that_is_named_can_be_run(root: Path, command: str) -> None:
    done = run(root, command)
    assert done.returncode in {0, 1, 3}, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
