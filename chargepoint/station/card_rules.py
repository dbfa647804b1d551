"""An operator's rules for cards: dead time, a second swipe that stops nothing, master passes.

The dead time guards against a card that is left on the reader, or read twice: it counts again only
after the reader has not seen it for so long. A master pass is a card of one group that ends any
transaction at its reader and starts none (the idea of OCPP 2.0.1, C16).
"""

from __future__ import annotations

from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.events import TokenPresented
from chargepoint.station.option_variables import ACCESS
from chargepoint.station.records import TokenInfo


class CardRules:
    """Decides on what the standard leaves open."""

    def __init__(self, desk: Desk, model: DeviceModel) -> None:
        self._desk = desk
        self._model = model
        self._seen: dict[str, tuple[str, float]] = {}

    def repeated(self, event: TokenPresented) -> bool:
        """The reader still has, or has again, the card that it has just had."""
        dead_s = self._model.number(ACCESS, "CardDeadTime")
        before = self._seen.get(event.reader)
        self._seen[event.reader] = (event.id_token.key, self._desk.now_s)
        if before is None or before[0] != event.id_token.key:
            return False
        return self._desk.now_s - before[1] < dead_s

    @property
    def second_stops(self) -> bool:
        """A card ends its own transaction, or one of its group."""
        return self._model.flag(ACCESS, "StopOnSecondSwipe")

    @property
    def has_masters(self) -> bool:
        """There may be master passes: a card is asked about even where it could do nothing."""
        return bool(self._model.text("AuthCtrlr", "MasterPassGroupId"))

    def master(self, info: TokenInfo) -> bool:
        """The verdict is that on a master pass."""
        group = self._model.text("AuthCtrlr", "MasterPassGroupId")
        return bool(group) and info.group is not None and info.group.casefold() == group.casefold()
