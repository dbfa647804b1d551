"""The yardstick of `boot.py`: the shortest charge point that sends a BootNotification.

Built on the `ocpp` and `websockets` packages as their documentation shows; no store, no devices.
"""

from __future__ import annotations

import asyncio
import sys

import websockets
from ocpp.v16 import ChargePoint, call


async def main(url: str) -> None:
    async with websockets.connect(f"{url}/BARE", subprotocols=["ocpp1.6"]) as socket:
        station = ChargePoint("BARE", socket)
        listening = asyncio.create_task(station.start())
        await station.call(call.BootNotification(charge_point_model="m", charge_point_vendor="v"))
        listening.cancel()


asyncio.run(main(sys.argv[1]))
