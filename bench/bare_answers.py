"""The yardstick of `answers.py`: a charge point on the `ocpp` package that answers from a file.

Arguments: URL, and a JSON file with the answer to GetConfiguration.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

ANSWER = json.loads(Path(sys.argv[2]).read_text())
KEYS = {entry["key"]: entry for entry in ANSWER["configurationKey"]}


class Station(ChargePoint):
    @on("GetConfiguration")
    def on_get_configuration(self, key: Any = None) -> Any:
        entries = [KEYS[name] for name in key] if key else list(KEYS.values())
        return call_result.GetConfiguration(configuration_key=entries)


async def main(url: str) -> None:
    async with websockets.connect(f"{url}/BARE", subprotocols=["ocpp1.6"]) as socket:
        station = Station("BARE", socket)
        listening = asyncio.create_task(station.start())
        await station.call(call.BootNotification(charge_point_model="m", charge_point_vendor="v"))
        await listening


asyncio.run(main(sys.argv[1]))
