"""From records to events: attempts with results, loads with steps and origin, in any order that can happen."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import Event, Load, Need, Origin
from ringward.sensor.attempts import PENDING_NS
from ringward.sensor.join import HELD_NS
from ringward.sensor.origin import Cause
from tests.sensor.joined import EBUSY, ENODEV, ENOSYS, INIT, STEPS, UDEVD, WORKER, Joined, Judge, create, names
from tests.sensor.kernel_records import CANARY, INITRAMFS, SECOND, Proc, delete, finit


def load_of(event: Event) -> Load:
    assert event.load is not None
    return event.load


def origin_of(event: Event) -> Origin:
    found = load_of(event).origin
    assert found is not None
    return found


@pytest.fixture(params=[True, False], ids=["whole batches", "record by record"])
def j(request: pytest.FixtureRequest) -> Joined:
    return Joined(whole=request.param, modules={"ext4"})


def test_entry_and_return_are_one_event(j: Joined) -> None:
    shell = j.program("bash", exe="/usr/bin/bash")
    call = create(j, shell)
    assert j.feed(call.enter()) == []
    (event,) = j.feed(call.returns(ENOSYS))
    assert (event.event, event.result, event.error, event.abi) == ("create_module", ENOSYS, "ENOSYS", "64-bit")
    assert event.duration == event.ktime - call.entered_at > 0
    assert event.args.name == "old"
    assert (event.host, event.cpu, event.seq, event.hook) == ("h", 0, j.kernel.seq[0], "tp_btf")
    assert datetime.fromisoformat(event.time[:19] + "+00:00") == datetime.fromtimestamp(event.ktime // 10**9, UTC)
    assert event.process is not None
    assert (event.process.exe, event.process.args) == ("/usr/bin/bash", ("bash",))
    assert event.tags["name"]
    assert j.tick(10 * PENDING_NS) == []
    assert j.flush() == []


def test_msdos_and_the_fat_that_it_needed_are_one_chain(j: Joined) -> None:
    modprobe = j.program()
    fat = finit(j.kernel, modprobe, "/lib/modules/fat.ko")
    *before, load, init = j.feed(fat.enter(), fat.digest(), fat.load("fat"), fat.init("fat"), fat.returns())
    assert names([*before, load, init]) == ["module_digest", "module_load", "do_init_module"], "the call is held"
    assert len({load_of(event).id for event in (*before, load, init)}) == 1
    msdos = finit(j.kernel, modprobe, "/lib/modules/msdos.ko")
    assert names(j.feed(msdos.enter(), msdos.digest())) == ["module_digest"]
    released, linked = j.feed(msdos.load("msdos", ("fat", "ext4")))
    assert (released.event, linked.event) == ("finit_module", "module_load")
    assert load_of(released).needed_by == Need("msdos", load_of(linked).id)
    assert load_of(linked).uses == (Need("fat", load_of(released).id), Need("ext4", None))
    assert j.feed(msdos.init("msdos"), msdos.returns())[-1].event == "do_init_module"
    call, _exit = j.feed(j.kernel.exit(modprobe))
    assert (call.result, load_of(call).id, load_of(call).module) == (0, load_of(linked).id, "msdos")
    assert load_of(call).digest == "ab" * 32
    chain = load_of(released).id.rpartition(".")[0]
    assert (load_of(released).id, load_of(call).id) == (f"{chain}.1", f"{chain}.2")
    assert j.joiner.silent == {}


def test_a_finished_load_waits_a_little_for_the_one_that_needed_it(j: Joined) -> None:
    modprobe = j.program()
    assert "finit_module" not in names(j.load(modprobe, "fat"))
    assert j.tick(HELD_NS // 2) == []
    assert names(j.tick(HELD_NS)) == ["finit_module"]
    assert names(j.load(modprobe, "dummy")) == ["module_digest", "module_load", "do_init_module"]
    assert names(j.flush()) == ["finit_module"]
    assert j.flush() == []


def test_separate_programs_are_separate_chains(j: Joined) -> None:
    shell = j.program("bash", exe="/usr/bin/bash")
    j.load(j.program("insmod", "fat.ko", parent=shell), "fat")
    j.load(j.program("insmod", "msdos.ko", parent=shell), "msdos", ("fat",))
    j.flush()
    fat, msdos = j.of("finit_module")
    assert load_of(fat).needed_by is None
    assert load_of(msdos).uses == (Need("fat", load_of(fat).id),)
    assert origin_of(fat).text == f"insmod fat.ko, by bash[{shell.pid}]"


def test_an_init_that_fails_has_its_steps_and_its_end(j: Joined) -> None:
    call = finit(j.kernel, j.program())
    found = j.feed(
        call.enter(), call.digest(), call.load("x"), call.init("x", ENODEV), call.free("x"), call.returns(ENODEV)
    )
    assert names(found) == ["module_digest", "module_load", "do_init_module", "module_free", "finit_module"]
    assert [e.result for e in found] == [None, None, ENODEV, None, ENODEV]
    assert len({load_of(event).id for event in found}) == 1


def test_a_request_is_the_origin_of_what_modprobe_loads_for_it(j: Joined) -> None:
    python = j.program("python3", "x.py", exe="/usr/bin/python3")
    number, modprobe = j.autoload("net-pf-5", python)
    for module, uses in (("llc", ()), ("psnap", ("llc",)), ("appletalk", ("psnap", "llc"))):
        j.load(modprobe, module, uses)
    j.feed(j.kernel.exit(modprobe))
    for event in [*j.of("module_request"), *j.of("usermodehelper"), *j.of("process_exec")[1:]]:
        assert load_of(event).id == f"{number:x}"
    calls = j.of("finit_module")
    assert [e.load.id for e in calls if e.load] == [f"{number:x}.{n}" for n in (1, 2, 3)]
    assert [e.load.needed_by.name for e in calls if e.load and e.load.needed_by] == ["psnap", "appletalk"]
    for event in calls:
        origin = origin_of(event)
        assert (origin.kind, origin.alias, origin.request) == ("request", "net-pf-5", f"{number:x}")
        assert origin.requester is not None
        assert (origin.requester.pid, origin.requester.exe) == (python.pid, "/usr/bin/python3")
        assert event.process is not None
        assert [a.comm for a in event.process.ancestors][:1] == [None], "a kworker tells nothing of who asked"
    assert j.of("process_exit")[-1].load is not None


def test_a_request_that_was_not_seen_still_joins_the_loads(j: Joined) -> None:
    helper = j.kernel.process(INIT, "kworker/0:0")
    j.feed(j.kernel.helper(helper, 0xBEEF), j.kernel.exec(helper))
    j.load(helper, "a")
    (event,) = j.flush()
    assert (load_of(event).id, origin_of(event).kind, origin_of(event).alias) == ("beef.1", "request", None)


def test_a_refused_request_has_its_result(j: Joined) -> None:
    proc = j.program()
    (event,) = j.feed(j.kernel.record("module_request", proc, request=7, alias="x", wait=-1, result=-1))
    assert (event.result, event.error) == (-1, "EPERM")


def test_udev_loads_for_the_device_that_its_worker_is_at(j: Joined) -> None:
    worker = j.program("(udev-worker)", exe=UDEVD)
    j.udev(worker, 0, DEVPATH="/devices/a", MODALIAS="pci:a", SEQNUM="1")
    j.load(worker, "one")
    j.udev(worker, 1, DEVPATH="/devices/a", MODALIAS="pci:a")
    j.udev(worker, 0, DEVPATH="/devices/b")
    j.load(worker, "two")
    j.flush()
    one, two = map(origin_of, j.of("finit_module"))
    assert (one.kind, one.device, one.modalias) == ("udev", "/devices/a", "pci:a")
    assert (two.device, two.modalias, set(two.unread)) == ("/devices/b", None, {"modalias"})


def test_the_first_device_of_a_worker_is_named_when_it_is_done(j: Joined) -> None:
    worker = j.program("(udev-worker)", exe=UDEVD)
    modprobe = j.program("modprobe", parent=worker)
    j.load(worker, "one")
    j.load(modprobe, "two")
    j.udev(worker, 1, DEVPATH="/devices/a", MODALIAS="pci:a")
    j.load(worker, "three")
    j.flush()
    devices = [origin_of(event).device for event in j.of("finit_module")]
    assert devices == ["/devices/a", "/devices/a", None], "after that it is at none"


def test_the_initramfs_is_an_origin(j: Joined) -> None:
    j.load(j.program("insmod", flags=INITRAMFS), "x")
    (event,) = j.flush()
    assert origin_of(event).kind == "initramfs"


@pytest.mark.parametrize("whole", [True, False])
def test_a_call_that_linux_has_not_had_for_long_is_judged_by_what_a_load_is(whole: bool) -> None:
    judge = Judge()
    j = Joined(whole=whole, judge=judge)

    def judged(proc: Proc) -> Cause:
        call = create(j, proc)
        found = j.feed(call.enter(), call.returns(ENOSYS))
        assert [event.hook for event in found] == ["tp_btf", "sensor"]
        return judge.causes.pop()

    python = j.program("python3", exe="/usr/bin/python3")
    by_hand = judged(python)
    assert (by_hand.origin.kind, by_hand.initramfs, by_hand.lost) == ("command", False, False)
    number, modprobe = j.autoload("net-pf-5", python)
    for proc in (modprobe, j.program("sh", exe="/bin/sh", parent=modprobe)):
        asked = judged(proc).origin
        assert (asked.kind, asked.alias, asked.request) == ("request", "net-pf-5", f"{number:x}")
    assert judged(j.program(exe=UDEVD)).origin.kind == "udev"
    early = judged(j.program(exe=UDEVD, flags=INITRAMFS))
    assert (early.origin.kind, early.initramfs) == ("udev", True)
    j.lost_at = 1
    assert judged(python).lost
    assert judge.causes == []


def test_a_process_that_nobody_follows_is_judged_by_its_request() -> None:
    """As the guard has it: of a process only what it is is told, before what it does."""
    judge = Judge()
    j = Joined(judge=judge)
    number, raw = j.kernel.request(j.kernel.process(INIT, "python3"), "net-pf-5")
    modprobe = j.kernel.process(WORKER, "modprobe")
    child = j.kernel.process(modprobe, "sh")
    call = create(j, child)
    j.feed(
        *(raw, j.kernel.helper(modprobe, number)),
        *(j.kernel.context(child, "/bin/sh", ("sh",)), j.kernel.context(modprobe, "/usr/bin/kmod")),
        *(call.enter(), call.returns(ENOSYS)),
    )
    (cause,) = judge.causes
    assert (cause.origin.kind, cause.origin.alias) == ("request", "net-pf-5")


def test_a_load_that_lacks_a_step_shows_a_silent_hook(j: Joined) -> None:
    call = finit(j.kernel, j.program())
    j.feed(call.enter(), call.load("x"), call.init("x"), call.returns())
    (event,) = j.flush()
    assert j.joiner.silent == {"module_digest": load_of(event).id}
    assert event.unread["load.module_digest"] == "its hook did not fire"


def test_hooks_that_are_not_attached_and_loads_that_fail_show_nothing() -> None:
    j = Joined(steps=frozenset({"do_init_module", "process_exec"}))
    call, failed = finit(j.kernel, j.program()), finit(j.kernel, j.program())
    j.feed(call.enter(), call.init("x"), call.returns(), failed.enter(), failed.returns(-8))
    assert j.joiner.silent == {}


def test_a_second_call_for_the_same_file_shares_the_result_and_no_hook_is_deaf(j: Joined) -> None:
    """Since Linux 6.5 it waits for the first; either may return before the other."""
    one, two, three = (finit(j.kernel, j.program(), inode=9) for _ in range(3))
    j.feed(one.enter(), two.enter(), three.enter(), one.digest(), one.load("x"), one.init("x"))
    j.feed(two.returns(), one.returns(), three.returns())
    j.flush()
    assert j.joiner.silent == {}
    shared = [e for e in j.of("finit_module") if e.process and e.process.pid != one.proc.pid]
    (winner,) = [e for e in j.of("finit_module") if e not in shared]
    for event in shared:
        assert set(event.unread) == {f"load.{known}" for known in (*STEPS, "module", "digest")}
        assert all(load_of(winner).id in reason for reason in event.unread.values())


def test_unloading_has_the_id_of_the_load_and_a_new_load_a_new_one(j: Joined) -> None:
    j.load(j.program(), "fat")
    j.flush()
    rmmod = j.program("rmmod", "fat")
    busy, gone = delete(j.kernel, rmmod, "fat", refcount=1), delete(j.kernel, rmmod, "fat")
    told = j.feed(busy.enter(), busy.returns(EBUSY), gone.enter(), gone.free("fat"), gone.returns())
    assert names(told) == ["delete_module", "module_free", "delete_module"], "nothing of them waits"
    j.load(rmmod, "msdos")
    gone = delete(j.kernel, rmmod, "msdos")
    told = j.feed(gone.enter(), gone.free("msdos"), gone.returns())
    assert names(told) == ["finit_module", "module_free", "delete_module"], "the load is told before its end"
    j.load(j.program(), "fat")
    j.flush()
    first, other, second = (load_of(event).id for event in j.of("finit_module"))
    assert len({first, other, second}) == 3
    frees, deletes = ([load_of(event).id for event in j.of(name)] for name in ("module_free", "delete_module"))
    assert (frees, deletes) == ([first, other], [first, first, other])


def test_a_module_that_was_there_before_has_no_load(j: Joined) -> None:
    call = delete(j.kernel, j.program(), "ext4")
    freed, call_event = j.feed(call.enter(), call.free("ext4"), call.returns())
    assert (freed.load, call_event.load) == (None, None)


@pytest.mark.parametrize("whole", [True, False])
def test_create_module_tells_whether_the_name_is_loaded(whole: bool) -> None:
    j = Joined(whole=whole, modules={"ext4"})
    proc = j.program()

    def ask(name: str | None) -> Event:
        call = create(j, proc, name)
        (event,) = j.feed(call.enter(), call.returns(ENOSYS))
        return event

    assert [ask(name).args.name_is_loaded for name in ("ext4", "fat")] == [True, False]
    # A load whose entry was not seen counts as well.
    stray = finit(j.kernel, proc)
    j.feed(stray.load("fat"))
    assert ask("fat").args.name_is_loaded is True
    j.feed(stray.free("fat"))
    assert ask("fat").args.name_is_loaded is False
    unread = ask(None)
    assert unread.args.name_is_loaded is None
    assert unread.unread["name_is_loaded"]


def test_without_a_list_of_modules_it_is_not_known() -> None:
    j = Joined(modules=None)
    call = create(j, j.program())
    (event,) = j.feed(call.enter(), call.returns(ENOSYS))
    assert event.args.name_is_loaded is None
    assert event.unread["name_is_loaded"]


def test_canaries_are_heard_and_not_shown(j: Joined) -> None:
    proc = Proc(77, SECOND, INIT, "ringward", flags=CANARY)
    call = create(j, proc)
    other = finit(j.kernel, proc)
    _child, fork = j.kernel.fork(proc)
    assert j.feed(call.enter(), call.returns(ENOSYS), other.enter(), other.returns(-9), fork, j.kernel.exit(proc)) == []
    heard = {"create_module": 2, "finit_module": 2, "process_fork": 1, "process_exit": 1}
    assert Counter(record.name for record in j.canaries) == heard
    assert j.flush() == []


def test_only_what_is_wanted_is_made_and_all_is_joined() -> None:
    j = Joined(emit=frozenset({"finit_module"}))
    _number, modprobe = j.autoload("net-pf-5", j.program())
    j.load(modprobe, "appletalk")
    j.flush()
    (event,) = j.events
    assert (event.event, origin_of(event).alias, load_of(event).digest) == ("finit_module", "net-pf-5", "ab" * 32)


@pytest.mark.parametrize("whole", [True, False])
def test_where_nobody_is_followed_a_context_is_no_start(whole: bool) -> None:
    """An install command's shell is told of with what it starts, and was forked unseen."""
    j = Joined(emit=frozenset({"finit_module", "program_verdict"}), whole=whole)
    number, asked = j.kernel.request(j.kernel.process(INIT, "python3"), "net-pf-5")
    helper = j.kernel.process(INIT, "modprobe")
    shell = j.kernel.process(helper, "sh")
    insmod = j.kernel.process(shell, "insmod")
    j.feed(asked, j.kernel.helper(helper, number))
    first = j.kernel.context(insmod, "/usr/bin/kmod", ("insmod", "x.ko"))
    above = [j.kernel.context(shell, "/usr/bin/dash"), j.kernel.context(helper, "/usr/bin/kmod")]
    call = finit(j.kernel, insmod)
    assert j.feed(first, *above, *call.steps("x")) == []
    (event,) = j.tick(HELD_NS)
    assert event.process is not None
    assert (event.process.exe, event.process.args, event.process.unread) == ("/usr/bin/kmod", ("insmod", "x.ko"), {})
    assert [a.exe for a in event.process.ancestors[:2]] == ["/usr/bin/dash", "/usr/bin/kmod"]
    origin = origin_of(event)
    assert (origin.kind, origin.alias, load_of(event).id) == ("request", "net-pf-5", f"{number:x}.1")


