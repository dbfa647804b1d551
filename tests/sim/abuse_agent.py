"""What the safety program hears from above: a well-meaning agent, or one that is none."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

from chargepoint.ipc import messages as m
from chargepoint.ipc.codec import encode
from hil.plant.faults import FAULTS


class Agent:
    """What the safety program hears from above: well meant, silent, flooding or lying."""

    def __init__(self, path: Path, evses: tuple[int, ...], chance: random.Random) -> None:
        self._path = path
        self._evses = evses
        self._chance = chance
        self._socket: socket.socket | None = None
        self._renew_s = 0.0
        self.mood = "healthy"
        self.limit_a = 16.0
        self.phases: int | None = None
        self.wants = set(evses)

    def step(self, now_s: float) -> None:
        match self.mood:
            case "gone":
                self.close()
            case "stopped":
                return
            case "flooding":
                self._flood(now_s)
            case "flapping" if self._chance.random() < 0.05:
                self.close()
        if self.mood != "gone" and now_s >= self._renew_s:
            self._renew_s = now_s + 0.5
            self._renew(now_s)
        self._drain()

    def send(self, *commands: m.Command) -> None:
        self._put(b"".join(encode(command) for command in commands))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _renew(self, now_s: float) -> None:
        lying = self.mood == "lying"
        for number in self._evses:
            amps = self._chance.choice((-5.0, 0.0, 1e9, 63.0)) if lying else self.limit_a
            ends_s = self._chance.choice((1e12, now_s - 5.0, 0.0)) if lying else now_s + 1e3
            phases = self._chance.choice((1, 3, 7, None)) if lying else self.phases
            self.send(m.RenewLimit(evse=number, current_a=amps, until_s=ends_s, phases=phases))
            if number in self.wants or lying:
                self.send(m.RenewPermission(evse=number, until_s=ends_s))
            else:
                self.send(m.Revoke(evse=number))
            if not lying:
                self.send(m.SetOperative(evse=number, operative=True))

    def _flood(self, now_s: float) -> None:
        chance = self._chance
        for _ in range(chance.randint(1, 60)):
            number, hazard = chance.choice((*self._evses, 0, 99)), chance.choice(tuple(FAULTS))
            self.send(
                chance.choice(
                    (
                        m.RenewLimit(
                            evse=number,
                            current_a=chance.uniform(-5, 99),
                            until_s=now_s + chance.uniform(-1, 20),
                        ),
                        m.RenewPermission(evse=number, until_s=now_s + chance.uniform(-1, 200)),
                        m.Revoke(evse=number),
                        m.SetOperative(evse=number, operative=chance.random() < 0.8),
                        m.Unlock(evse=number, request="u"),
                        m.ResetHazard(evse=number, hazard=hazard, request="r"),
                        m.LatchHazard(evse=number, hazard=hazard, detail="flood"),
                        m.Transact(
                            request="t",
                            unit=chance.randrange(1, 13),
                            function=chance.choice((3, 4, 5, 6)),
                            address=chance.randrange(8),
                            values=(0,),
                        ),
                    )
                )
            )
        if chance.random() < 0.02:
            self._put(chance.randbytes(40) + b"\n")

    def _put(self, data: bytes) -> None:
        if self._socket is None:
            self._connect()
        try:
            if self._socket is not None:
                self._socket.sendall(data)
        except BlockingIOError:
            self.close()
        except OSError:
            self.close()

    def _connect(self) -> None:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.connect(str(self._path))
        except OSError:
            made.close()
            return
        made.setblocking(False)
        self._socket = made
        with contextlib.suppress(OSError):
            made.sendall(encode(m.Hello(client="abuser")))

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while self._socket is not None and self._socket.recv(65536):
                continue
