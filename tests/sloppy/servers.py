"""Central systems that do one thing wrong each. `Plain` does nothing wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from hil.csms.central import Behaviour, Central, Payload, Refusal

Frame = list[Any]


class Plain:
    """Answers what it hears as `Central` decides; keeps everything."""

    subprotocols: tuple[str, ...] = ("ocpp1.6",)

    def __init__(self) -> None:
        self.central = Central(Behaviour())
        self.calls: list[Frame] = []
        self.answers: list[Frame] = []
        self.connects = 0
        self.open: list[ServerConnection] = []

    # --- What the sloppy ones change --------------------------------------------------------------

    def select(self, connection: ServerConnection, offered: Any) -> Any:
        return next((name for name in self.subprotocols if name in offered), None)

    def process(self, connection: ServerConnection, request: Any) -> Any:
        return None

    async def greet(self, connection: ServerConnection) -> None:
        """Right after the handshake."""

    def decide(self, call: Frame) -> Frame:
        """The frame that answers this call."""
        try:
            return [3, call[1], self.central.handle("S", call[2], call[3])]
        except Refusal as refusal:
            return [4, call[1], refusal.code, refusal.description, {}]

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        await connection.send(json.dumps(self.decide(call)))

    # --- The rest ---------------------------------------------------------------------------------

    async def serve(self, connection: ServerConnection) -> None:
        self.connects += 1
        self.open.append(connection)
        with suppress(ConnectionClosed):
            await self.greet(connection)
            async for text in connection:
                frame = json.loads(text)
                if frame[0] == 2:
                    self.calls.append(frame)
                    await self.answer(connection, frame)
                else:
                    self.answers.append(frame)
        self.open.remove(connection)

    async def ask(self, action: str, payload: Payload, message_id: Any = "ask") -> None:
        await self.open[-1].send(json.dumps([2, message_id, action, payload]))

    def said(self, action: str) -> list[Payload]:
        """Payloads of the calls of this kind."""
        return [call[3] for call in self.calls if call[2] == action]

    @property
    def ended(self) -> bool:
        """A transaction was started and stopped."""
        return any(one.stop is not None for one in self.central.transactions.values())


@asynccontextmanager
async def listening(server: Plain) -> AsyncIterator[str]:
    """The URL at which `server` listens."""
    async with serve(
        server.serve,
        "127.0.0.1",
        0,
        process_request=server.process,
        select_subprotocol=server.select,
        compression=None,
        ping_interval=None,
        close_timeout=0.5,
    ) as running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/ocpp"


# --- Handshakes -----------------------------------------------------------------------------------


class NoSubprotocol(Plain):
    """Says 101 without a subprotocol at first (CitrineOS, MaEVe when none is in common)."""

    def select(self, connection: ServerConnection, offered: Any) -> Any:
        return None if self.connects < 2 else "ocpp1.6"


class OtherSubprotocol(Plain):
    """Picks at first what was not offered."""

    tries = 0

    def process(self, connection: ServerConnection, request: Any) -> Any:
        self.tries += 1
        return None

    def select(self, connection: ServerConnection, offered: Any) -> Any:
        return "ocpp2.0.1" if self.tries < 3 else "ocpp1.6"


class BelievesInTheOldSocket(Plain):
    """Refuses a second connection for a while (CitrineOS 401, OCPP.Core 500)."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status, self.refused = status, 0

    def process(self, connection: ServerConnection, request: Any) -> Any:
        if self.connects == 1 and self.refused < 3:
            self.refused += 1
            return connection.respond(self.status, "already connected\n")
        return None


