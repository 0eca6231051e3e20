"""Every way into the module calls: each calling convention, stopped calls, memory that cannot be read."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.kernel.calls import ABI, NUMBERS, by, call, image_of, marked, seen
from tests.kernel.conftest import HAS_MODULES, Watch

FAULT = "the page was not in memory, or nothing is mapped there"
NULL = "the caller passed NULL"
MODULE = "tcp_vegas"
NOBODY = 65534


@pytest.fixture(scope="module")
def sensor() -> Iterator[Watch]:
    watch = Watch("modules", canary_seconds=None)
    yield watch
    watch.sensor.close()


@pytest.fixture
def watch(sensor: Watch) -> Watch:
    sensor.events.clear()
    return sensor


def error_name(result: int) -> str | None:
    return errno.errorcode[-result] if result < 0 else None


@pytest.mark.parametrize("abi", ["64", "ia32", "x32"])
def test_each_convention_is_told_apart_and_decoded(watch: Watch, abi: str) -> None:
    wide = 0x1_2345_6789 if abi != "ia32" else 0x2345_6789  # 32-bit callers have 32-bit registers
    create = call(abi, "create_module", "s:rw_ways", wide, 4096, 0o644, 7)
    init = call(abi, "init_module", "s:not an image", 14, "s:depth=3")
    finit = call(abi, "finit_module", "fd:/dev/null", "s:depth=4", 0x12)
    delete = call(abi, "delete_module", "s:rw_not_loaded", 0xA00)
    query = call(abi, "query_module", "s:rw_ways", 2, 0x1000, 64, "null")
    syms = call(abi, "get_kernel_syms", 0x5000)

    event = seen(watch, create)
    assert (event.args.name, int(event.args.name_ptr, 16)) == ("rw_ways", create.registers[0])
    assert (event.args.code, event.args.len, event.args.mode) == (hex(wide), 4096, 0o644)
    assert event.args.flags == ("0x7",)
    event = seen(watch, init)
    assert (int(event.args.module_image, 16), event.args.len) == (init.registers[0], 14)
    assert event.args.param_values == "depth=3"
    event = seen(watch, finit)
    assert (event.args.fd, event.args.param_values) == (finit.registers[0], "depth=4")
    assert event.args.flags == ("MODULE_INIT_IGNORE_VERMAGIC", "0x10")
    assert event.args.file.path == "/dev/null"
    event = seen(watch, delete)
    assert (event.args.name, event.args.flags) == ("rw_not_loaded", ("O_NONBLOCK", "O_TRUNC"))
    event = seen(watch, query)
    assert (event.args.name, event.args.which, event.args.bufsize) == ("rw_ways", "QM_DEPS", 64)
    assert int(seen(watch, syms).args.table, 16) == 0x5000
    for made in (create, init, finit, delete, query, syms):
        event = seen(watch, made)
        assert (event.abi, event.result, event.error) == (ABI[abi], made.result, error_name(made.result))
        assert event.duration > 0
        assert event.hook == "tp_btf"
    expected = errno.ENOENT if HAS_MODULES and abi != "x32" else errno.ENOSYS
    assert abi == "x32" or -delete.result == expected, "the call itself did not do what the test relies on"


def test_a_number_of_another_convention_is_not_a_module_call(watch: Watch) -> None:
    """Linux 5.17's ia32 rt_sigprocmask is 175, as init_module is for 64-bit callers; and so on."""
    made = [call("ia32", f"={number}", 0, 0, 0, 8) for number in sorted(set(NUMBERS["64"].values()))]
    made += [call("64", f"={number}", 0, 0, 0, 0, 0) for number in sorted(set(NUMBERS["ia32"].values()))]
    made += [call("x32", f"={number}", 0, 0, 0, 0, 0) for number in sorted(set(NUMBERS["ia32"].values()))]
    assert made[1].result == 0, "ia32 175 with nothing to do should have been a successful rt_sigprocmask"
    marked(watch)
    assert [by(watch, one, *NUMBERS["64"]) for one in made] == [[]] * len(made)


