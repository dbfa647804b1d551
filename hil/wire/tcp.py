"""Modbus TCP slaves: the units of one bus behind a loopback port, one thread per connection.

Frames as in the Modbus Messaging on TCP/IP guide V1.0b (MBAP header). Only loopback addresses are
served: the simulator shows nothing to a network.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Mapping

from hil.wire.modbus import PDU_MAX_BYTES, READS, exception, response
from hil.wire.rtu import Slave
from hil.world import World

CONNECTIONS_MAX = 8
MBAP = struct.Struct(">HHHB")
ANY_UNITS = (0, 255)
"""Unit ids that clients use for "the device itself"; good where there is only one."""
POLL_S = 0.5


class NotLoopback(Exception):
    """The bus is configured with a host that the simulator must not serve."""


class TcpSlaves:
    """A listening port with all units of one bus."""

    def __init__(self, world: World, slaves: Mapping[int, Slave], host: str, port: int) -> None:
        self.slaves = slaves
        self._world = world
        self._address = (host, port)
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._listener is not None
        number: int = self._listener.getsockname()[1]
        return number

    def start(self) -> None:
        """Listen. Raises NotLoopback, or OSError when the port cannot be had."""
        host = "127.0.0.1" if self._address[0] == "localhost" else self._address[0]
        if not _is_loopback(host):
            raise NotLoopback(f"host {host} is not a loopback address")
        self._listener = socket.create_server((host, self._address[1]))
        self._start(self._accept)

    def stop(self) -> None:
        self._stop.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=2.0)

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, name="modbus-tcp", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                crowded = len(self._connections) >= CONNECTIONS_MAX
                if not crowded:
                    self._connections.add(connection)
            if crowded:
                connection.close()
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), connection:
            while not self._stop.is_set():
                self._answer(connection)
        with self._guard:
            self._connections.discard(connection)

    def _answer(self, connection: socket.socket) -> None:
        transaction, protocol, length, unit = MBAP.unpack(_exactly(connection, MBAP.size))
        if protocol != 0 or not 2 <= length <= PDU_MAX_BYTES + 1:
            raise EOFError("not Modbus")
        pdu = _exactly(connection, length - 1)
        slave = self._slave(unit)
        if slave is None or slave.trouble.deaf(self._world.clock()):
            return
        slave.requests += 1
        self._stop.wait(slave.trouble.delay_s())
        if "crc" in slave.trouble.faults:
            transaction ^= 0xFFFF
        code = slave.trouble.exception_code
        reply = exception(pdu[0], code) if code is not None else self._act(slave, pdu)
        answered = unit ^ 0x01 if "stranger" in slave.trouble.faults else unit
        frame = MBAP.pack(transaction, 0, len(reply) + 1, answered) + reply
        if "truncated" in slave.trouble.faults:
            frame = frame[: len(frame) // 2]
        for pause_s, piece in slave.trouble.pieces(frame):
            self._stop.wait(pause_s)
            connection.sendall(piece)

    def _slave(self, unit: int) -> Slave | None:
        if unit in ANY_UNITS and unit not in self.slaves and len(self.slaves) == 1:
            return next(iter(self.slaves.values()))
        return self.slaves.get(unit)

    def _act(self, slave: Slave, pdu: bytes) -> bytes:
        with self._world as now_s:
            slave.unit.hear(now_s)
            reply = response(slave.unit, pdu, now_s)
            if pdu[0] not in READS:
                self._world.plant.touch()
        return reply


def _exactly(connection: socket.socket, count: int) -> bytes:
    """`count` bytes. Raises EOFError when the peer closes."""
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
