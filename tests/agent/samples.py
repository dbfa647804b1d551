"""Records and effects that the tests of this room share."""

from __future__ import annotations

from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.station.effects import Append, Put
from chargepoint.station.records import (
    ChargingState,
    IdToken,
    Measurand,
    ReadingContext,
    Sample,
    SampledValue,
    Stamp,
    StopReason,
    TransactionEnded,
    TransactionId,
    TransactionStarted,
    TransactionUpdated,
    Trigger,
)
from hal.values import PilotState

TRANSACTION = TransactionId("2f0c7f5e-6f7e-4a53-9a30-5a8f3f1f6d11")


def stamp(at_s: float = 10.0) -> Stamp:
    return Stamp(boot="b3a1c0de", at_s=at_s)


def started(sequence: int = 1) -> TransactionStarted:
    return TransactionStarted(
        sequence=sequence,
        number=0,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        id_token=IdToken(value="04A1B2C3"),
        stamp=stamp(),
        meter_start_wh=1000,
        trigger=Trigger.AUTHORIZED,
        charging_state=ChargingState.EV_CONNECTED,
        offline=False,
    )


def values() -> tuple[SampledValue, ...]:
    """One sample as the demo configuration asks for it: energy, power, three currents, voltages."""
    phases = ("L1", "L2", "L3")
    return (
        SampledValue(measurand=Measurand.ENERGY_ACTIVE_IMPORT_REGISTER, value=123456.0),
        SampledValue(measurand=Measurand.POWER_ACTIVE_IMPORT, value=11040.0),
        *(
            SampledValue(measurand=Measurand.CURRENT_IMPORT, value=16.02, phase=phase)
            for phase in phases
        ),
        *(
            SampledValue(measurand=Measurand.VOLTAGE, value=230.1, phase=f"{phase}-N")
            for phase in phases
        ),
    )


def updated(sequence: int = 2) -> TransactionUpdated:
    return TransactionUpdated(
        sequence=sequence,
        number=sequence - 1,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        stamp=stamp(20.0),
        trigger=Trigger.METER_VALUE_PERIODIC,
        charging_state=ChargingState.CHARGING,
        offline=False,
        samples=(
            Sample(stamp=stamp(20.0), context=ReadingContext.SAMPLE_PERIODIC, values=values()),
        ),
    )


def ended(sequence: int = 3) -> TransactionEnded:
    return TransactionEnded(
        sequence=sequence,
        number=sequence - 1,
        transaction=TRANSACTION,
        evse=1,
        connector=1,
        stamp=stamp(30.0),
        meter_stop_wh=1500,
        reason=StopReason.LOCAL,
        trigger=Trigger.STOP_AUTHORIZED,
        offline=False,
    )


def kept(record: TransactionStarted | TransactionUpdated | TransactionEnded) -> Append:
    """On the disk before anything else."""
    return Append(record=record, durable=True)


def loose(record: TransactionStarted | TransactionUpdated | TransactionEnded) -> Append:
    """May be lost with the power."""
    return Append(record=record, durable=False)


def put(key: str, value: str, *, space: str = "transactions", durable: bool = True) -> Put:
    return Put(space=space, key=key, value=value, durable=durable)


def snapshot(evse: int, phase: Phase = Phase.IDLE, hazards: tuple[str, ...] = ()) -> EvseSnapshot:
    """An EVSE at rest, as its safety program shows it."""
    return EvseSnapshot(
        evse=evse,
        phase=phase,
        pilot=PilotState.A,
        plug_in=0,
        connected=False,
        contactor_closed=False,
        permitted=False,
        operative=True,
        limit_a=16.0,
        offered_a=0.0,
        limit_expired=False,
        cable_current_a=None,
        locked=None,
        temperature_c=None,
        hazards=hazards,
        stop_cause=None,
        operations=0,
    )