@pytest.mark.modules
@pytest.mark.guest
@pytest.mark.parametrize("abi", ["64", "ia32"])
@pytest.mark.parametrize("name", ["init_module", "finit_module"])
def test_a_load_and_its_unload_by_each_convention(watch: Watch, abi: str, name: str) -> None:
    image = image_of(MODULE)
    if name == "init_module":
        load = call(abi, name, f"image:{image}", f"size:{image}", "s:alpha=35")
    else:
        load = call(abi, name, f"fd:{image}", "s:alpha=35", 0)
    shown = Path(f"/sys/module/{MODULE}/parameters/alpha").read_text().strip()
    delete = call(abi, "delete_module", f"s:{MODULE}", 0x800)
    assert (load.result, delete.result, shown) == (0, 0, "35")
    event = seen(watch, load)
    assert (event.abi, event.result, event.args.param_values) == (ABI[abi], 0, "alpha=35")
    assert event.sources["param_values"] == "kernel"
    assert event.load.module == MODULE
    assert event.load.digest == hashlib.sha256(image.read_bytes()).hexdigest()
    steps = {step.event: step.load.id for step in by(watch, load)}
    assert set(steps) == {name, "module_digest", "module_load", "do_init_module"}
    assert set(steps.values()) == {event.load.id}
    event = seen(watch, delete)
    assert (event.abi, event.result, event.args.name, event.args.refcount) == (ABI[abi], 0, MODULE, 0)
    assert [free.load.id for free in by(watch, delete, "module_free")] == [steps[name]]


@pytest.mark.parametrize("abi", ["64", "ia32"])
@pytest.mark.parametrize("name", ["finit_module", "delete_module"])
def test_an_attempt_that_seccomp_stops_is_seen_from_its_exit(watch: Watch, abi: str, name: str) -> None:
    arguments = ("fd:/dev/null", "s:depth=5", 1) if name == "finit_module" else ("s:rw_stopped", 0x800)
    made = call(abi, name, *arguments, stop="errno")
    assert made.result == -errno.EPERM
    event = seen(watch, made)
    assert (event.abi, event.result, event.error, event.duration) == (ABI[abi], -errno.EPERM, "EPERM", None)
    assert "seccomp" in event.unread["duration"]
    if name == "finit_module":
        assert (event.args.param_values, event.args.flags) == ("depth=5", ("MODULE_INIT_IGNORE_MODVERSIONS",))
        assert event.args.file.path == "/dev/null"
    else:
        assert (event.args.name, event.args.flags) == ("rw_stopped", ("O_NONBLOCK",))
        assert (event.args.refcount, event.args.holders) == (None, None)
        assert {"refcount", "holders"} <= set(event.unread)


@pytest.mark.parametrize("how", ["trap", "kill"])
def test_an_attempt_that_seccomp_ends_by_a_signal_has_no_result(watch: Watch, how: str) -> None:
    """systemd's SystemCallFilter= does this: the kernel puts the call's own number where the result would stand."""
    made = call("64", "delete_module", "s:rw_killed", 0, stop=how)
    assert (made.result, made.status) == (None, -31), "SIGSYS should have ended it"
    event = seen(watch, made)
    assert (event.args.name, event.result, event.error) == ("rw_killed", None, None)
    assert "no result" in event.unread["result"]


@pytest.mark.parametrize("way", ["cold", "dontneed", "straddle"])
def test_a_name_on_a_page_that_is_not_there_yet(watch: Watch, way: str) -> None:
    made = call("64", "delete_module", f"{way}:rw_not_in_memory", 0x800)
    event = seen(watch, made)
    if HAS_MODULES:  # the kernel has copied it, and so can be read
        assert made.result == -errno.ENOENT
        assert (event.args.name, event.sources["name"]) == ("rw_not_in_memory", "kernel")
        assert "name" not in event.unread
    else:  # nobody has touched the page, not even the kernel
        assert made.result == -errno.ENOSYS
        assert (event.args.name, event.unread["name"]) == (None, FAULT)
        assert "name" not in event.sources


@pytest.mark.parametrize("way", ["cold", "dontneed", "straddle"])
def test_a_page_that_even_the_call_does_not_touch(watch: Watch, way: str) -> None:
    made = call("64", "create_module", f"{way}:rw_nobody_reads_it")
    event = seen(watch, made)
    assert (event.args.name, event.unread["name"]) == (None, FAULT)
    assert int(event.args.name_ptr, 16) == made.registers[0]


