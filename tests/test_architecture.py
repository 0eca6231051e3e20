"""The rules of docs/architecture.md and docs/contributing.md that a program can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ringward"
LAYERS = ("btf", "events", "kmod", "sensor", "trust", "guard", "output", "cli")
"""A package imports from itself and from those before it."""
FREE = ("version",)
"""Modules of no package that anyone may import: they import nothing."""
PRINTERS = ("cli/", "__main__.py")
LONGEST = 400
"""Lines of a file."""

WITHOUT_OWN_TEST = {
    "version.py": "a constant; tests/test_main.py compares it with the package's",
    "sensor/features.py": "tests/kernel/test_features.py compares it with bpftool and the kernel's configuration",
    "sensor/probes.py": "tries that only a kernel answers: tests/kernel/test_features.py; decisions: test_answers.py",
}
"""Source files that need no test file of their name, and why."""
TESTED_TOGETHER = {
    "events/catalogue/": "tests/events/test_catalogue.py",
}
"""Folders whose files are data: one test file checks all of them."""

Faults = list[str]


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a module imports, wherever in it."""
    parts = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = node.level - is_package
            base = ".".join(parts[: len(parts) - up]) if node.level else ""
            name = ".".join(part for part in (base, node.module or "") if part)
            # "from ringward import sensor" imports ringward.sensor.
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


def direction_faults(source: str, path: str) -> Faults:
    """Return the imports of `path`, below src/ringward, that go the wrong way."""
    package, _, rest = path.partition("/")
    if not rest:
        return []
    if package not in LAYERS:
        return [f"{path}: package {package} is not in the order {' -> '.join(LAYERS)}"]
    allowed = LAYERS[: LAYERS.index(package) + 1]
    module = "ringward." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    found = []
    for line, name in imports(ast.parse(source), module, is_package=path.endswith("/__init__.py")):
        top, _, inner = name.partition(".")
        if top == "ringward" and inner.split(".")[0] not in (*allowed, *FREE):
            found.append(f"{path}:{line}: {package} imports {name}, which is to its right")
    return found