def test_a_file_that_nothing_explains_is_a_difference_of_the_exec(j: Joined) -> None:
    child, fork = j.kernel.fork(INIT, mnt=1)
    j.feed(fork)
    (event,) = j.feed(j.kernel.exec(child, "/usr/bin/real", ("x",), interpreter="/usr/bin/asked"))
    assert event.differences == ()
    assert "could not be followed" in event.unread["exe.explained"]


@settings(max_examples=30)
@given(st.integers(), st.booleans())
def test_twenty_chains_at_once_stay_apart(seed: int, whole: bool) -> None:
    """Each load has the origin, and the digest, of its own chain, however the records interleave."""
    random = Random(seed)
    j = Joined(whole=whole)
    chains: dict[str, list[bytes]] = {}
    askers: dict[str, int] = {}
    for n in range(20):
        asker = j.program("python3", f"{n}.py", exe="/usr/bin/python3")
        _number, modprobe = j.autoload(f"net-pf-{n}", asker)
        askers[f"net-pf-{n}"] = asker.pid
        raws = []
        for k in range(3):
            call = finit(j.kernel, modprobe, f"/lib/modules/m{n}_{k}.ko", inode=100 * n + k)
            uses = tuple(f"m{n}_{i}" for i in range(k))
            module = f"m{n}_{k}"
            raws += [call.enter(), call.digest(bytes([n, k]) * 16), call.load(module, uses), call.init(module)]
            raws.append(call.returns())
        chains[f"net-pf-{n}"] = [*raws, j.kernel.exit(modprobe)]
    order = [alias for alias, raws in chains.items() for _ in raws]
    random.shuffle(order)
    while order:
        j.feed(*(chains[order.pop()].pop(0) for _ in range(min(len(order), random.randint(1, 9)))))
    calls = j.of("finit_module")
    assert len(calls) == 60
    assert j.flush() == []
    for event in calls:
        load, origin, file = load_of(event), origin_of(event), event.args.file.path
        n, k = (int(part) for part in file.removeprefix("/lib/modules/m").removesuffix(".ko").split("_"))
        assert (origin.alias, load.module) == (f"net-pf-{n}", f"m{n}_{k}")
        assert load.digest == (bytes([n, k]) * 16).hex()
        assert origin.requester is not None
        assert origin.requester.pid == askers[f"net-pf-{n}"]
        assert (load.needed_by.name if load.needed_by else None) == (f"m{n}_{k + 1}" if k < 2 else None)
        assert [need.name for need in load.uses] == [f"m{n}_{i}" for i in range(k)]
        assert all(need.load and need.load.startswith(load.id.rpartition(".")[0]) for need in load.uses)
    assert len({load_of(event).id for event in calls}) == 60
    assert j.joiner.silent == {}
