from collections.abc import Callable, Iterable, Mapping
from typing import Self

from ringward.events.context import Event

class Lines:
    def __new__(
        cls,
        event: type[Event],
        encode: Callable[[object], bytes],
        describe: Callable[[type], Mapping[str, tuple[bytes, tuple[object, ...], bool, bool]] | None],
        head: bytes,
        keep: int,
    ) -> Self: ...
    def encode(self, events: Iterable[Event]) -> bytes: ...
