"""The signed slot, from a meter that fills it to the records; no device driver does so yet."""

from __future__ import annotations

from dataclasses import replace

from chargepoint.station.records import ReadingContext
from tests.station.world import World

BLOB = "AP;0;3;SIGNED"


class SigningWorld(World):
    """Its meter can sign, and does while `signature` is set."""

    signature: str | None = BLOB

    def __init__(self, **variables: str) -> None:
        places = {("SampledDataCtrlr", name): value for name, value in variables.items()}
        super().__init__(variables=places)
        (evse,) = self.settings.evses
        self.settings = replace(self.settings, evses=(replace(evse, signing_meter=True),))
        self.start()
        self.accept()

    def meter(self, evse: int, energy_wh: float | None = None, **fields: object) -> None:
        super().meter(evse, energy_wh, signed=self.signature, **fields)

    def charge(self) -> None:
        self.charging()
        self.card("04A1")
        self.wait(10.0)


def test_begin_and_end_carry_what_the_meter_signed() -> None:
    """E15."""
    world = SigningWorld()
    world.charge()
    (end,) = world.ends
    assert [(sample.context, sample.signed) for sample in end.samples] == [
        (ReadingContext.TRANSACTION_BEGIN, BLOB),
        (ReadingContext.SAMPLE_PERIODIC, None),
        (ReadingContext.TRANSACTION_END, BLOB),
    ]


def test_what_is_sent_in_between_is_signed_where_that_is_wanted() -> None:
    """E15."""
    world = SigningWorld(SignUpdatedReadings="true")
    world.charge()
    assert {update.samples[0].signed for update in world.updates} == {BLOB}


def test_a_meter_that_signs_nothing_leaves_it_out() -> None:
    """E15."""
    world = SigningWorld()
    world.signature = None
    world.wait(1.0)
    world.charge()
    (end,) = world.ends
    assert {sample.signed for sample in end.samples} == {None}


def test_a_signature_survives_a_kill_of_the_agent() -> None:
    """E15: the begin is kept with the other values for the end."""
    world = SigningWorld()
    world.charging()
    world.kill_agent()
    world.accept()
    world.wait(5.0)
    world.card("04A1")
    world.wait(10.0)
    assert world.ends[0].samples[0].signed == BLOB


def test_without_such_a_meter_there_is_no_key_for_it() -> None:
    """Configuration keys, section 1, rule 9."""
    assert World().station.device_model.get("SampledDataCtrlr", "SignReadings") is None
    model = SigningWorld().station.device_model
    assert model.text("SampledDataCtrlr", "SignReadings") == "true"


def test_the_csms_can_switch_it_off() -> None:
    """E15."""
    world = SigningWorld(SignReadings="false")
    world.charge()
    assert {sample.signed for sample in world.ends[0].samples} == {None}
