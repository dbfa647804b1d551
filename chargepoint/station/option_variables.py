"""Variables beyond the standard's: rules of an operator, prices, signed readings.

Those with a prefix of our own are vendor keys (configuration keys, section 8). A feature that this
station does not have has no variable, because presence means that it can be used (section 1, rule
9).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chargepoint.station.settings import StationSettings
from chargepoint.station.variables import INTEGER_MAX, TEXT_MAX, Definition, Kind

TOKEN_MAX = 20
"""Characters of an IdToken in OCPP 1.6."""

DEAD_TIME_MAX_S = 60
LANGUAGE_MAX = 8
"""Characters of a language tag (RFC 5646)."""

ACCESS = "CustomAccess"
"""Component of our own: who may charge in ways that the standard does not know."""

PRICES = "CustomTariff"
"""Component of the application note on prices (California, version 3.1)."""

SIGNING = "SampledDataCtrlr"

_B, _I, _T = Kind.BOOLEAN, Kind.INTEGER, Kind.TEXT


def _row(
    component: str,
    variable: str,
    kind: Kind,
    default: str,
    *,
    maximum: int = INTEGER_MAX,
    length_max: int = TEXT_MAX,
    writable: bool = True,
    check: Callable[[str], bool] = lambda text: True,
) -> Definition:
    return Definition(
        component=component,
        variable=variable,
        kind=kind,
        default=default,
        writable=writable,
        maximum=maximum,
        length_max=length_max,
        check=check,
    )


def option_variables(settings: StationSettings) -> tuple[Definition, ...]:
    """What this station offers beyond the standard."""
    return (
        *_access(),
        *(_prices() if settings.prices else ()),
        *(_signing() if any(evse.signing_meter for evse in settings.evses) else ()),
    )


def _access() -> tuple[Definition, ...]:
    return (
        _row("AuthCtrlr", "MasterPassGroupId", _T, "", length_max=TOKEN_MAX),
        _row(ACCESS, "AutoStartId", _T, "", length_max=TOKEN_MAX),
        _row(ACCESS, "StopOnSecondSwipe", _B, "true"),
        _row(ACCESS, "CardDeadTime", _I, "0", maximum=DEAD_TIME_MAX_S),
    )


def _prices() -> tuple[Definition, ...]:
    return (
        _row(PRICES, "Enabled", _B, "true"),
        _row(PRICES, "DefaultPrice", _T, "", check=_is_price),
        _row(PRICES, "IdleFeeAfterStop", _B, "false"),
        _row(PRICES, "Language", _T, "en", length_max=LANGUAGE_MAX),
        _row(PRICES, "MultiLanguage", _B, "true", writable=False),
    )


def _signing() -> tuple[Definition, ...]:
    return (
        _row(SIGNING, "SignReadings", _B, "true"),
        _row(SIGNING, "SignUpdatedReadings", _B, "false"),
        _row("AlignedDataCtrlr", "SignUpdatedReadings", _B, "false"),
    )


def _is_price(text: str) -> bool:
    """JSON with the text of a price, as the application note has it; nothing is no price."""
    try:
        price = msgspec.json.decode(text) if text else {"priceText": ""}
    except msgspec.DecodeError:
        return False
    if not isinstance(price, dict):
        return False
    texts = (price.get("priceText"), price.get("priceTextOffline", ""))
    return all(isinstance(one, str) for one in texts)
