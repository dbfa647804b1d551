"""The yardstick of `drain.py`: frames made beforehand, sent one by one, each answer awaited.

Prints the seconds from the first to the last answer; what is left is the CSMS and the socket.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import websockets

VALUES = [
    {"value": "1234.5", "context": "Sample.Periodic", "format": "Raw", "unit": "Wh"}
    for _ in range(3)
]
PAYLOAD = {
    "connectorId": 1,
    "transactionId": 1,
    "meterValue": [{"timestamp": "2026-11-24T10:00:00.000Z", "sampledValue": VALUES}],
}


async def main(url: str, count: int) -> None:
    frames = [
        json.dumps([2, f"bare-{number}", "Bare", PAYLOAD], separators=(",", ":"))
        for number in range(count)
    ]
    async with websockets.connect(
        f"{url}/BARE", subprotocols=["ocpp1.6"], compression=None
    ) as socket:
        began_s = time.monotonic()
        for frame in frames:
            await socket.send(frame)
            await socket.recv()
        print(time.monotonic() - began_s)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
