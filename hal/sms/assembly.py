"""Parts of longer messages, kept until all are there."""

from __future__ import annotations

from hal.sms.received import Delivered

SETS_MAX = 8
KEPT_S = 3600.0
"""A message whose rest does not come for so long is given as it is."""


class Assembly:
    """Joins parts by sender and reference. Bounded: the oldest makes room."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int, int], tuple[float, dict[int, str]]] = {}

    def add(self, message: Delivered, now_s: float) -> list[tuple[str, str]]:
        """(number, text) of the messages that are complete now, or given up."""
        part = message.part
        if part is None or part.total == 1:
            return [(message.number, message.text)]
        key = (message.number, part.reference, part.total)
        _, texts = self._begun.setdefault(key, (now_s, {}))
        texts[part.number] = message.text
        if len(texts) == part.total:
            return [self._taken(key)]
        if len(self._begun) > SETS_MAX:
            return [self._taken(next(iter(self._begun)))]
        return []

    def expired(self, now_s: float) -> list[tuple[str, str]]:
        """(number, text) of what has waited too long."""
        old = [key for key, (began_s, _) in self._begun.items() if now_s - began_s >= KEPT_S]
        return [self._taken(key) for key in old]

    def _taken(self, key: tuple[str, int, int]) -> tuple[str, str]:
        _, texts = self._begun.pop(key)
        return key[0], "".join(texts[number] for number in sorted(texts))
