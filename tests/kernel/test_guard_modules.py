"""What the guard judges of modules: logged in monitor, refused in enforce before anything of the module runs."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.trust.patterns import parse, parse_name, parse_parameter
from ringward.trust.rules import FORCED, Action, Flag, Mode, Operation, Rule
from tests.kernel.calls import Called, built, call
from tests.kernel.guarding import BOTH, Guarded, digest_of, guard_fixture, policy_of  # noqa: F401 - a fixture
from tests.kernel.programs import folder_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import image, listed, own_module, remove, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules]

MODULES = (Operation.MODULES,)
SIGNER = "a0" * 20


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    remove("rw_param", "dummy")
    yield
    remove("rw_param", "dummy")


def by_file(path: Path, parameters: str = "", flags: int = 0) -> Called:
    return call("64", "finit_module", f"fd:{path}", f"s:{parameters}", flags)


def by_memory(path: Path, parameters: str = "") -> Called:
    return call("64", "init_module", f"image:{path}", f"size:{path}", f"s:{parameters}")


def check_denied(w: Guarded, called: Called, path: Path, module: str, **fields: object) -> None:
    """Check that a load was refused in enforce and let through in monitor, and told alike."""
    w.verdict(Operation.MODULES, called.pid, verdict="deny", digest=sha256sum(path), **fields)
    assert called.result == (-errno.EKEYREJECTED if w.enforces else 0)
    assert (module in listed()) == (not w.enforces)
    if not w.enforces:
        remove(module)


def check_allowed(w: Guarded, called: Called, path: Path, module: str, **fields: object) -> None:
    w.verdict(Operation.MODULES, called.pid, verdict="allow", digest=sha256sum(path), **fields)
    assert called.result == 0
    assert module in listed()
    remove(module)


WAYS = {"finit_module": by_file, "init_module": by_memory}


@BOTH
def test_an_unknown_module_and_one_flipped_byte(guard: Guarded, mode: Mode, folder: Path) -> None:
    known, param = image("dummy", folder), own_module("rw_param")
    flipped = folder / "flipped.ko"
    data = bytearray(param.read_bytes())
    # A byte of its description: the kernel would take it.
    data[data.index(b"Ringward test module: a string")] ^= 0x20
    flipped.write_bytes(data)
    with guard.deciding(*policy_of(trusted=[digest_of(known)]), mode, MODULES) as w:
        for way, load in WAYS.items():
            check_allowed(w, load(known), known, "dummy", made_by="digest", name="dummy")
            called = load(param)
            check_denied(w, called, param, "rw_param", made_by="default", name="rw_param")
            (event,) = [e for e in w.of("module_verdict", digest=sha256sum(param)) if e.process.pid == called.pid]
            assert event.args.flags == (() if way == "finit_module" else ("NO_FILE",))
            assert event.args.size == param.stat().st_size
            assert (event.args.file.path if event.args.file else None) == (
                str(param) if way == "finit_module" else None
            )
            assert (event.args.origin, event.args.stage) == ("command", "image")
            assert event.hook == "lsm"
    with guard.deciding(*policy_of(trusted=[digest_of(param)]), mode, MODULES) as w:
        for load in WAYS.values():
            check_denied(w, load(flipped), flipped, "rw_param", made_by="default")
            check_allowed(w, load(param), param, "rw_param", made_by="digest")


@BOTH
def test_a_forbidden_parameter_of_a_known_module(guard: Guarded, mode: Mode, folder: Path) -> None:
    param = own_module("rw_param")
    rule = Rule("no-bad", Action.DENY, parameters=(parse_parameter("text=bad*"),), names=(parse_name("rw-param"),))
    with guard.deciding(*policy_of([rule], [digest_of(param)]), mode, MODULES) as w:
        for load in WAYS.values():
            check_allowed(w, load(param, "text=good"), param, "rw_param", param_values="text=good")
            called = load(param, "text=badly")
            check_denied(w, called, param, "rw_param", rule="no-bad", made_by="deny rule", param_values="text=badly")
            quoted = load(param, '"text=bad"')
            check_denied(w, quoted, param, "rw_param", rule="no-bad", param_values='"text=bad"')


@BOTH
def test_parameters_that_could_not_be_read_count_as_forbidden(guard: Guarded, mode: Mode) -> None:
    param = own_module("rw_param")
    rule = Rule("no-bad", Action.DENY, parameters=(parse_parameter("text=bad"),))
    with guard.deciding(*policy_of([rule], [digest_of(param)]), mode, MODULES) as w:
        called = call("64", "finit_module", f"fd:{param}", "cold:text=good", 0)
        check_denied(w, called, param, "rw_param", rule="no-bad", fact_unread=True)


@BOTH
def test_a_forced_load(guard: Guarded, mode: Mode) -> None:
    param = own_module("rw_param")
    rule = Rule("no-force", Action.DENY, flags=FORCED)
    with guard.deciding(*policy_of([rule], [digest_of(param)]), mode, MODULES) as w:
        check_allowed(w, by_file(param), param, "rw_param")
        for flag, name in ((1, "MODULE_INIT_IGNORE_MODVERSIONS"), (2, "MODULE_INIT_IGNORE_VERMAGIC")):
            check_denied(w, by_file(param, flags=flag), param, "rw_param", rule="no-force", flags=(name,))


@BOTH
def test_an_unsigned_module_where_a_rule_wants_a_signer(guard: Guarded, mode: Mode, folder: Path) -> None:
    signed, unsigned = image("dummy", folder), own_module("rw_param")
    rule = Rule("distribution", Action.ALLOW, signers=(SIGNER,))
    # Whose signature a digest has is the database's to say: here it says so of one.
    holds = {digest_of(signed): ["distribution"], digest_of(unsigned): []}
    with guard.deciding(*policy_of([rule], holds=holds), mode, MODULES) as w:
        for load in WAYS.values():
            check_allowed(w, load(signed), signed, "dummy", made_by="signer", rule="distribution")
            check_denied(w, load(unsigned), unsigned, "rw_param", made_by="default", rule=None)


@BOTH
def test_a_rule_can_refuse_all_that_has_no_file(guard: Guarded, mode: Mode) -> None:
    param = own_module("rw_param")
    rule = Rule("files-only", Action.DENY, flags=Flag.NO_FILE)
    with guard.deciding(*policy_of([rule], [digest_of(param)]), mode, MODULES) as w:
        check_allowed(w, by_file(param), param, "rw_param")
        check_denied(w, by_memory(param), param, "rw_param", rule="files-only")


@BOTH
def test_what_a_32_bit_caller_loads(guard: Guarded, mode: Mode) -> None:
    param = own_module("rw_param")
    rule = Rule("no-force", Action.DENY, flags=FORCED)
    with guard.deciding(*policy_of([rule], [digest_of(param)]), mode, MODULES) as w:
        called = call("ia32", "finit_module", f"fd:{param}", "s:", 2)
        check_denied(w, called, param, "rw_param", rule="no-force")


@BOTH
def test_who_loads_it(guard: Guarded, mode: Mode) -> None:
    param = own_module("rw_param")
    rules = [
        Rule("not-root", Action.DENY, uids=((1, 0xFFFFFFFE),)),
        Rule("not-this-one", Action.DENY, programs=(parse(str(built("call"))),)),
    ]
    with guard.deciding(*policy_of(rules, [digest_of(param)]), mode, MODULES) as w:
        check_denied(w, by_file(param), param, "rw_param", rule="not-this-one")
        subprocess.run(["insmod", param], check=True)
        event = w.verdict(Operation.MODULES, verdict="allow", digest=sha256sum(param))
        assert event.process is not None
        process, here = event.process, event.process.ancestors[0]
        assert (process.exe, process.args) == ("/usr/bin/kmod", ("insmod", str(param)))
        assert (process.cwd, process.unread) == (str(Path.cwd()), {})
        assert (here.pid, here.exe, here.unread) == (os.getpid(), os.path.realpath("/proc/self/exe"), None)


def test_what_is_no_module_is_judged_too(guard: Guarded, folder: Path) -> None:
    text = folder / "text"
    text.write_text("no module\n" * 100)
    with guard.deciding(*policy_of(), Mode.ENFORCE, MODULES) as w:
        assert by_file(text).result == -errno.EKEYREJECTED
        event = w.verdict(Operation.MODULES, verdict="deny", digest=sha256sum(text))
        assert event.args.name is None
    assert by_file(text).result == -errno.ENOEXEC


def test_off_and_gone_nothing_is_denied(guard: Guarded) -> None:
    param = own_module("rw_param")
    with guard.deciding(*policy_of(), Mode.ENFORCE, MODULES) as w:
        assert by_file(param).result == -errno.EKEYREJECTED
        w.verdict(Operation.MODULES, verdict="deny")
    assert by_file(param).result == 0