class ClosesTheNewSocket(Plain):
    """Takes the connection and closes it at once, some times over."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    async def greet(self, connection: ServerConnection) -> None:
        if self.connects <= 3:
            await connection.close(self.code, "not now")


class TwoSockets(Plain):
    """Keeps talking on a connection that has been replaced."""

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        for one in tuple(self.open):
            with suppress(ConnectionClosed):
                await one.send(json.dumps(self.decide(call)))


# --- Frames ---------------------------------------------------------------------------------------


class AnswersTwice(Plain):
    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        text = json.dumps(self.decide(call))
        await connection.send(text)
        await connection.send(text)


class PrettyPrints(Plain):
    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        await connection.send("\r\n " + json.dumps(self.decide(call), indent=2) + "\n")


class ExtraFields(Plain):
    """Echoes the request, adds `status` and sets what is optional to null (ocpp-rpc#82)."""

    def decide(self, call: Frame) -> Frame:
        frame = super().decide(call)
        if frame[0] == 3:
            extra = {"status": "Accepted", "customData": {"a": [None]}, "expiryDate": None}
            frame[2] = {**call[3], **extra, **frame[2]}
            if "idTagInfo" in frame[2]:
                frame[2]["idTagInfo"] |= {"parentIdTag": None, "note": "hello"}
        return [*frame, "and", {"more": 1}]


class TextForNumbers(Plain):
    """Numbers as text, in the manner of servers without types."""

    def decide(self, call: Frame) -> Frame:
        frame = super().decide(call)
        if frame[0] == 3 and "transactionId" in frame[2]:
            frame[2]["transactionId"] = str(frame[2]["transactionId"])
        if frame[0] == 3 and "interval" in frame[2]:
            frame[2]["interval"] = "300"
        return frame


class RefusesOnce(Plain):
    """Answers the first StartTransaction and the first StopTransaction with this frame's tail."""

    def __init__(self, *tail: Any) -> None:
        super().__init__()
        self.tail, self.refused = tail, set[str]()

    def decide(self, call: Frame) -> Frame:
        if call[2] in ("StartTransaction", "StopTransaction") and call[2] not in self.refused:
            self.refused.add(call[2])
            return [4, call[1], *self.tail]
        return super().decide(call)


class BreaksItsOwnJson(Plain):
    """Puts quotes unescaped into the description of its first CALLERROR (JavaOCA)."""

    broken = 0

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        if call[2] == "StartTransaction" and not self.broken:
            self.broken += 1
            await connection.send(f'[4,"{call[1]}","InternalError","the "meter" said no",{{}}]')
        else:
            await super().answer(connection, call)


class AnswersInBinary(Plain):
    """The first boot is answered as a binary frame."""

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        text = json.dumps(self.decide(call))
        await connection.send(text.encode() if len(self.calls) == 1 else text)


class BinaryFlood(Plain):
    """Hundreds of binary frames at once."""

    async def greet(self, connection: ServerConnection) -> None:
        for _ in range(500):
            await connection.send(b"\x00" * 20)


class ClosesMidFrame(Plain):
    """Cuts the line in the middle of its first answer to a StartTransaction."""

    cut = 0

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        if call[2] == "StartTransaction" and not self.cut:
            self.cut += 1
            connection.transport.write(b"\x81\x7e\x10\x00[3,")  # 4,096 bytes promised, 3 sent
            await asyncio.sleep(0.05)
            connection.transport.abort()
        else:
            await super().answer(connection, call)


class Huge(Plain):
    """Sends a frame of this size before it answers the first boot."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    async def greet(self, connection: ServerConnection) -> None:
        if self.connects == 1:
            data = {"vendorId": "v", "data": "x" * self.size}
            await connection.send(json.dumps([2, "huge", "DataTransfer", data]))


# --- Liveness -------------------------------------------------------------------------------------


class Mute(Plain):
    """Never answers anything on its first two connections."""

    async def answer(self, connection: ServerConnection, call: Frame) -> None:
        if self.connects > 2:
            await super().answer(connection, call)


class PingFlood(Plain):
    """Thousands of pings at once."""

    pings = 3000
    pongs = 0

    async def greet(self, connection: ServerConnection) -> None:
        for number in range(self.pings):
            pong = await connection.ping(str(number))
            pong.add_done_callback(self._pong)

    def _pong(self, done: asyncio.Future[float]) -> None:
        self.pongs += not done.cancelled() and done.exception() is None


class AsksAtOnce(Plain):
    """25 requests before it answers the boot; all of them have the same message id."""

    async def greet(self, connection: ServerConnection) -> None:
        for _ in range(25):
            await connection.send('[2,"same id","GetConfiguration",{"key":["HeartbeatInterval"]}]')


# --- Contents -------------------------------------------------------------------------------------


class OddBoot(Plain):
    """Some fields of its answer to the first boot are replaced; None removes one."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.fields = fields

    def decide(self, call: Frame) -> Frame:
        frame = super().decide(call)
        if call[2] == "BootNotification":
            changed = {**frame[2], **self.fields}
            frame[2] = {name: value for name, value in changed.items() if value is not None}
        return frame


class OddIds(Plain):
    """Gives every transaction this id."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def decide(self, call: Frame) -> Frame:
        if call[2] == "StopTransaction":
            return [3, call[1], {}]
        frame = super().decide(call)
        if call[2] == "StartTransaction":
            frame[2]["transactionId"] = self.number
        return frame


class BootFails(Plain):
    """CALLERROR to the first boot."""

    def decide(self, call: Frame) -> Frame:
        if call[2] == "BootNotification" and len(self.said("BootNotification")) == 1:
            return [4, call[1], "InternalError", "", {}]
        return super().decide(call)
