"""What is known of the vehicle and the board right now, and since when.

Keeps the newest reading, judges its age, feeds the decoders and counts plug-ins. A reading that is
too old is the same as none: the pilot state is forgotten and must be earned anew.
"""

from __future__ import annotations

from chargepoint.evse.observation import BoardLevel
from chargepoint.evse.pilot import ASKING, CableDecoder, PilotDecoder
from chargepoint.evse.settings import EvseSettings
from hal.values import BoardReading, BoardTraits, PilotState, Quality

VEHICLE = (PilotState.B, *ASKING)


class Senses:
    """Readings of one board, as far as they may be believed."""

    def __init__(self, settings: EvseSettings, traits: BoardTraits) -> None:
        self._settings = settings
        self.traits = traits
        self._decoder = PilotDecoder(settings)
        self._cable = CableDecoder(settings)
        self._board = BoardLevel.UNHEARD
        self._fresh_s = 0.0
        self._sample_s = 0.0
        self._now_s = 0.0
        self.fresh = False
        """There is a reading that may be believed, and measured anew not long ago."""
        self.reading: BoardReading | None = None
        """Newest good reading, however old."""
        self.newest: BoardReading | None = None
        """Newest reading of any quality."""
        self.reached_s = 0.0
        """Since when the board has been reached without a gap."""
        self.asking_s: float | None = None
        """Since when the vehicle has asked (C or D); None: it does not."""
        self.connected = False
        self.plug_in = 0
        self.plugged = False
        """A vehicle was plugged in in this step."""
        self.left = False
        """It was unplugged in this step."""
        self.left_s = float("-inf")
        """When it was unplugged last."""
        self._seen_waiting = False

    def take(
        self, reading: BoardReading | None, board: BoardLevel, *, offering: bool, now_s: float
    ) -> None:
        """Take what one step brings; `offering` as in `PilotDecoder.take`."""
        self._now_s = now_s
        self._take_level(board, now_s)
        if reading is not None:
            self.newest = reading
            if reading.quality is Quality.GOOD:
                self._take_reading(reading, offering)
        self.fresh = self._believed()
        if not self.fresh:
            self._decoder.forget()
            self._cable.forget()
            self.reached_s = now_s
        self._follow_plug()

    @property
    def board(self) -> BoardLevel:
        return self._board

    @property
    def pilot(self) -> PilotState | None:
        """Debounced state; None when nothing recent is known."""
        return self._decoder.state

    @property
    def decoder(self) -> PilotDecoder:
        return self._decoder

    @property
    def cable(self) -> CableDecoder:
        return self._cable

    @property
    def proximity_used(self) -> bool:
        """The cable rating is read here: a socket outlet with a board that can."""
        return self._settings.socket and self.traits.has_proximity

    @property
    def simplified(self) -> bool:
        """The vehicle has asked ever since it was plugged in: it has no S2 (A.2.3)."""
        asks = self.connected and self.asking_s is not None
        return asks and not self._seen_waiting and not self.traits.runs_pilot

    @property
    def temperature_c(self) -> float | None:
        """Inside the station; None: not known now."""
        return self.reading.temperature_c if self.reading is not None and self.fresh else None

    @property
    def age_s(self) -> float:
        """Age of the newest good reading, or how long the board has owed the first one."""
        return self._now_s - self._fresh_s if self._board is BoardLevel.HEARD else 0.0

    @property
    def heard_s(self) -> float:
        """When the board was last heard."""
        return self._fresh_s

    @property
    def sample_age_s(self) -> float:
        """Age of the newest measurement: of the reading in which the sample counter moved last."""
        return self._now_s - self._sample_s if self.reading is not None else 0.0

    @property
    def feedback(self) -> bool | None:
        """Contactor closed, as the board says; None: it cannot say, or its word is too old."""
        if self.reading is None or not self.fresh:
            return None
        if self.reading.contactor_closed is None and self.traits.runs_pilot:
            return self.reading.contactor_commanded
        return self.reading.contactor_closed

    def _take_level(self, board: BoardLevel, now_s: float) -> None:
        if board is BoardLevel.HEARD and self._board is not BoardLevel.HEARD:
            self._fresh_s = self._sample_s = now_s
        self._board = board

    def _take_reading(self, reading: BoardReading, offering: bool) -> None:
        before = self.reading
        moved = before is None or reading.sample is None or reading.sample != before.sample
        self._sample_s = reading.taken_s if moved else self._sample_s
        self._fresh_s = reading.taken_s
        self.reading = reading
        self._decoder.take(reading, offering=offering)
        if self.proximity_used:
            self._cable.take(reading)

    def _believed(self) -> bool:
        heard = self._board is BoardLevel.HEARD and self.reading is not None
        return heard and max(self.age_s, self.sample_age_s) <= self._settings.stale_after_s

    def _follow_plug(self) -> None:
        self.plugged = self.pilot in VEHICLE and not self.connected
        self.left = self.pilot is PilotState.A and self.connected
        if self.plugged:
            self.connected = True
            self.plug_in += 1
            self._cable.unplugged()
        elif self.left:
            self.connected = self._seen_waiting = False
            self.left_s = self._now_s
            self._cable.unplugged()
        if self._decoder.raw is PilotState.B:
            self._seen_waiting = True
        if self.pilot not in ASKING:
            self.asking_s = None
        elif self.asking_s is None:
            self.asking_s = self._now_s
