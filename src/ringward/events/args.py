"""The base of every class of the catalogue."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import msgspec

from ringward.events.fields import Spec
from ringward.events.hooks import Ladder


class Args(msgspec.Struct, frozen=True, gc=False):
    """Arguments of one event. The class is the documentation: every page is generated from it.

    The docstring's first line is the Intro, the rest the Description. Each field is
    ``Annotated[type, spec]``; the spec gives C type, meaning and tags (`ringward.events.fields`).
    """

    group: ClassVar[str]
    """modules, programs, guard or stream."""
    default: ClassVar[bool] = True
    """Shown when its group is asked for; else only by its own name."""
    record: ClassVar[bool] = True
    """Made from a record of the same name in bpf/events.h; else by user space."""
    hooks: ClassVar[Ladder]
    """Ways to see it, best first."""
    aids: ClassVar[tuple[Ladder, ...]] = ()
    """Ladders of hooks that add to it; it is seen without them too."""
    use_case: ClassVar[str]
    issues: ClassVar[str]
    related: ClassVar[tuple[str, ...]]
    gives: ClassVar[frozenset[str]] = frozenset()
    """Members of the envelope that every such event has, or says in `unread` why not: abi, result, duration."""
    extra: ClassVar[frozenset[str]] = frozenset()
    """Members of the record that no field shows: the envelope or the joiner uses them."""

    @classmethod
    def event_name(cls) -> str:
        """Return the event's name: the class's, in lower case with underscores."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """Return the spec of each field, in order.

        Raises:
            TypeError: a field has none.

        """
        found: dict[str, Spec] = {}
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if get_origin(hint) is ClassVar or name not in cls.__struct_fields__:
                continue
            spec = next((arg for arg in get_args(hint) if isinstance(arg, Spec)), None)
            if get_origin(hint) is not Annotated or spec is None:
                raise TypeError(f"{cls.__name__}.{name} has no spec: write Annotated[type, Spec(...)]")
            found[name] = spec
        return found

    @classmethod
    def tags(cls) -> dict[str, tuple[str, ...]]:
        """Return the tags of each field."""
        return {name: spec.tags for name, spec in cls.specs().items()}

    def subject(self) -> str:
        """Return what the event is about, a few words for a table."""
        name: Any = getattr(self, "name", None)
        return str(name) if name is not None else ""
