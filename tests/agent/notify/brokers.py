"""A real MQTT broker (mosquitto) on a free loopback port, and a foreign client that listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 30.0


def mosquitto() -> str:
    """The broker's program; the test is skipped without one, and fails where CI runs it."""
    found = shutil.which(
        "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is missing")
        pytest.skip("needs mosquitto")
    return found


class Broker:
    """One broker process; `stop` and `start` again keep the port."""

    def __init__(self, directory: Path, lines: Sequence[str] = ()) -> None:
        self._program = mosquitto()
        self.port = _free_port()
        self._file = directory / "mosquitto.conf"
        listener = [f"listener {self.port} 127.0.0.1", *lines]
        if not any(line.startswith(("allow_anonymous", "password_file")) for line in lines):
            listener.append("allow_anonymous true")
        self._file.write_text("\n".join(["persistence false", *listener]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise AssertionError("mosquitto does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)
            self._process = None


@contextlib.contextmanager
def broker(directory: Path, lines: Sequence[str] = ()) -> Iterator[Broker]:
    found = Broker(directory, lines)
    found.start()
    try:
        yield found
    finally:
        found.stop()


class Listener:
    """A client that has heard `messages`: topic -> payloads in order."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self.messages: dict[str, list[str]] = {}
        self.retained: dict[str, bool] = {}
        self.subscribed = False

    def last(self, topic: str) -> str | None:
        return self.messages.get(topic, [None])[-1]

    def publish(self, topic: str, payload: str, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    async def until(self, done: Callable[[], bool], within_s: float = WAIT_S) -> None:
        async with asyncio.timeout(within_s):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def listening(port: int, *filters: str, user: str = "") -> AsyncIterator[Listener]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    if user:
        client.username_pw_set(user, user)
    found = Listener(client)

    def on_message(_: paho.Client, __: object, message: paho.MQTTMessage) -> None:
        found.messages.setdefault(message.topic, []).append(message.payload.decode())
        found.retained[message.topic] = message.retain

    def on_subscribe(*_: object) -> None:
        found.subscribed = True

    client.on_message = on_message
    client.on_subscribe = on_subscribe
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.subscribe([(one, 1) for one in filters or ("#",)])
        await found.until(lambda: found.subscribed)
        yield found
    finally:
        client.disconnect()
        client.loop_stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
