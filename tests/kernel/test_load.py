"""Loads: each step joined under one id, and every value as the kernel and other tools have it."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import (
    SECONDS,
    attribute,
    call_of,
    image,
    listed,
    module_file,
    own_module,
    remove,
    sha256sum,
    stat_of,
    steps_of,
)

pytestmark = [pytest.mark.guest, pytest.mark.modules]
STEPS = ["module_digest", "module_load", "do_init_module"]
OWN = ("rw_param", "rw_hang", "rw_fail")


@pytest.fixture(scope="module")
def opened() -> Iterator[Watch]:
    w = Watch("modules", "usermodehelper")
    assert w.info.missing == {}
    yield w
    assert [e.args for e in (*w.events, *w.sensor.close()) if e.event == "events_lost"] == []


@pytest.fixture
def w(opened: Watch) -> Iterator[Watch]:
    opened.clear()
    yield opened
    remove("msdos", "fat", "softdog", *OWN)


@pytest.fixture
def load(program: Callable[[str], Path]) -> Callable[..., subprocess.Popen[str]]:
    path = program("load")
    return lambda *args, **more: subprocess.Popen([path, *map(str, args)], stdout=subprocess.PIPE, text=True, **more)


def ended(process: subprocess.Popen[str]) -> tuple[int, int, int, int]:
    """Wait for the load program; return result, descriptor, address and length as it printed them."""
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, f"the load program ended with {process.returncode}"
    result, fd, address, length = out.split()
    return int(result), int(fd), int(address, 16), int(length)


def calls(w: Watch, pid: int, count: int = 1) -> list[Event]:
    """Wait for so many returned module calls of a process."""
    w.until(lambda events: len([e for e in call_of(events, pid) if e.result is not None]) >= count, SECONDS)
    found = [e for e in call_of(w.events, pid) if e.result is not None]
    assert len(found) == count
    return found


def step(w: Watch, name: str, call: Event) -> Event:
    """Return the one event of this name that belongs to the same load as a call."""
    (found,) = [e for e in w.events if e.event == name and e.load and e.load.id == call.load.id]
    assert found.process == call.process
    return found


def check_loaded(w: Watch, call: Event, name: str, file: Path) -> None:
    """Compare everything that is told of a successful load with other witnesses."""
    assert call.result == 0
    assert call.load.module == name
    assert steps_of(w.events, call.load.id) == [*STEPS, call.event]
    digest, linked, init = (step(w, step_name, call) for step_name in STEPS)
    assert digest.args.digest == call.load.digest == sha256sum(file)
    assert digest.args.size == file.stat().st_size
    assert digest.args.format == "elf"
    assert digest.args.has_signature == file.read_bytes().endswith(b"~Module signature appended~\n")
    assert digest.duration is None or digest.duration > 0
    line = listed()[name]
    assert (linked.args.name, linked.args.base) == (name, line.base)
    # Init sections are freed by the time /proc/modules is read here.
    assert linked.args.size >= line.size == int(attribute(name, "coresize"))
    assert linked.args.taints == line.taints == tuple(attribute(name, "taint"))
    assert linked.args.version == attribute(name, "version")
    assert linked.args.srcversion == attribute(name, "srcversion")
    assert (init.result, init.args.name) == (0, name)
    assert 0 < init.duration < call.duration
    assert linked.ktime < init.ktime < call.ktime
    assert call.ktime - call.duration < digest.ktime < linked.ktime


def test_modprobe_with_its_dependency(w, folder):
    process = subprocess.Popen(["modprobe", "msdos"])
    assert process.wait() == 0
    first, second = calls(w, process.pid, 2)
    check_loaded(w, first, "fat", image("fat", folder))
    check_loaded(w, second, "msdos", image("msdos", folder))
    # kmod of Debian 12 decompresses a .ko.xz itself, and gives the kernel memory instead of the file.
    expected = "init_module" if module_file("fat").suffix == ".xz" else "finit_module"
    assert {first.event, second.event} == {expected}
    assert first.load.id.rpartition(".")[0] == second.load.id.rpartition(".")[0]
    assert first.load.id != second.load.id
    assert (first.load.needed_by.name, first.load.needed_by.load) == ("msdos", second.load.id)
    assert [(need.name, need.load) for need in second.load.uses] == [("fat", first.load.id)]
    assert (first.load.uses, second.load.needed_by) == ((), None)
    assert listed()["fat"].holders == ("msdos",)
    assert step(w, "module_load", second).args.uses == ("fat",)
    comm = Path("/proc/self/comm").read_text().strip()
    for call in (first, second):
        origin = call.load.origin
        assert (origin.kind, origin.text) == ("command", f"modprobe msdos, by {comm}[{os.getpid()}]")
        assert (call.process.exe, call.process.args) == ("/usr/bin/kmod", ("modprobe", "msdos"))
        assert (call.process.ppid, call.process.ancestors[0].pid) == (os.getpid(), os.getpid())
        assert (call.process.uid, call.process.comm, call.abi) == (0, "modprobe", "64-bit")
        assert call.args.param_values == ""
        assert call.sources["param_values"] == "kernel"
        assert call.differences == ()


def test_a_module_that_is_loaded_already(w):
    subprocess.run(["modprobe", "fat"], check=True)
    process = subprocess.Popen(["modprobe", "msdos"])
    assert process.wait() == 0
    (call,) = calls(w, process.pid)
    (fat,) = [e for e in w.events if e.event == "module_load" and e.args.name == "fat"]
    assert [(need.name, need.load) for need in call.load.uses] == [("fat", fat.load.id)]
    (fat_call,) = [e for e in w.events if e.event == call.event and e.load.id == fat.load.id]
    assert fat_call.load.needed_by is None, "another command loaded it before"
    assert fat.load.id.rpartition(".")[0] != call.load.id.rpartition(".")[0]


def test_insmod_of_one_and_then_the_other(w, folder):
    found = {}
    for name in ("fat", "msdos"):
        file = image(name, folder)
        process = subprocess.Popen(["insmod", file])
        assert process.wait() == 0
        (call,) = calls(w, process.pid)
        assert call.event == "finit_module"
        check_loaded(w, call, name, file)
        assert call.args.file.path == str(file)
        assert (call.args.file.dev, call.args.file.inode, call.args.file.ctime) == stat_of(file)
        assert call.args.file.deleted is False
        assert step(w, "module_digest", call).args.file == call.args.file
        assert (call.sources["file"], call.differences, call.args.flags) == ("kernel", (), ())
        assert call.load.origin.kind == "command"
        assert call.load.origin.text.startswith(f"insmod {file}, by ")
        found[name] = call
    assert [(need.name, need.load) for need in found["msdos"].load.uses] == [("fat", found["fat"].load.id)]
    assert found["fat"].load.needed_by is None


def test_one_alone_fails_for_its_symbols(w, folder):
    file = image("msdos", folder)
    process = subprocess.Popen(["insmod", file], stderr=subprocess.PIPE, text=True)
    _, said = process.communicate()
    assert process.returncode != 0
    assert "Unknown symbol in module" in said
    (call,) = calls(w, process.pid)
    assert (call.result, call.error) == (-errno.ENOENT, "ENOENT")
    assert steps_of(w.events, call.load.id) == ["module_digest", "finit_module"]
    assert call.load.digest == step(w, "module_digest", call).args.digest == sha256sum(file)
    assert call.load.module is None
    # The kernel copies the parameters last.
    assert (call.args.param_values, call.sources["param_values"]) == ("", "entry")
    assert "msdos" not in listed()


def test_a_parameter_and_what_strace_saw(w, folder):
    trace = folder / "trace"
    command = ["strace", "-f", "-o", trace, "-e", "trace=init_module,finit_module", "-s", "200"]
    process = subprocess.Popen([*command, "modprobe", "softdog", "soft_margin=30"])
    assert process.wait() == 0
    log = subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout
    (said,) = [line for line in log.splitlines() if "softdog: initialized" in line]
    assert "soft_margin=30 sec" in said
    w.until(lambda _: [e for e in w.of("do_init_module", name="softdog") if e.load], SECONDS)
    pid = w.of("do_init_module", name="softdog")[0].process.pid
    call = calls(w, pid, len([line for line in trace.read_text().splitlines() if "init_module(" in line]))[-1]
    check_loaded(w, call, "softdog", image("softdog", folder))
    assert (call.args.param_values, call.sources["param_values"]) == ("soft_margin=30", "kernel")
    assert call.load.origin.text == f"modprobe softdog soft_margin=30, by strace[{process.pid}]"
    line = trace.read_text().splitlines()[-2]
    assert line.startswith(f"{pid} ")
    if call.event == "init_module":
        pointer, length = re.search(r"init_module\((0x[0-9a-f]+|\S+), (\d+), \"soft_margin=30\"\) = 0", line).groups()
        assert call.args.len == int(length)
        assert int(call.args.module_image, 16) % os.sysconf("SC_PAGE_SIZE") == int(pointer, 16) % 4096
        assert call.args.module_image == pointer
    else:
        assert re.search(rf"finit_module\({call.args.fd}, \"soft_margin=30\", 0\) += 0", line)


def test_memory_is_what_the_caller_gave(w, load, folder):
    file = image("fat", folder)
    process = load("init", file, "")
    result, _, address, length = ended(process)
    (call,) = calls(w, process.pid)
    assert result == 0
    check_loaded(w, call, "fat", file)
    assert (call.event, call.args.module_image, call.args.len) == ("init_module", hex(address), length)
    digest = step(w, "module_digest", call)
    assert digest.args.file is None
    assert "file" in digest.unread


def test_a_memfd_has_no_name(w, load, folder):
    file = image("fat", folder)
    process = load("memfd", file, "", 0)
    result, fd, _, _ = ended(process)
    (call,) = calls(w, process.pid)
    assert result == 0
    check_loaded(w, call, "fat", file)
    assert (call.args.fd, call.args.file.deleted) == (fd, True)
    assert "memfd:image" in call.args.file.path


def test_init_fails_by_its_own_error(w, load):
    file = own_module("rw_fail")
    process = load("finit", file, "error=16", 0)
    assert ended(process)[0] == -errno.EBUSY
    (call,) = calls(w, process.pid)
    assert (call.result, call.error) == (-errno.EBUSY, "EBUSY")
    assert steps_of(w.events, call.load.id) == [
        "module_digest",
        "module_load",
        "module_free",  # inside do_init_module()
        "do_init_module",
        "finit_module",
    ]
    init, freed, linked = (step(w, name, call) for name in ("do_init_module", "module_free", "module_load"))
    assert (init.result, init.error, init.args.name) == (-errno.EBUSY, "EBUSY", "rw_fail")
    assert (freed.args.name, freed.args.base) == ("rw_fail", linked.args.base)
    assert call.load.digest == sha256sum(file)
    assert (call.args.param_values, call.sources["param_values"]) == ("error=16", "kernel")
    assert "rw_fail" not in listed()


def test_init_that_does_not_return(w, load):
    file = own_module("rw_hang")
    began = time.monotonic()
    process = load("finit", file, "seconds=4", 0)
    w.until(lambda events: call_of(events, process.pid), SECONDS)
    assert process.poll() is None, "the call has returned already"
    (early,) = call_of(w.events, process.pid)
    assert time.monotonic() - began >= 1
    assert (early.result, early.error, early.duration) == (None, None, None)
    assert re.fullmatch(r"the call has not returned after \d+\.\d s", early.unread["result"])
    assert (early.args.param_values, early.sources["param_values"]) == ("seconds=4", "entry")
    line = listed()["rw_hang"]
    assert line.state == "Loading"
    linked = step(w, "module_load", early)
    # While it loads, /proc/modules counts the init sections too.
    assert (linked.args.size, linked.args.base) == (line.size, line.base)
    assert ended(process)[0] == 0
    (late,) = calls(w, process.pid)
    assert (late.result, late.load.id, late.unread) == (0, early.load.id, {})
    assert late.sources["param_values"] == "kernel"
    init = step(w, "do_init_module", late)
    assert late.duration > init.duration >= 4_000_000_000


def test_version_and_taint_of_our_own(w, load):
    file = own_module("rw_param")
    process = load("finit", file, 'text="two words"', 0)
    assert ended(process)[0] == 0
    (call,) = calls(w, process.pid)
    check_loaded(w, call, "rw_param", file)
    linked = step(w, "module_load", call)
    assert linked.args.version == attribute("rw_param", "version") == "1.2.3"
    assert linked.args.srcversion == attribute("rw_param", "srcversion") is not None
    assert set(linked.args.taints) == {"O", "E"}
    assert step(w, "module_digest", call).args.has_signature is False
    assert call.args.param_values == 'text="two words"'
    assert attribute("rw_param", "parameters/text") == "two words"


@pytest.mark.parametrize(
    ("form", "command"),
    [("xz", ["xz", "--check=crc32", "-c"]), ("gzip", ["gzip", "-c"]), ("zstd", ["zstd", "-qc"])],
)
def test_a_file_that_the_kernel_decompresses(w, load, folder, form, command):
    file = folder / "fat.ko.compressed"
    with file.open("wb") as out:
        subprocess.run([*command, image("fat", folder)], check=True, stdout=out)
    process = load("finit", file, "", 4)
    result = ended(process)[0]
    # CONFIG_MODULE_DECOMPRESS is off in Debian's 6.1; its 6.12 can do what this file names.
    able = Path("/sys/module/compression")
    assert (result == 0) == (able.exists() and able.read_text().strip() == form)
    (call,) = calls(w, process.pid)
    assert (call.result, call.args.flags) == (result, ("MODULE_INIT_COMPRESSED_FILE",))
    digest = step(w, "module_digest", call).args
    assert (digest.format, digest.digest, digest.has_signature) == (form, sha256sum(file), False)
    assert (digest.size, digest.file.path) == (file.stat().st_size, str(file))
    assert call.load.digest == digest.digest
    assert ("fat" in listed()) == (result == 0)
    assert steps_of(w.events, call.load.id) == [*(STEPS if result == 0 else STEPS[:1]), "finit_module"]


@pytest.mark.parametrize("size", [1, 55, 56, 63, 64, 65, 119, 120, 128, 511, 512, 513, 4096, (4 << 20) + 61])
def test_digest_of_any_size(w, load, folder, size):
    file = folder / "noise"
    file.write_bytes(os.urandom(size))
    process = load("finit", file, "", 0)
    assert ended(process)[0] == -errno.ENOEXEC
    (call,) = calls(w, process.pid)
    digest = step(w, "module_digest", call).args
    assert (digest.digest, digest.size, digest.has_signature) == (sha256sum(file), size, False)


def test_unknown_flags_are_shown(w, load, folder):
    process = load("finit", image("fat", folder), "", 0x103)
    assert ended(process)[0] == -errno.EINVAL
    (call,) = calls(w, process.pid)
    names = ("MODULE_INIT_IGNORE_MODVERSIONS", "MODULE_INIT_IGNORE_VERMAGIC", "0x100")
    assert (call.args.flags, call.error) == (names, "EINVAL")
    assert steps_of(w.events, call.load.id) == ["finit_module"]
    assert call.load.digest is None


def test_what_is_no_module_has_a_digest(w, load, folder):
    file = folder / "text"
    file.write_text("this is no module\n" * 10)
    process = load("finit", file, "a=1", 0)
    assert ended(process)[0] == -errno.ENOEXEC
    (call,) = calls(w, process.pid)
    digest = step(w, "module_digest", call).args
    assert (digest.format, digest.digest, digest.size) == ("unknown", sha256sum(file), file.stat().st_size)
    assert (call.args.param_values, call.error) == ("a=1", "ENOEXEC")


def test_without_the_privilege(w, load, folder):
    process = load("finit", image("fat", folder), "x=y", 0, user=NOBODY, group=NOBODY, extra_groups=[])
    assert ended(process)[0] == -errno.EPERM
    (call,) = calls(w, process.pid)
    assert (call.error, call.process.uid, call.process.euid, call.process.gid) == ("EPERM", NOBODY, NOBODY, NOBODY)
    assert (call.args.param_values, call.sources["file"]) == ("x=y", "entry")
    assert call.args.file.path == str(folder / "fat.ko")
    assert steps_of(w.events, call.load.id) == ["finit_module"]
