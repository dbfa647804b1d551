"""The yardstick of `idle.py`: the shortest program that asks the same of the same line.

`bare_line.py PORT BAUD REQUESTS`, REQUESTS being JSON: [[unit, first input register, count, period
in seconds], …]. Built on pymodbus's client as its documentation shows; nothing is decided.
"""

from __future__ import annotations

import json
import sys
import time

from pymodbus.client import ModbusSerialClient


def main(port: str, baud: int, requests: list[list[float]]) -> None:
    client = ModbusSerialClient(port, baudrate=baud, timeout=0.5)
    client.connect()
    due_s = [time.monotonic()] * len(requests)
    while True:
        for number, (unit, address, count, every_s) in enumerate(requests):
            if due_s[number] <= time.monotonic():
                due_s[number] = max(due_s[number] + every_s, time.monotonic())
                answer = client.read_input_registers(
                    int(address), count=int(count), device_id=int(unit)
                )
                if answer.isError():
                    raise SystemExit(f"unit {unit}: {answer}")
        time.sleep(max(0.0, min(due_s) - time.monotonic()))


main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]))
