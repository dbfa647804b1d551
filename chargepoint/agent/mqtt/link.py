"""One connection to the broker, in a thread of its own; everything else is told in the loop.

The MQTT library resolves, connects and shakes hands blockingly. In its own thread none of that can
hold up the station or its end, whatever the broker or the name server does. A new client is made
for each connection; the broker announces our absence by the last will on `…/online`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from chargepoint import log
from chargepoint.agent.backoff import Backoff
from chargepoint.agent.mqtt.topics import Topics
from chargepoint.agent.notify.trust import Roots, tls_words
from chargepoint.agent.notify.way import Undelivered, one_line
from chargepoint.config.people import Mqtt

OUTBOX_MAX = 500
"""Messages that may be under way to the broker; states beyond it are dropped, alerts refused."""

INBOX_MAX = 50
"""Received messages that may wait for the loop; further ones are dropped."""

PAYLOAD_MAX = 1024
PACKET_MAX_BYTES = 256 * 1024
"""The library would take a packet of 256 MB into memory before it shows any of it."""

KEEPALIVE_S = 30
ANSWER_S = 10.0
"""Longest wait for the broker's answers to CONNECT and to a published alert."""

WAKE_S = 1.0
ONLINE, OFFLINE = "online", "offline"

Watcher = Callable[[bool, str], None]
"""Whether it is connected now, and else why not."""

Received = Callable[[str, bytes, bool], None]
"""Topic, payload, and whether the broker had kept it."""


