"""Frames of a hostile central system: made from the published schemas, then damaged.

Everything comes from one `random.Random`. A third of the requests is legal, so that it gets past
the schemas and into the station; the rest has something wrong with its payload, its frame or its
text.
"""

from __future__ import annotations

import json
import random
from functools import cache
from importlib.resources import files
from typing import Any

from chargepoint.ocpp.v16.configuration import KEYS
from tests.ocpp.v16.test_fuzz import RAW, mutated

REQUESTS = (
    "CancelReservation", "CertificateSigned", "ChangeAvailability", "ChangeConfiguration",
    "ClearCache", "ClearChargingProfile", "DataTransfer", "DeleteCertificate",
    "ExtendedTriggerMessage", "GetCompositeSchedule", "GetConfiguration", "GetDiagnostics",
    "GetInstalledCertificateIds", "GetLocalListVersion", "GetLog", "InstallCertificate",
    "RemoteStopTransaction", "Reset", "ReserveNow", "SendLocalList", "SetChargingProfile",
    "SignedUpdateFirmware", "TriggerMessage", "UnlockConnector", "UpdateFirmware",
)  # fmt: skip
"""All but RemoteStartTransaction, which is an authorization."""

REMOTE_START = "RemoteStartTransaction"
AUTO_START = "ChargepointAutoStartId"
"""A key that lets everybody charge: setting it is an authorization too."""

RARE = {"Reset": 0.02}
"""A reset costs the connection; most of the time something else is sent."""

GATES = ("BootNotification", "Authorize", "StartTransaction")
"""Mostly answered well: what comes behind them would hardly be reached otherwise."""

KEY_NAMES = tuple(key.name for key in KEYS)
TEXTS = (
    "", "1", "0", "-1", "true", "false", "86400", "99999999999", "04A1B2C3", "x" * 40, "x" * 700,
    "Energy.Active.Import.Register,Voltage.L1", "0.RST,1.RST", "\x00", "ü☃", "../../etc/passwd",
    "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x", "ftp://127.0.0.1:9/../../x",
    "%s%n", "'; DROP TABLE records; --", "$(touch /tmp/owned)",
)  # fmt: skip
TIMES = (
    "2026-11-24T06:00:00Z", "2026-11-24T12:00:00+01:00", "2027-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 7, -1, 60, 3600, 86_400, 2**31 - 1, -(2**31), 2**31)
LIKELY = {
    "startPeriod": (0, 0, 0, 60, 3600),
    "numberPhases": (1, 3),
    "duration": (60, 3600, 86_400),
}
"""Values of fields for which the first few numbers would hardly ever do."""


class Hostile:
    """An endless source of frames. `authorizes`: whether it starts charging in its own name."""

    def __init__(
        self, dice: random.Random, authorizes: bool = False, without: tuple[str, ...] = ()
    ) -> None:
        self.dice = dice
        self._authorizes = authorizes
        known = (*REQUESTS, REMOTE_START) if authorizes else REQUESTS
        self._requests = tuple(action for action in known if action not in without)
        self._count = 0

    def frame(self) -> str:
        """The next request, or what is meant to look like one."""
        if self.dice.random() < 0.03:
            return self.dice.choice(RAW)
        self._count += 1
        action = self._action()
        payload = made(published(action), self.dice)
        if action == "ChangeConfiguration" and payload["key"] == AUTO_START:
            payload["value"] = payload["value"] if self._authorizes else ""
        whole = [2, f"h{self._count}", action, payload]
        return self._damaged(whole, 0.65)

    def answer(self, message_id: str, action: str, friendly: Any) -> str | None:
        """An answer to a call of the station; None: silence. `friendly` is a good payload."""
        draw = self.dice.random()
        if action in GATES and draw < 0.9:
            return json.dumps([3, message_id, friendly])
        if draw < 0.02:
            return None
        if draw < 0.10:
            code = self.dice.choice(("InternalError", "NotSupported", "", "FormationViolation"))
            return json.dumps([4, message_id, code, "", {}])
        if draw < 0.30:
            friendly = made(published(f"{action}Response"), self.dice)
        return self._damaged([3, message_id, friendly], 0.2)

    def _action(self) -> str:
        action = self.dice.choice(self._requests)
        if self.dice.random() < 1 - RARE.get(action, 1.0):
            return "GetConfiguration"
        return action

    def _damaged(self, whole: list[Any], share: float) -> str:
        dice = self.dice
        if dice.random() > share:
            return json.dumps(whole)
        if AUTO_START in str(whole) and not self._authorizes:
            return json.dumps(whole)
        if dice.random() < 0.2:
            whole = mutated(whole, dice)
        else:
            whole = [*whole[:-1], mutated(whole[-1], dice)]
        text = json.dumps(whole)
        if dice.random() < 0.15:
            place = dice.randrange(len(text) + 1)
            text = text[:place] + dice.choice(['"', "{", "]", "", "\\", ","]) + text[place + 1 :]
        return text


@cache
def published(name: str) -> Any:
    """A schema of 1.6, as published."""
    path = files("ocpp.v16") / "schemas" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8-sig"))


def made(schema: Any, dice: random.Random, name: str = "", root: Any = None) -> Any:
    """A value that fits `schema`, mostly; `name` of the field helps to hit what exists."""
    root = schema if root is None else root
    if "$ref" in schema:
        return made(_referred(root, schema["$ref"]), dice, name, root)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kind = schema.get("type", "object")
    if kind == "object":
        needed = set(schema.get("required", ()))
        return {
            key: made(part, dice, key, root)
            for key, part in schema.get("properties", {}).items()
            if key in needed or dice.random() < 0.5
        }
    if kind == "array":
        length = dice.choice((0, 1, 1, 2, 3, 30)) or schema.get("minItems", 0)
        items = [made(schema["items"], dice, name, root) for _ in range(length)]
        if name == "chargingSchedulePeriod" and dice.random() < 0.9:
            return [{**item, "startPeriod": 600 * place} for place, item in enumerate(items)]
        return items
    if kind == "string":
        return _text(schema, dice, name)
    if kind == "boolean":
        return dice.random() < 0.5
    if kind == "integer":
        return dice.choice(NUMBERS if dice.random() < 0.15 else LIKELY.get(name, NUMBERS[:4]))
    return dice.choice((1e9, -1.0, 0.05) if dice.random() < 0.1 else (0.0, 6.0, 10.1, 16.0, 32.0))


def _text(schema: Any, dice: random.Random, name: str) -> str:
    if schema.get("format") == "date-time":
        return dice.choice(TIMES)
    if name == "key":
        return dice.choice(KEY_NAMES)
    text = dice.choice(TEXTS if name != "value" or dice.random() < 0.5 else TEXTS[1:7])
    return text if dice.random() < 0.1 else text[: schema.get("maxLength", 500)]


def _referred(root: Any, reference: str) -> Any:
    place = root
    for part in reference.removeprefix("#/").split("/"):
        place = place[part]
    return place
