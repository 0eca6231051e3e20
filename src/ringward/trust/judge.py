"""Whether something vouches for a file: a pure decision from what was found in it, and who claims it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ringward.trust.entry import Item, Kind, Source
from ringward.trust.look import Looked
from ringward.trust.sources.dpkg import Owner


class Judgement(NamedTuple):
    """What is to become of a digest.

    Attributes:
        item: what.
        source: that vouches for it; "": none does.
        why: none does, or a remark.

    """

    item: Item
    source: str
    why: str = ""


NO_CHECKSUM = "dpkg keeps no checksum of maintainer scripts"


def vouched(looked: Looked, owners: Sequence[Owner]) -> tuple[Owner | None, bool, str]:
    """Return the owner that is named with a file, whether it vouches for its bytes, and why not, or a remark."""
    for owner in owners:
        if owner.script:
            return owner, True, NO_CHECKSUM
        if owner.md5 and owner.md5 == looked.md5:
            return owner, True, ""
    if not owners:
        return None, False, "it is of no package"
    owner = next((one for one in owners if one.md5), owners[0])
    if not owner.md5:
        return owner, False, f"{owner.package} has no checksum of it"
    what = "a configuration file of" if owner.conffile else "it differs from that of"
    changed = " that was changed here" if owner.conffile else ""
    return owner, False, f"{what} {owner.package} {owner.version}{changed}"


def judge(looked: Looked, path: str, owners: Sequence[Owner], named: Source | None, version: str) -> list[Judgement]:
    """Return what is to become of the digests of a file: two of a compressed module, else one, or none.

    Args:
        looked: what was found in it.
        path: of it.
        owners: the packages that claim it.
        named: the source that an administrator named, and that covers it; None: none does.
        version: of the kernel whose tree it is in; "".

    """
    if looked.kind is None:
        return []
    owner, trusted, why = vouched(looked, owners)
    source = str(Source.DPKG) if trusted else ""
    if not trusted and named:
        source, why = str(named), f"{why}; its place was named"
    package, version = (owner.package, owner.version) if owner else ("", version)
    common = (path, package, version, looked.name, looked.signer, looked.signature)
    found = [Judgement(Item(looked.digest, looked.kind, *common), source, why)]
    if looked.image and looked.image != looked.digest:
        found.append(Judgement(Item(looked.image, Kind.MODULE_IMAGE, *common), source, why))
    return found
