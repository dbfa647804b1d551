"""The ledger of a station whose agent does not run: `python -m chargepoint.agent.offline`.

Takes the two directories as arguments, with `alone` behind them where no CSMS is configured, and
one request of the service socket on its input, gives the same answers on its output, and changes
nothing. A program of its own, because commands know the socket's messages and not the insides of
the agent.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from chargepoint.agent import ledger_view
from chargepoint.agent.reading import Reading, opened
from chargepoint.ipc.codec import BadLine, decode_request, encode
from chargepoint.ipc.service import Answered, Done, GetRecords, GetTransactions

PAGE = 100


def answers(reading: Reading, line: bytes, alone: bool) -> Iterator[Answered]:
    """The answers to a request about the ledger; to any other, that the agent must run.

    `alone`: no CSMS is configured.
    """
    request = decode_request(line)
    match request:
        case GetTransactions(last=last):
            yield from ledger_view.transactions(reading, last, alone=alone)
            yield Done(ok=True)
        case GetRecords(first=first):
            yield from _records(reading, first)
            yield Done(ok=True)
        case _:
            yield Done(ok=False, detail="the agent does not run")


def _records(reading: Reading, first: int) -> Iterator[Answered]:
    walls = ledger_view.wall_clock(reading)
    after, left = 0, first if first > 0 else sys.maxsize
    while left > 0 and (rows := reading.owed(after, min(left, PAGE))):
        for row in rows:
            yield from ledger_view.parts(row, "waiting", walls)
        after, left = rows[-1][0], left - len(rows)
    for refused in reading.refused():
        yield from ledger_view.parts(refused, "refused", walls)


def main(state_dir: str, run_dir: str, *alone: str) -> int:
    """Exit code 1 when the store cannot be read."""
    try:
        with opened(Path(state_dir), Path(run_dir)) as reading:
            for answer in answers(reading, sys.stdin.buffer.readline(), alone == ("alone",)):
                sys.stdout.buffer.write(encode(answer))
    except (BadLine, OSError, sqlite3.Error) as error:
        sys.stdout.buffer.write(encode(Done(ok=False, detail=str(error))))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