def print_faults(source: str, path: str) -> Faults:
    """Return where `path` prints, unless it is a front end."""
    if path.startswith(PRINTERS):
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}:
            found.append(f"{path}:{node.lineno}: {node.func.id}()")
        elif isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr", "__stdout__", "__stderr__"}:
            if isinstance(node.value, ast.Name) and node.value.id == "sys":
                found.append(f"{path}:{node.lineno}: sys.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            found += [f"{path}:{node.lineno}: sys.{a.name}" for a in node.names if a.name in {"stdout", "stderr"}]
    return found


def only_passes_on(source: str) -> bool:
    """Return whether a module holds nothing but a docstring, imports and constants."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for node in ast.parse(source).body
    )


def test_file_of(path: str) -> str:
    """Return the test file that belongs to a source file below src/ringward."""
    for folder, test in TESTED_TOGETHER.items():
        if path.startswith(folder):
            return test
    folder, _, name = path.rpartition("/")
    return "/".join(part for part in ("tests", folder, f"test_{name.strip('_').replace('__.py', '.py')}") if part)


test_file_of.__test__ = False  # type: ignore[attr-defined]


def needs_test(source: str, path: str) -> bool:
    if path in WITHOUT_OWN_TEST:
        return False
    return not (path.endswith("__init__.py") and only_passes_on(source))


def each_source() -> Iterator[tuple[str, str]]:
    """Yield text and path below src/ringward of every source file."""
    for path in sources():
        yield path.read_text(), path.relative_to(PACKAGE).as_posix()


def hand_written() -> list[Path]:
    """Return every file of code that people write and read."""
    folders = ("src/ringward", "bpf", "native", "vmtest", "tests", "tools", "bench")
    endings = {".py", ".pyi", ".c", ".h"}
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in endings)


def test_imports_go_one_way() -> None:
    assert [fault for source, path in each_source() for fault in direction_faults(source, path)] == []


def test_only_front_ends_print() -> None:
    assert [fault for source, path in each_source() for fault in print_faults(source, path)] == []


def paths_tested_together() -> list[str]:
    return [path for _source, path in each_source() if any(path.startswith(folder) for folder in TESTED_TOGETHER)]


def test_every_source_file_has_a_test_file() -> None:
    missing = {
        path: test_file_of(path)
        for source, path in each_source()
        if needs_test(source, path) and not (ROOT / test_file_of(path)).is_file()
    }
    assert missing == {}


def test_the_list_of_files_without_test_is_not_out_of_date() -> None:
    for path in WITHOUT_OWN_TEST:
        assert (PACKAGE / path).is_file()
        assert not (ROOT / test_file_of(path)).exists()
    for folder, test in TESTED_TOGETHER.items():
        assert (PACKAGE / folder).is_dir()
        assert (ROOT / test).is_file()


def test_every_unit_test_belongs_to_a_source_file() -> None:
    wanted = {test_file_of(path) for _source, path in each_source()}
    # One of the files that are tested together may have a test of its own besides.
    wanted |= {f"tests/{Path(path).parent.parent}/test_{Path(path).name}" for path in paths_tested_together()}
    there = {p.relative_to(ROOT).as_posix() for layer in LAYERS for p in (ROOT / "tests" / layer).rglob("test_*.py")}
    # A long one is split: test_depmod_differences.py is of depmod.py too.
    there = {path for path in there if "/against_kmod/" not in path}  # compares whole trees, not files of ours
    stems = tuple(path.removesuffix(".py") + "_" for path in wanted)
    assert [path for path in there - wanted if not path.startswith(stems)] == []


def test_no_file_is_too_long() -> None:
    lengths = {p.relative_to(ROOT).as_posix(): len(p.read_text().splitlines()) for p in hand_written()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X|H[A]CK)\b")  # a pattern that does not find itself
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in hand_written()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if later.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_documents_name_files_and_tests_that_exist(page: Path) -> None:
    text = page.read_text()
    folders = "src|bpf|native|tests|tools|vmtest|bench|docs|LICENSES"
    for path, name in re.findall(rf"`((?:{folders})/[\w./-]+)(?:::(\w+))?`", text):
        if "NAME" in path:  # a pattern
            continue
        assert (ROOT / path).exists(), f"{page.name} names {path}"
        if name:
            assert f"def {name}(" in (ROOT / path).read_text(), f"{page.name} names {path}::{name}"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize(
    ("source", "path", "bad"),
    [
        ("from ringward.events.hooks import Hook", "events/args.py", False),
        ("from ringward.btf import Btf", "sensor/decode.py", False),
        ("from ringward.version import VERSION", "btf/elf.py", False),
        ("import json, ringward.sensor", "events/args.py", True),
        ("from ringward import sensor", "events/args.py", True),
        ("from ringward.cli import COMMANDS", "sensor/sensor.py", True),
        ("from ..sensor import Sensor", "events/args.py", True),
        ("from .sensor import x", "events/__init__.py", False),
        ("from ..sensor import x", "events/__init__.py", True),
        ("if TYPE_CHECKING:\n    from ringward.output import x", "sensor/sensor.py", True),
        ("def f():\n    import ringward.events", "btf/elf.py", True),
        ("from ringward.events import x", "journal/store.py", True),
        ("from ringward.cli import COMMANDS", "__main__.py", False),
    ],
)
def test_the_rule_of_imports(source: str, path: str, bad: bool) -> None:
    assert bool(direction_faults(source, path)) == bad


@pytest.mark.parametrize(
    ("source", "path", "bad"),
    [
        ("print(1)", "events/pages.py", True),
        ("print(1)", "cli/watch.py", False),
        ("print(1)", "__main__.py", False),
        ("import sys\nsys.stdout.write('x')", "output/text.py", True),
        ("from sys import stderr", "sensor/sensor.py", True),
        ("import sys\nsys.exit(0)", "events/pages.py", False),
        ("def fingerprint(x): ...\nfingerprint(1)", "btf/elf.py", False),
    ],
)
def test_the_rule_of_printing(source: str, path: str, bad: bool) -> None:
    assert bool(print_faults(source, path)) == bad


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("btf/elf.py", "tests/btf/test_elf.py"),
        ("events/catalogue/finit_module.py", "tests/events/test_catalogue.py"),
        ("__main__.py", "tests/test_main.py"),
        ("cli/__init__.py", "tests/cli/test_init.py"),
    ],
)
def test_the_rule_of_test_files(path: str, test: str) -> None:
    assert test_file_of(path) == test


def test_an_init_file_that_does_more_than_pass_on_needs_a_test() -> None:
    assert not needs_test('"""Doc."""\nfrom x import y\n__all__ = ["y"]\n', "btf/__init__.py")
    assert needs_test("def f():\n    return 1\n", "btf/__init__.py")
    assert needs_test("X = 1\n", "btf/elf.py")