class _Parcel(msgspec.Struct, kw_only=True):
    """One message on its way out."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    outcome: asyncio.Future[None] | None = None


class _Client(paho.Client):
    """Leaves a broker that announces more than anybody here wants to read."""

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > PACKET_MAX_BYTES:
            raise ValueError(f"the broker sends {bufsize} bytes at once")
        return super()._sock_recv(bufsize)


class MqttLink:
    """`watchers` hear of each change, `readers` of each message, both in the loop's thread."""

    def __init__(
        self,
        settings: Mqtt,
        station: str,
        topics: Topics,
        retry_min_s: float = 2.0,
    ) -> None:
        self._settings = settings
        self._client_id = f"chargepoint-{station}"
        self._topics = topics
        self.watchers: list[Watcher] = []
        self.readers: list[Received] = []
        self._backoff = Backoff(
            wait_min_s=retry_min_s, random_range_s=retry_min_s, doublings=4, random=random.random
        )
        self._roots = Roots(settings.ca_file)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._ending = threading.Event()
        self._ended = asyncio.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._outbox: deque[_Parcel] = deque()
        self._under_way: dict[int, _Parcel] = {}
        self.subscriptions: list[str] = []
        """Filters of what the readers want; to be set before the start."""
        self._crowd = threading.Semaphore(INBOX_MAX)
        self.connected = False
        """As the loop has been told."""
        self.error = "not connected yet"
        self._log = log.get("mqtt")

    # --- In the loop ------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._thread.start()

    async def stop(self, wait_s: float = 1.0) -> None:
        """Say `offline` and leave, when the broker takes it within `wait_s`."""
        self._ending.set()
        self._wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._ended.wait()

    def post(self, topic: str, payload: str, *, retain: bool = True) -> bool:
        """Send a state, once; False when it cannot be sent now."""
        if not self.connected or self._full:
            return False
        self._put(_Parcel(topic=topic, payload=payload.encode(), retain=retain, qos=0))
        return True

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Return when the broker has confirmed it. Raises Undelivered."""
        if not self.connected:
            raise Undelivered(f"no broker: {self.error}", retry=True)
        if self._full:
            raise Undelivered("too much waits for the broker already", retry=True)
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(_Parcel(topic=topic, payload=payload, retain=retain, qos=1, outcome=outcome))
        try:
            async with asyncio.timeout(ANSWER_S):
                await outcome
        except TimeoutError:
            raise Undelivered("the broker does not confirm", retry=True) from None

    @property
    def _full(self) -> bool:
        return len(self._outbox) + len(self._under_way) >= OUTBOX_MAX

    def _put(self, parcel: _Parcel) -> None:
        self._outbox.append(parcel)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it wakes up anyway
            self._wake_in.send(b"\0")

    def _note(self, connected: bool, error: str) -> None:
        self.connected, self.error = connected, error
        for watcher in self.watchers:
            watcher(connected, error)

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        self._crowd.release()
        for reader in self.readers:
            reader(topic, payload, retained)

    # --- In the thread ----------------------------------------------------------------------------

    def _tell(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended before us
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        try:
            self._stay()
        finally:
            self._wake_in.close()
            self._wake_out.close()
            self._tell(self._ended.set)

    def _stay(self) -> None:
        """Connect, and connect again, until the end."""
        known = ""
        while not self._ending.is_set():
            began_s = time.monotonic()
            error = self._session()
            self._give_back(error)
            if self._ending.is_set():
                return
            if error != known:
                self._log.warning("mqtt.disconnected", error=error)
                known = error
            if time.monotonic() - began_s > KEEPALIVE_S:
                self._backoff.proved()
                known = ""
            self._tell(partial(self._note, False, error))
            self._ending.wait(self._backoff.next_wait_s())

    def _session(self) -> str:
        """One connection from its making to its end; why it ended."""
        client = self._client()
        try:
            if self._settings.tls:
                client.tls_set_context(self._roots.load())
            client.connect(self._settings.host, self._settings.port, KEEPALIVE_S)
            return self._serve(client)
        except ssl.SSLError as error:
            return tls_words(error)
        except (OSError, ValueError) as error:
            return one_line(str(error) or type(error).__name__)
        except (
            Exception
        ) as error:  # the library's parsers raise all sorts for bytes that are no MQTT
            return one_line(f"the broker sends what is no MQTT: {type(error).__name__}")
        finally:
            _shut(client)

    def _client(self) -> paho.Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2, client_id=self._client_id, reconnect_on_failure=False
        )
        client.connect_timeout = ANSWER_S
        client.max_inflight_messages_set(20)
        client.max_queued_messages_set(OUTBOX_MAX)
        if settings.user:
            client.username_pw_set(settings.user, settings.password or None)
        client.will_set(self._topics.online, OFFLINE, qos=1, retain=True)
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _serve(self, client: paho.Client) -> str:
        answers: list[str] = []

        def on_connect(
            _: paho.Client, __: object, ___: object, code: ReasonCode, ____: object
        ) -> None:
            answers.append(f"the broker refuses us: {code}" if code.is_failure else "")

        client.on_connect = on_connect
        greeted = False
        until_s = time.monotonic() + ANSWER_S
        while not self._ending.is_set():
            problem = self._turn(client)
            if answers and answers[0]:
                return answers[0]
            if problem:
                return problem
            if answers and not greeted:
                greeted = True
                self._greet(client)
            elif not greeted and time.monotonic() > until_s:
                return f"the broker says nothing within {ANSWER_S:g} s"
            if greeted:
                self._hand_over(client)
        self._farewell(client, greeted)
        return "ended"

    def _turn(self, client: paho.Client) -> str:
        """Move bytes for a moment; what is wrong, if anything."""
        line = client.socket()
        if line is None:
            return "the broker has closed the connection"
        held = isinstance(line, ssl.SSLSocket) and line.pending() > 0
        wanting = [line] if client.want_write() else []
        poll = _Poll(line, bool(wanting), self._wake_out)
        readable, writable, woken = poll.wait(0.0 if held else WAKE_S)
        if woken:
            with contextlib.suppress(OSError):
                self._wake_out.recv(4096)
        codes = []
        if readable or held:
            codes.append(client.loop_read())
        if writable and client.socket() is not None:
            codes.append(client.loop_write())
        codes.append(client.loop_misc())
        wrong = next((code for code in codes if code != paho.MQTT_ERR_SUCCESS), None)
        return "" if wrong is None else paho.error_string(wrong)

    def _greet(self, client: paho.Client) -> None:
        self._give_back("just before this one")  # put in before the loop knew of the loss
        client.publish(self._topics.online, ONLINE, qos=1, retain=True)
        for subscription in self.subscriptions:
            client.subscribe(subscription, qos=1)
        self._log.info("mqtt.connected", broker=self._settings.host)
        self._tell(partial(self._note, True, ""))

    def _hand_over(self, client: paho.Client) -> None:
        while self._outbox:
            parcel = self._outbox.popleft()
            sent = client.publish(parcel.topic, parcel.payload, parcel.qos, parcel.retain)
            if sent.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_QUEUE_SIZE):
                self._settle(parcel, paho.error_string(sent.rc))
                return
            if sent.rc == paho.MQTT_ERR_QUEUE_SIZE:
                self._settle(parcel, "too much waits for the broker already")
            elif sent.is_published():
                self._settle(parcel, "")
            else:
                self._under_way[sent.mid] = parcel

    def _on_publish(
        self, client: paho.Client, data: object, mid: int, code: object, properties: object
    ) -> None:
        parcel = self._under_way.pop(mid, None)
        if parcel is not None:
            self._settle(parcel, "")

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        if len(message.payload) <= PAYLOAD_MAX and self._crowd.acquire(blocking=False):
            self._tell(partial(self._take, message.topic, bytes(message.payload), message.retain))

    def _settle(self, parcel: _Parcel, problem: str) -> None:
        outcome = parcel.outcome
        if outcome is not None:
            self._tell(partial(_settle, outcome, problem))

    def _give_back(self, error: str) -> None:
        """Nothing waits for another connection: the engine repeats alerts, states are made anew."""
        for parcel in (*self._under_way.values(), *self._outbox):
            self._settle(parcel, f"the connection to the broker is lost: {error}")
        self._under_way.clear()
        self._outbox.clear()

    def _farewell(self, client: paho.Client, greeted: bool) -> None:
        if not greeted:
            return
        said = client.publish(self._topics.online, OFFLINE, qos=1, retain=True)
        until_s = time.monotonic() + WAKE_S
        while not said.is_published() and time.monotonic() < until_s:
            if self._turn(client):
                return
        client.disconnect()


class _Poll:
    """Waits for a socket and for the call to wake up, whatever their numbers are."""

    def __init__(self, line: paho.SocketLike, writing: bool, wake: socket.socket) -> None:
        self._line, self._wake = line.fileno(), wake.fileno()
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN | (select.POLLOUT if writing else 0))
        self._poll.register(self._wake, select.POLLIN)

    def wait(self, within_s: float) -> tuple[bool, bool, bool]:
        """Readable (or broken), writable, woken."""
        events = dict(self._poll.poll(int(within_s * 1000)))
        of_line = events.get(self._line, 0)
        return bool(of_line & ~select.POLLOUT), bool(of_line & select.POLLOUT), self._wake in events


def _settle(outcome: asyncio.Future[None], problem: str) -> None:
    if outcome.done():
        return
    if problem:
        outcome.set_exception(Undelivered(problem, retry=True))
    else:
        outcome.set_result(None)


def _shut(client: paho.Client) -> None:
    """Close the socket without a word: after a word, or where none helps."""
    line = client.socket()
    if line is not None:
        with contextlib.suppress(OSError):
            line.close()
