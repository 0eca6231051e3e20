"""Can a module still get in? Every way in is tried on the configuration and on what the kernel demands."""

from __future__ import annotations

from ringward.kmod.blocked.answer import WORDS, Answer, Remedy, Useless, Way
from ringward.kmod.blocked.decide import Decider

__all__ = ["WORDS", "Answer", "Decider", "Remedy", "Useless", "Way"]
