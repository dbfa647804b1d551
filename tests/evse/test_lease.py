"""A lease ends by itself, whatever its giver does or says."""

from __future__ import annotations

import pytest

from chargepoint.evse.lease import Lease


def test_a_lease_that_was_never_given_is_not_alive() -> None:
    assert not Lease(10).alive(0.0)


def test_a_lease_ends_at_its_instant() -> None:
    lease = Lease(10)
    lease.renew(105.0, 100.0)
    assert lease.alive(104.999)
    assert not lease.alive(105.0)


@pytest.mark.parametrize("until_s", [111.0, 1e12, float("inf")])
def test_a_lease_is_capped_however_late_its_giver_wants_it_to_end(until_s: float) -> None:
    lease = Lease(10)
    lease.renew(until_s, 100.0)
    assert lease.alive(109.999)
    assert not lease.alive(110.0)


@pytest.mark.parametrize("until_s", [99.0, 100.0, float("-inf"), float("nan")])
def test_a_lease_until_the_past_or_never_is_not_alive(until_s: float) -> None:
    lease = Lease(10)
    lease.renew(until_s, 100.0)
    assert not lease.alive(100.0)


def test_renewals_left_in_a_buffer_do_not_outlive_their_sender() -> None:
    lease = Lease(10)
    for read_s in (100.0, 104.0, 108.0):
        lease.renew(105.0, read_s)
    assert not lease.alive(105.0)


def test_an_expiry_is_told_once() -> None:
    lease = Lease(10)
    lease.renew(105.0, 100.0)
    assert [lease.take_expiry(now_s) for now_s in (104.0, 105.0, 106.0)] == [False, True, False]


def test_a_revoked_lease_has_no_expiry_to_tell() -> None:
    lease = Lease(10)
    lease.renew(105.0, 100.0)
    lease.revoke()
    assert not lease.alive(101.0)
    assert not lease.take_expiry(200.0)
