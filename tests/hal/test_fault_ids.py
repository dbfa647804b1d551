"""Every fault that a board reports by itself is in the catalogue."""

from __future__ import annotations

from chargepoint.catalog import entries
from hal.drivers import bender_cc6, openevse_state, phoenix_ev_cc
from hal.register_map import load


def test_every_fault_of_every_board_stands_in_the_catalogue() -> None:
    named = {*bender_cc6.ERROR_BITS.values(), *phoenix_ev_cc.FAULTS.values()}
    named |= {*openevse_state.FAULTS.values(), "board_failure"}
    bits = load("reference_pilot_board").reading["faults"].bits
    named |= {f"board_{bit}" for bit in bits}
    assert named - {None} - set(entries()) == set()


def test_no_fault_of_a_board_stands_there_without_a_driver_that_reports_it() -> None:
    faults = {one.id for one in entries().values() if one.kind == "fault"}
    named = {*bender_cc6.ERROR_BITS.values(), *phoenix_ev_cc.FAULTS.values(), "board_failure"}
    named |= {*openevse_state.FAULTS.values()}
    named |= {f"board_{bit}" for bit in load("reference_pilot_board").reading["faults"].bits}
    assert {one for one in faults if one.startswith("board_")} - named == set()
