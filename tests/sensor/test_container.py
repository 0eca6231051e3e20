"""Container ids out of the cgroup paths that the engines make."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.sensor import container
from ringward.sensor.container import Cgroup, container_id, running
from ringward.sensor.probes import Text
from tests.sensor.joined import INIT, Joined

ID = "3f4e1d0b" * 8
OTHER = "a0b1c2d3" * 8
POD = "pod5f3c1b7e-1d2a-4b5c-8d9e-0f1a2b3c4d5e"
SLICE = POD.replace("-", "_")


@pytest.mark.parametrize(
    ("engine", "cgroup"),
    [
        ("docker, systemd", f"/system.slice/docker-{ID}.scope"),
        ("docker, cgroupfs", f"/docker/{ID}"),
        ("docker, init below it", f"/docker/{ID}/init.scope"),
        ("rootless docker", f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"),
        ("docker in docker", f"/docker/{OTHER}/docker/{ID}"),
        ("docker in docker, without a folder between", f"/docker/{OTHER}/{ID}"),
        ("containerd, systemd", f"/kubepods.slice/kubepods-{SLICE}.slice/cri-containerd-{ID}.scope"),
        (
            "containerd, burstable",
            f"/kubepods.slice/kubepods-burstable.slice/k-{SLICE}.slice/cri-containerd-{ID}.scope",
        ),
        (
            "containerd, slice:prefix:name",
            f"/system.slice/containerd.service/kubepods-{SLICE}.slice:cri-containerd:{ID}",
        ),
        ("kubepods, cgroupfs", f"/kubepods/besteffort/{POD}/{ID}"),
        ("kubepods, nested", f"/kubelet.slice/kubelet-kubepods.slice/k-{SLICE}.slice/cri-containerd-{ID}.scope/a/b"),
        ("cri-o", f"/kubepods.slice/kubepods-{SLICE}.slice/crio-{ID}.scope"),
        ("cri-o, below", f"/kubepods.slice/kubepods-{SLICE}.slice/crio-{ID}.scope/container"),
        ("podman", f"/machine.slice/libpod-{ID}.scope/container"),
        ("rootless podman", f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"),
        ("podman, cgroupfs", f"/libpod_parent/libpod-{ID}"),
    ],
)
def test_ids_of_the_engines(engine: str, cgroup: str) -> None:
    assert container_id(cgroup) == ID, engine


@pytest.mark.parametrize(
    ("cgroup", "name"),
    [
        ("/lxc.payload.web-1", "web-1"),
        ("/lxc.payload.web-1/system.slice/nginx.service", "web-1"),
        ("/lxc.payload/web-1/init.scope", "web-1"),
        ("/lxc/web-1", "web-1"),
        ("/lxc/web-1/lxc/inner/user.slice", "inner"),
        (f"/lxc/web-1/docker/{ID}", ID),
        (f"/docker/{ID}/lxc.payload.inner", "inner"),
    ],
)
def test_names_of_lxc_and_what_is_nested(cgroup: str, name: str) -> None:
    assert container_id(cgroup) == name


@pytest.mark.parametrize(
    "cgroup",
    [
        None,
        "",
        "/",
        "/init.scope",
        "/user.slice/user-1000.slice/session-3.scope",
        "/system.slice/docker.service",
        "/lxc.monitor.web-1",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/kubepods.slice/kubepods-{SLICE}.slice/crio-conmon-{ID}.scope",
        f"/system.slice/docker-{ID[:-1]}.scope",
        f"/system.slice/docker-{ID}0.scope",
        f"/system.slice/docker-{ID.upper()}.scope",
        f"/system.slice/x{ID}",
        f"/system.slice/docker-{ID}.service",
    ],
)
def test_what_is_no_container(cgroup: str | None) -> None:
    assert container_id(cgroup) is None


@given(st.text(st.sampled_from("abc019/-.:_lxpayod")) | st.text())
def test_any_path_has_an_id_that_is_in_it_or_none(cgroup: str) -> None:
    found = container_id(cgroup)
    assert found is None or (found and found in cgroup and "/" not in found)


def test_no_container_is_an_answer_only_with_a_cgroup() -> None:
    j = Joined()
    stranger = j.kernel.process(INIT)
    (event,) = j.feed(j.kernel.exit(stranger))
    assert event.process
    assert (event.process.cgroup, event.process.container) == (None, None)
    assert event.process.unread["container"] == event.process.unread["cgroup"]
    j.program()
    (event,) = j.of("process_exec")
    assert event.process
    assert container_id(event.process.cgroup) is event.process.container is None
    assert "container" not in event.process.unread


def test_a_running_container_is_found_by_the_start_of_its_id(tmp_path: Path) -> None:
    made = tmp_path / "system.slice" / f"docker-{ID}.scope"
    (made / "init").mkdir(parents=True)
    (tmp_path / "system.slice" / f"docker-{OTHER}.scope").mkdir()
    assert running(ID[:12], tmp_path) == Cgroup(made.stat().st_ino, 2)


def test_none_and_several_are_no_answer(tmp_path: Path) -> None:
    for name in (ID, "3f4e" * 16):
        (tmp_path / f"docker-{name}.scope").mkdir()
    assert running("3f4e", tmp_path) is None
    assert running("77", tmp_path) is None
    assert running("77", None) is None


def test_the_hierarchy_is_only_taken_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = f"none /nowhere cgroup2 rw 0 0\ncgroup2 {tmp_path} cgroup2 rw 0 0"
    monkeypatch.setattr(container, "read", lambda path: Text(path, mounts, 0))
    assert container.mount_point() is None
    monkeypatch.setattr(container, "ROOT_NUMBER", tmp_path.stat().st_ino)
    assert container.mount_point() == tmp_path
    monkeypatch.setattr(container, "read", lambda path: Text(path, None, 2))
    assert container.mount_point() is None