@pytest.mark.modules
@pytest.mark.guest
@pytest.mark.parametrize("way", ["cold", "dontneed"])
def test_parameters_on_a_page_that_is_not_there_yet(watch: Watch, way: str) -> None:
    image = image_of(MODULE)
    made = call("64", "finit_module", f"fd:{image}", f"{way}:alpha=41", 0)
    delete = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert (made.result, delete.result) == (0, 0)
    event = seen(watch, made)
    assert (event.args.param_values, event.sources["param_values"]) == ("alpha=41", "kernel")


@pytest.mark.modules
@pytest.mark.guest
def test_what_the_call_has_brought_into_memory_is_read_at_exit(watch: Watch, tmp_path: Path) -> None:
    """The image is copied and refused, so that the parameters, which stand inside it, never are."""
    image = tmp_path / "image"
    image.write_bytes(b"#" * 100 + b"depth=6\0" + b"#" * 100)
    made = call("64", "init_module", f"image:{image}", f"size:{image}", "inside:100")
    assert made.result == -errno.ENOEXEC
    event = seen(watch, made)
    assert (event.args.param_values, event.sources["param_values"]) == ("depth=6", "exit")


@cache
def readable_kernel_address() -> str:
    """Return where the kernel has its version text, or an address of its text mapping where it hides that."""
    found = re.search(r"^([0-9a-f]+) \w linux_banner$", Path("/proc/kallsyms").read_text(), re.MULTILINE)
    return found.group(1) if found and int(found.group(1), 16) else "ffffffff81000000"


@pytest.mark.parametrize(
    ("where", "reason"),
    [("null", NULL), ("unmapped", FAULT), ("edge:no_end", FAULT), ("kernel", FAULT)],
)
@pytest.mark.parametrize("name", ["create_module", "delete_module", "finit_module"])
def test_an_address_that_holds_no_string(watch: Watch, name: str, where: str, reason: str) -> None:
    if where == "kernel":
        where = f"kernel:0x{readable_kernel_address()}"
    made = call("64", name, "fd:/dev/null", where, 0) if name == "finit_module" else call("64", name, where, 0)
    event = seen(watch, made)
    field = "param_values" if name == "finit_module" else "name"
    assert (getattr(event.args, field), event.unread[field]) == (None, reason)
    assert field not in event.sources


def test_a_string_that_is_too_long_is_cut_and_said_so(watch: Watch) -> None:
    made = [
        call("64", "create_module", "long:5000"),
        call("64", "finit_module", "fd:/dev/null", "long:5000", 0),
        call("64", "init_module", "s:not an image", 14, "long:5000"),
    ]
    for one, field in zip(made, ("name", "param_values", "param_values"), strict=True):
        event = seen(watch, one)
        text = getattr(event.args, field)
        assert set(text) == {"x"}
        assert event.unread[field] == f"cut after {len(text)} bytes"
        assert 1000 <= len(text) < 5000
        assert event.differences == ()


@pytest.mark.modules
@pytest.mark.guest
def test_parameters_that_are_too_long_are_cut_in_the_kernels_copy_too(watch: Watch) -> None:
    """An unknown parameter is ignored with a line in the log, however long it is."""
    made = call("64", "finit_module", f"fd:{image_of(MODULE)}", "long:5000", 0)
    delete = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert (made.result, delete.result) == (0, 0)
    event = seen(watch, made)
    assert event.sources["param_values"] == "kernel"
    assert event.unread["param_values"] == f"cut after {len(event.args.param_values)} bytes"
    assert event.differences == ()


def test_a_caller_in_its_own_namespaces(watch: Watch) -> None:
    """In there it is root and the first process; outside it is nobody, with a number of its own."""
    drop = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    made = call("64", "delete_module", "s:rw_from_inside", 0, start=(*drop, "unshare", "-Urpf"))
    own_ns = int(Path("/proc/self/ns/user").stat().st_ino)
    assert made.user_ns != own_ns
    assert made.uid == 0
    assert made.result == (-errno.EPERM if HAS_MODULES else -errno.ENOSYS)
    event = seen(watch, made)
    assert (event.process.uid, event.process.euid) == (NOBODY, NOBODY)
    assert (event.process.namespaces["user"], event.process.namespaces["pid"]) == (made.user_ns, made.pid_ns)
    assert (event.args.name, event.result) == ("rw_from_inside", made.result)
