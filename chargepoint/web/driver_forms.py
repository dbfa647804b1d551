"""What drivers send: a problem, or a wish to be told. Checked here, decided by the agent.

Anybody can reach these forms. A form from another site is refused, one that a robot has filled in
is thanked and dropped, and nobody sends many: the bounds are per address and for the station.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request

from chargepoint.config import Config
from chargepoint.ipc.care import ReportProblem, Subscribe
from chargepoint.ipc.service import Action

BODY_MAX_BYTES = 8192
TEXT_MAX = 500
ANSWER_MAX = 100
CHANNELS = ("email", "sms")
"""Those that reach a person by an address that a person knows; `web.subscribe` enables them."""

BY = "driver's page"
EMAIL = re.compile(
    r"[^@\s\x00-\x20\x7f<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+"
)
PHONE = re.compile(r"^\+[1-9]\d{5,14}$")


class Bad(Exception):
    """The form cannot be taken; the text is the key of a phrase."""

    def __init__(self, key: str, **fields: object) -> None:
        super().__init__(key)
        self.key, self.fields = key, fields


class Form(msgspec.Struct, kw_only=True):
    """Base: what every form has. Empty fields are for `request` to refuse in the driver's words."""

    evse: int = 0
    website: str = ""
    """No person sees this field; whoever fills it in is none."""


class Problem(Form):
    text: str = ""
    answer_to: str = ""

    def request(self, config: Config, language: str) -> Action:
        """What the agent is asked. Raises Bad."""
        text, answer_to = plain(self.text), one_line(self.answer_to)
        if not text:
            raise Bad("driver.problem.empty")
        if len(text) > TEXT_MAX:
            raise Bad("driver.problem.long", found=len(text))
        if len(answer_to) > ANSWER_MAX:
            raise Bad("driver.problem.answer_long")
        if self.evse != 0:
            _known(self.evse, config)
        return ReportProblem(evse=self.evse, text=text, answer_to=answer_to, by=BY)


class Wish(Form):
    wanted: str = "done"
    channel: str = ""
    address: str = ""

    def request(self, config: Config, language: str) -> Action:
        """What the agent is asked. Raises Bad."""
        _known(self.evse, config)
        if self.channel not in channels(config) or self.wanted not in ("done", "free"):
            raise Bad("driver.form.bad")
        address = self.address.strip()
        if self.channel == "sms":
            address = re.sub(r"[\s()/-]", "", address)
        form = EMAIL if self.channel == "email" else PHONE
        if len(address) > ANSWER_MAX or not form.fullmatch(address):
            raise Bad(f"driver.subscribe.bad_{self.channel}")
        wanted: Literal["done", "free"] = "done" if self.wanted == "done" else "free"
        return Subscribe(
            evse=self.evse,
            wanted=wanted,
            channel=self.channel,
            address=address,
            language=language,
            by=BY,
        )


AnyForm = Problem | Wish


def channels(config: Config) -> tuple[str, ...]:
    """Ways on which a driver may be told, in the order of the configuration."""
    allowed = () if config.web is None else config.web.subscribe
    return tuple(each for each in dict.fromkeys(allowed) if each in CHANNELS)


async def read_form(request: Request, kind: type[AnyForm]) -> AnyForm:
    """The form in the body, JSON or as a browser sends it. Raises Bad."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX_BYTES:
            raise Bad("driver.form.bad")
    try:
        if is_json(request):
            return msgspec.json.decode(bytes(body), type=kind)
        return msgspec.convert(_fields(bytes(body)), kind, strict=False)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Bad("driver.form.bad") from error


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def plain(text: str) -> str:
    """`text` without control characters but line ends, and without blank margins."""
    kept = (sign for sign in text.replace("\r\n", "\n").replace("\r", "\n") if _printable(sign))
    return "".join(kept).strip()


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


class Quota:
    """So many in so long, for each address and for all together; old ones are forgotten."""

    ADDRESSES_MAX = 1000

    def __init__(self, each: int, total: int, within_s: float, now: Callable[[], float]) -> None:
        self._each, self._total, self._within_s, self._now = each, total, within_s, now
        self._all: deque[float] = deque(maxlen=total)
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """True, and counted; False when it is too much."""
        now_s = self._now()
        mine = self._taken.setdefault(address, deque(maxlen=self._each))
        self._taken.move_to_end(address)
        while len(self._taken) > self.ADDRESSES_MAX:
            self._taken.popitem(last=False)
        for times in (mine, self._all):
            while times and now_s - times[0] >= self._within_s:
                times.popleft()
        if len(mine) >= self._each or len(self._all) >= self._total:
            return False
        mine.append(now_s)
        self._all.append(now_s)
        return True


def _known(evse: int, config: Config) -> None:
    if evse not in {each.id for each in config.evse}:
        raise Bad("driver.form.bad")


def _fields(body: bytes) -> dict[str, Any]:
    """Fields of a form as a browser sends it. Raises ValueError."""
    text = body.decode("utf-8")
    return {key: values[0] for key, values in parse_qs(text, max_num_fields=20).items()}


def _printable(sign: str) -> bool:
    return sign == "\n" or unicodedata.category(sign)[0] != "C"
