"""The permission: held, expired, released."""

from __future__ import annotations

from chargepoint.evse.permission import Permission


def test_it_holds_as_long_as_it_was_given_for_and_its_end_is_told_once() -> None:
    permission = Permission(120.0)
    assert not permission.held(0.0)
    permission.renew(50.0, 0.0)
    assert permission.held(49.9)
    assert not permission.take_expiry(49.9)
    assert not permission.expired
    assert not permission.held(50.0)
    assert permission.take_expiry(50.0)
    assert not permission.take_expiry(50.1)
    assert permission.expired


def test_what_was_revoked_or_renewed_has_not_expired() -> None:
    permission = Permission(120.0)
    permission.renew(50.0, 0.0)
    permission.revoke()
    assert not permission.held(1.0)
    assert not permission.take_expiry(99.0)
    assert not permission.expired
    permission.renew(50.0, 40.0)
    permission.take_expiry(60.0)
    permission.revoke()
    assert not permission.expired
    permission.renew(70.0, 60.0)
    permission.take_expiry(80.0)
    assert permission.expired
    permission.renew(90.0, 80.0)
    assert not permission.expired


def test_a_released_connector_needs_the_next_vehicle_or_a_new_permission() -> None:
    permission = Permission(120.0)
    permission.renew(50.0, 0.0)
    permission.release()
    assert not permission.held(1.0)
    permission.renew(60.0, 2.0)
    permission.take_expiry(2.0)
    assert not permission.held(2.0), "a mere renewal is none"
    permission.unplugged()
    assert permission.held(3.0)
    permission.release()
    permission.revoke()
    permission.take_expiry(4.0)
    permission.renew(60.0, 5.0)
    assert permission.held(5.0)
