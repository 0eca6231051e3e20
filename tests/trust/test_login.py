from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ringward.trust.login import LOGINUID, login_uid, who


@pytest.mark.parametrize(("text", "uid"), [("1000", 1000), ("0\n", 0), ("4294967295", None), ("rubbish", None)])
def test_the_login_uid(tmp_path: Path, text: str, uid: int | None) -> None:
    path = tmp_path / "loginuid"
    path.write_text(text)
    assert login_uid(str(path)) == uid


def test_a_kernel_without(tmp_path: Path) -> None:
    assert login_uid(str(tmp_path / "gone")) is None


def test_this_process() -> None:
    found = who()
    assert found.uid == os.getuid()
    assert abs(found.time - time.time()) < 60
    if Path(LOGINUID).exists():
        text = Path(LOGINUID).read_text()
        assert found.login == (None if text == "4294967295" else int(text))
