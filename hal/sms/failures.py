"""What an error number of a modem means for a message: words, and what to do about it.

`+CMS ERROR` (3GPP TS 27.005, 3.2.5 with 24.011 and 23.040) and `+CME ERROR` (27.007, 9.2). Numbers
from 512 on are the maker's own and clash between makers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Advice(Enum):
    """What may help."""

    GIVE_UP = "give up"
    LATER = "try again later"
    SOON = "try again in some seconds"
    ONCE = "try once more"
    MAKE_ROOM = "delete stored messages and try again"
    SET_CENTRE = "set the number of the service centre and try again"
    MODEM = "try once more; restart the modem when it becomes a habit"

    @property
    def again(self) -> bool:
        """Whether a message that failed with this is worth another attempt after a while."""
        return self in (Advice.LATER, Advice.SOON, Advice.MAKE_ROOM, Advice.MODEM)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a command was refused."""

    reason: str
    advice: Advice = Advice.GIVE_UP


# fmt: off
_A = Advice
MESSAGE_FAILURES = {  #  +CMS ERROR
    1:   Failure("the number is not assigned"),
    8:   Failure("barred by the operator"),
    10:  Failure("the number is barred"),
    21:  Failure("the network rejects it",                   _A.LATER),
    27:  Failure("the phone is out of service",              _A.LATER),
    28:  Failure("the subscriber is not identified"),
    29:  Failure("the network rejects short messages"),
    30:  Failure("the subscriber is not known"),
    38:  Failure("the network is out of order",              _A.LATER),
    41:  Failure("temporary failure of the network",         _A.LATER),
    42:  Failure("the network is congested",                 _A.LATER),
    47:  Failure("no resources in the network",              _A.LATER),
    50:  Failure("the contract does not include short messages"),
    69:  Failure("the network does not know short messages"),
    95:  Failure("the network calls the message invalid"),
    96:  Failure("the network misses something in the message"),
    97:  Failure("the network does not know this kind of message"),
    98:  Failure("the message does not fit to the state of the protocol"),
    99:  Failure("the network does not know part of the message"),
    111: Failure("unspecified protocol error"),
    127: Failure("unspecified failure between networks",     _A.ONCE),
    0xC0: Failure("the service centre is busy",              _A.LATER),
    0xC1: Failure("no contract with the service centre"),
    0xC2: Failure("the service centre fails",                _A.LATER),
    0xC3: Failure("the service centre calls the number invalid"),
    0xC4: Failure("the service centre bars the number"),
    0xC5: Failure("the service centre takes it for a duplicate"),
    0xD0: Failure("the memory of the SIM is full",           _A.MAKE_ROOM),
    0xD3: Failure("the memory is full",                      _A.MAKE_ROOM),
    300: Failure("the modem fails",                          _A.MODEM),
    301: Failure("the modem reserves this"),
    302: Failure("the modem does not allow it yet",          _A.SOON),
    303: Failure("the modem does not support it"),
    304: Failure("the modem calls the message invalid"),
    305: Failure("the modem calls the text invalid"),
    310: Failure("there is no SIM"),
    311: Failure("the SIM wants its PIN"),
    312: Failure("the device wants the PIN of its SIM lock"),
    313: Failure("the SIM fails"),
    314: Failure("the SIM is busy",                          _A.SOON),
    315: Failure("this is the wrong SIM"),
    316: Failure("the SIM is blocked and wants its PUK"),
    317: Failure("the SIM wants its PIN2"),
    318: Failure("the SIM wants its PUK2"),
    320: Failure("the memory fails",                         _A.MAKE_ROOM),
    321: Failure("there is no such place in the memory"),
    322: Failure("the memory is full",                       _A.MAKE_ROOM),
    330: Failure("the number of the service centre is not known", _A.SET_CENTRE),
    331: Failure("there is no network",                      _A.LATER),
    332: Failure("the network does not answer",              _A.LATER),
    340: Failure("nothing to acknowledge",                   _A.ONCE),
    500: Failure("unknown error of the modem",               _A.MODEM),
    532: Failure("the SIM is not ready",                     _A.SOON),
    535: Failure("the modem is busy",                        _A.SOON),
    615: Failure("the network is down",                      _A.LATER),
    616: Failure("the network is down",                      _A.LATER),
}

EQUIPMENT_FAILURES = {  #  +CME ERROR
    0:   Failure("the modem fails",                          _A.MODEM),
    3:   Failure("the modem does not allow it"),
    4:   Failure("the modem does not support it"),
    5:   Failure("the device wants the PIN of its SIM lock"),
    10:  Failure("there is no SIM"),
    11:  Failure("the SIM wants its PIN"),
    12:  Failure("the SIM is blocked and wants its PUK"),
    13:  Failure("the SIM fails"),
    14:  Failure("the SIM is busy",                          _A.SOON),
    15:  Failure("this is the wrong SIM"),
    16:  Failure("the PIN is wrong"),
    17:  Failure("the SIM wants its PIN2"),
    18:  Failure("the SIM wants its PUK2"),
    20:  Failure("the memory is full",                       _A.MAKE_ROOM),
    21:  Failure("there is no such place in the memory"),
    22:  Failure("not found"),
    23:  Failure("the memory fails",                         _A.MAKE_ROOM),
    30:  Failure("there is no network",                      _A.LATER),
    31:  Failure("the network does not answer",              _A.LATER),
    32:  Failure("the network allows emergency calls only",  _A.LATER),
    100: Failure("unknown error of the modem",               _A.MODEM),
    103: Failure("the network refuses this SIM"),
    106: Failure("the network refuses this device"),
    111: Failure("the network is not allowed for this SIM"),
    112: Failure("the area is not allowed for this SIM"),
    113: Failure("roaming is not allowed for this SIM"),
    770: Failure("the network refuses this SIM"),
    772: Failure("the SIM is switched off",                  _A.SOON),
}
# fmt: on

PERSONALIZED = range(40, 48)
OF_THE_MAKER = 512


def message_failure(code: int) -> Failure:
    """What `+CMS ERROR: code` means."""
    if code in MESSAGE_FAILURES:
        return MESSAGE_FAILURES[code]
    if 128 <= code <= 255:
        return Failure(f"the service centre refuses it, cause {code:#04x}")
    if code >= OF_THE_MAKER:
        return Failure(f"error {code} of this make of modem", Advice.MODEM)
    return Failure(f"message error {code}", Advice.ONCE)


def equipment_failure(code: int) -> Failure:
    """What `+CME ERROR: code` means."""
    if code in EQUIPMENT_FAILURES:
        return EQUIPMENT_FAILURES[code]
    if code in PERSONALIZED:
        return Failure("the device is locked to another network")
    return Failure(f"modem error {code}", Advice.ONCE)
