"""A station without devices on a real connection: link, core and adapter in one event loop.

The test is the vehicle and the person; the central system is one of `servers`. The safety program
is played here: it closes when the grant permits and a vehicle is plugged in, and its meter counts.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from chargepoint.agent.core import CloseSocket, Core, Due, Happening, SendText, SetGrants
from chargepoint.agent.csms import CsmsLink
from chargepoint.agent.endpoint import endpoint
from chargepoint.config import Csms
from chargepoint.ocpp.v16.adapter import Adapter16
from chargepoint.ocpp.view import BootInformation
from chargepoint.station import events as ev
from chargepoint.station.effects import Append, Delete, Fetch, Note, Put, Quarantine, Remove
from chargepoint.station.records import IdToken
from chargepoint.station.settings import EvseSettings, StationSettings
from chargepoint.station.station import Station
from hal.values import MeterReading, PilotState
from tests.sim.parts import Disk

IDENTITY = "SLOPPY-1"
CARD = "04A1B2C3D4E5F6"
WAIT_S = 10.0
CLOSED_AFTER_S = 0.05
METER_SETTLED_S = 0.55
"""After the contactor has opened, the station believes a register only from here on."""
QUICK = {
    ("OCPPCommCtrlr", "MessageTimeout"): "1",
    ("OCPPCommCtrlr", "MessageAttemptInterval"): "0",
    ("OCPPCommCtrlr", "MessageAttempts"): "3",
    ("OCPPCommCtrlr", "WebSocketPingInterval"): "0",
}


class Stand:
    """`charge` plays a whole session; `until` waits for what the test wants to see."""

    def __init__(self, url: str, **csms: Any) -> None:
        settings = Csms(
            url=url,
            retry_wait_min_s=0.02,
            retry_random_range_s=0.0,
            retry_doublings=4,
            **csms,
        )
        self.disk = Disk()
        self.notes: list[str] = []
        self.closed = False
        """The contactor."""
        self._permitted = False
        self._plug_ins = 0
        self._plugged = False
        self._energy_wh = 1000.0
        self._waiting: asyncio.Queue[Happening] = asyncio.Queue(1000)
        self._moved = asyncio.Event()
        station = Station(
            StationSettings(
                id=IDENTITY,
                vendor="chargepoint",
                model="stand",
                evses=(EvseSettings(id=1, current_max_a=16.0, reader="cards"),),
                variables=QUICK,
            ),
            self.disk.restored(),
            "host-1",
        )
        adapter = Adapter16(
            station,
            BootInformation(vendor="chargepoint", model="stand", connectors=1),
            settings,
            lambda: str(uuid.uuid4()),
        )
        self.core = Core(station, {"ocpp1.6": adapter})
        self.link = CsmsLink(endpoint(settings, IDENTITY), ["ocpp1.6"], self._waiting.put)

    # --- Life -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Handle what happens until cancelled."""
        self._tell(ev.ControlConnected(boot="control-1", at_s=time.monotonic()))
        self._observe()
        while True:
            due_s = self.core.deadline_s()
            wait_s = None if due_s is None else max(0.0, due_s - time.monotonic())
            happening: Happening
            try:
                async with asyncio.timeout(wait_s):
                    happening = await self._waiting.get()
            except TimeoutError:
                happening = Due()
            self._tell(happening)

    def _tell(self, happening: Happening) -> None:
        for effect in self.core.handle(happening, time.monotonic()):
            self._carry_out(effect)
        self._moved.set()

    def _carry_out(self, effect: Any) -> None:
        match effect:
            case Append() | Remove() | Quarantine() | Put() | Delete():
                self.disk.apply(effect)
            case Fetch(after=after, limit=limit):
                records = self.disk.fetch(after, limit)
                self._waiting.put_nowait(ev.RecordsFetched(records=records))
            case SendText(connection=connection, text=text):
                self.link.send(connection, text)
            case CloseSocket(connection=connection, code=code, reason=reason):
                self.link.close(connection, code, reason)
            case SetGrants(grants=grants):
                self._permitted = any(grant.permitted for grant in grants)
                asyncio.get_running_loop().call_later(CLOSED_AFTER_S, self._observe)
            case Note(name=name):
                self.notes.append(name)

    # --- The safety program -----------------------------------------------------------------------

    def _observe(self) -> None:
        self._energy_wh += 10.0 if self.closed else 0.0
        self.closed = self._permitted and self._plugged
        phase = ev.EvsePhase.CONNECTED if self._plugged else ev.EvsePhase.IDLE
        view = ev.EvseView(
            evse=1,
            phase=ev.EvsePhase.ENERGISED if self.closed else phase,
            pilot=PilotState.C if self._plugged else PilotState.A,
            plug_in=self._plug_ins,
            connected=self._plugged,
            contactor_closed=self.closed,
            offered_a=16.0 if self.closed else 0.0,
            limit_a=16.0,
            cable_current_a=None,
            locked=None,
            temperature_c=None,
            hazards=(),
        )
        self._tell(ev.EvseObserved(view=view, at_s=time.monotonic()))
        self._meter()
        asyncio.get_running_loop().call_later(METER_SETTLED_S, self._meter)

    def _meter(self) -> None:
        reading = MeterReading(taken_s=time.monotonic(), energy_import_wh=self._energy_wh)
        self._tell(ev.MeterRead(evse=1, reading=reading))

    # --- Verbs ------------------------------------------------------------------------------------

    def plug_in(self) -> None:
        self._plugged, self._plug_ins = True, self._plug_ins + 1
        self._observe()

    def unplug(self) -> None:
        self._plugged = False
        self._observe()

    def card(self, token: str = CARD) -> None:
        self._tell(
            ev.TokenPresented(
                reader="cards",
                id_token=IdToken(value=token),
                evses=(1,),
                at_s=time.monotonic(),
            )
        )

    async def until(
        self, condition: Callable[[], bool], what: str, within_s: float = WAIT_S
    ) -> None:
        """Looked at after everything that happened here, and often."""
        end_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end_s:
                raise AssertionError(f"waited {within_s:g} s for {what} in vain")
            self._moved.clear()
            try:
                async with asyncio.timeout(0.02):
                    await self._moved.wait()
            except TimeoutError:
                continue

    async def charge(self) -> None:
        """Plug in, show the card, charge, unplug."""
        self.plug_in()
        self.card()
        await self.until(lambda: self.closed, "a closed contactor")
        self.unplug()

    @property
    def owed(self) -> int:
        """Records that no central system has taken yet."""
        return len(self.disk.durable) + len(self.disk.volatile)


@asynccontextmanager
async def standing(url: str, **csms: Any) -> AsyncIterator[Stand]:
    """A running stand; whatever failed in it fails the test."""
    stand = Stand(url, **csms)
    deciding = asyncio.create_task(stand.run())
    linking = asyncio.create_task(stand.link.run())
    try:
        yield stand
        assert not deciding.done(), "the station has ended"
        assert not linking.done(), "the link has ended"
    finally:
        stand.link.stop()
        async with asyncio.timeout(30):
            await linking
        deciding.cancel()
        results = await asyncio.gather(deciding, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError), results[0]
