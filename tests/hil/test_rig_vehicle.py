"""The emulated vehicle of a rig in virtual time."""

from __future__ import annotations

from hil.rig.vehicle import Drive, EmulatedVehicle, Wish


class Road:
    """A vehicle that is stepped every 20 ms."""

    def __init__(self) -> None:
        self.vehicle = EmulatedVehicle([6.0, 4.0, 6.0])
        self.now_s = 10.0
        self.drive = Drive()

    def pass_s(self, duration_s: float, offered_a: float, live: bool) -> Drive:
        for _ in range(round(duration_s / 0.02)):
            self.now_s += 0.02
            self.drive = self.vehicle.step(self.now_s, offered_a, live)
        return self.drive

    def charging(self, offered_a: float = 16.0) -> Drive:
        self.vehicle.plug_in()
        self.pass_s(1.0, offered_a, False)
        return self.pass_s(1.0, offered_a, True)


def test_s2_closes_after_an_offer_and_the_load_follows_the_voltage() -> None:
    road = Road()
    road.vehicle.plug_in()
    assert road.pass_s(2.0, 0.0, False) == Drive(plug=True, loads=(False, False, False))
    assert not road.pass_s(0.4, 16.0, False).s2
    assert road.pass_s(0.2, 16.0, False).s2
    assert road.pass_s(0.4, 16.0, True).loads == (False, False, False)
    assert road.pass_s(0.2, 16.0, True).loads == (True, True, True)


def test_the_load_never_exceeds_offer_or_wish() -> None:
    assert Road().charging(10.0).loads == (True, True, False)
    assert Road().charging(8.0).loads == (True, False, False)
    assert Road().charging(15.996).loads == (True, True, True)
    road = Road()
    road.vehicle.current_max_a = 6.0
    assert road.charging().loads == (True, False, False)


def test_a_lower_offer_is_followed_within_five_seconds_and_not_at_once() -> None:
    road = Road()
    road.charging()
    assert road.pass_s(0.5, 6.0, True).loads == (True, True, True)
    assert road.pass_s(4.0, 6.0, True).loads == (True, False, False)


def test_without_an_offer_the_load_goes_first_and_s2_within_three_seconds() -> None:
    road = Road()
    road.charging()
    stopped = road.pass_s(0.1, 0.0, True)
    assert (stopped.s2, stopped.loads) == (True, (False, False, False))
    assert not road.pass_s(2.8, 0.0, True).s2


def test_a_pause_opens_s2_after_the_load() -> None:
    road = Road()
    road.charging()
    road.vehicle.wish = Wish.PAUSE
    paused = road.pass_s(0.1, 16.0, True)
    assert (paused.s2, paused.loads) == (True, (False, False, False))
    assert not road.pass_s(0.4, 16.0, True).s2


def test_ventilation_is_asked_with_the_other_resistor() -> None:
    road = Road()
    road.charging()
    road.vehicle.wish = Wish.VENTILATION
    asking = road.pass_s(0.02, 16.0, True)
    assert (asking.s2, asking.ventilation) == (False, True)


def test_a_pulled_plug_leaves_the_load_on_until_the_outlet_is_dead() -> None:
    road = Road()
    road.charging()
    road.vehicle.unplug(road.now_s)
    pulled = road.pass_s(0.1, 16.0, True)
    assert (pulled.plug, pulled.s2, any(pulled.loads)) == (False, False, True)
    assert not any(road.pass_s(0.02, 16.0, False).loads)


def test_a_load_that_nobody_switched_off_goes_by_itself_after_half_a_second() -> None:
    road = Road()
    road.charging()
    road.vehicle.unplug(road.now_s)
    assert not any(road.pass_s(0.6, 16.0, True).loads)


def test_a_vehicle_that_ignores_the_pilot_keeps_its_load() -> None:
    road = Road()
    road.charging(6.0)
    road.vehicle.ignores_pilot = True
    ignoring = road.pass_s(5.0, 0.0, True)
    assert (ignoring.s2, ignoring.loads) == (True, (True, False, False))


def test_an_overdraw_is_all_that_there_is() -> None:
    road = Road()
    road.charging(6.0)
    road.vehicle.overdraws = True
    assert road.pass_s(0.1, 6.0, True).loads == (True, True, True)
