"""Who may charge where no CSMS decides: the station's own list of cards."""

from __future__ import annotations

from typing import Literal

from chargepoint.config.reading import Section


class Cards(Section, frozen=True):
    """`[cards]`: the list that `chargepoint token learn` makes."""

    own: Literal["off", "alone", "offline"] = "alone"
    """When it decides: never; where there is no `[csms]`; also while the CSMS cannot be asked."""

    def deciding(self, alone: bool) -> bool:
        """Whether the list counts while no CSMS can be asked; `alone`: there is none at all."""
        return self.own == "offline" or (self.own == "alone" and alone)
