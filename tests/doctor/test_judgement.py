"""Every check with what spoils it: the finding that names the cause, and no other beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chargepoint.catalog import entries, languages, phrase
from chargepoint.config import parse
from chargepoint.doctor import Evidence, judge, parts
from chargepoint.doctor.checks import programs
from chargepoint.doctor.evidence import ControlFacts, FileFacts, Probe, ServiceFacts, Way
from chargepoint.ipc.care import AlertStatus, DeliveryStatus
from chargepoint.ipc.messages import RcdTested
from hal.values import PilotLevels, PilotState
from tests.doctor import samples
from tests.doctor.samples import healthy, of_part, wrongs

Spoil = Callable[[Evidence], Evidence]


# --- What can be spoilt ---------------------------------------------------------------------------


def port(bus: str, **changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        ports = tuple(replace(one, **changes) if one.bus == bus else one for one in evidence.ports)
        return replace(evidence, ports=ports)

    return spoil


def host(**changes: Any) -> Spoil:
    return lambda evidence: replace(evidence, host=replace(evidence.host, **changes))


def health(**changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        assert evidence.health is not None
        return replace(evidence, health=replace(evidence.health, **changes))

    return spoil


def bus(name: str, **changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        assert evidence.health is not None
        buses = tuple(
            replace(one, **changes) if one.bus == name else one for one in evidence.health.buses
        )
        return health(buses=buses)(evidence)

    return spoil


def told_lost(device: str, detail: str = "no reply") -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        assert evidence.health is not None
        devices = tuple(
            replace(one, answers=False, detail=detail) if one.device == device else one
            for one in evidence.health.devices
        )
        return health(devices=devices)(evidence)

    return spoil


def probe(device: str, **changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        others = tuple(one for one in evidence.probes if one.device != device)
        return replace(evidence, probes=(*others, Probe(device=device, **changes)))

    return spoil


def evse(**changes: Any) -> Spoil:
    """The EVSE as its safety program shows it."""

    def spoil(evidence: Evidence) -> Evidence:
        now = replace(samples.at_rest(), **changes)
        controls = tuple(replace(one, evses=(now,)) for one in evidence.controls)
        return replace(evidence, controls=controls)

    return spoil


def status(**changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        assert evidence.status is not None
        return replace(evidence, status=replace(evidence.status, **changes))

    return spoil


def counts(**changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        assert evidence.status is not None
        [told] = evidence.status.evses
        assert told.counts is not None
        return status(evses=(replace(told, counts=replace(told.counts, **changes)),))(evidence)

    return spoil


def file(use: str, **changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        files = tuple(replace(one, **changes) if one.use == use else one for one in evidence.files)
        return replace(evidence, files=files)

    return spoil


def csms(*ways: Way, **changes: Any) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        found = status(csms=samples.csms_status(**changes))(evidence)
        return replace(found, ways=ways)

    return spoil


def way(**changes: Any) -> Way:
    return replace(
        Way(url="wss://csms.example/ocpp", host="csms.example", port=443, tls=True), **changes
    )


def service(**changes: Any) -> Spoil:
    unit = ServiceFacts(
        unit="chargepoint-agent.service",
        installed=True,
        active="active",
        enabled="enabled",
        watchdog=True,
    )
    return lambda evidence: replace(evidence, services=(replace(unit, **changes),))


def evidence(**changes: Any) -> Spoil:
    return lambda found: replace(found, **changes)


def meters(*readings: Any) -> Spoil:
    """Readings of the EVSE's meter; with current its contactor is closed."""

    def spoil(found: Evidence) -> Evidence:
        closed = any(any(reading.current_a) for reading in readings)
        return evse(contactor_closed=closed)(probe("meter", meters=readings)(found))

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(found: Evidence) -> Evidence:
        for one in spoils:
            found = one(found)
        return found

    return spoil


def off(**values: Any) -> Spoil:
    """A charging meter of which one value is wrong."""
    return meters(samples.charging(100.0, 1000.0), samples.charging(102.0, 1006.0, **values))


FAILED_TEST = ControlFacts(
    bus="safety",
    reached=True,
    evses=(samples.at_rest(),),
    rcd_tests=(RcdTested(seq=1, at_s=1.0, evse=1, passed=False, detail="did not trip"),),
    now_s=3600.0,
)
UNDELIVERED = AlertStatus(
    alert="A1",
    condition="csms_offline",
    place="",
    severity="warning",
    title="x",
    detail="",
    raised_at="",
    cleared_at="x",
    open=False,
    age_s=1.0,
    count=1,
    acknowledged_by="",
    muted=False,
    deliveries=(
        DeliveryStatus(
            contact="Ann",
            channel="webhook",
            about="raised",
            state="expired",
            attempts=9,
            detail="HTTP 500",
        ),
    ),
)
LEFT = replace(UNDELIVERED, severity="critical", cleared_at="", open=True, deliveries=())
SAFETY, BOARD = "safety", "board"
ONE = "EVSE 1"

# Each row: what, the spoilt evidence, then level, finding and subject.
TABLE: tuple[tuple[str, Spoil, str, str, str], ...] = (
    ("a driver refuses", evidence(refusals=("x: map",)), "fail", "device_refused_by_driver", ""),
    ("known trouble", evidence(advice=("password: …",)), "warn", "config_advice", ""),
    ("no agent", evidence(status=None, health=None), "fail", "agent_missing", ""),
    (
        "no control",
        evidence(controls=(ControlFacts(bus="safety", reached=False),)),
        "fail",
        "control_missing",
        SAFETY,
    ),
    ("slow agent", health(loop_late_max_s=1.5), "warn", "agent_slow", ""),
    ("overrun agent", health(inbox_dropped=3), "warn", "agent_overrun", ""),
    ("old version", status(version="0.9"), "warn", "version_differs", ""),
    (
        "failed unit",
        service(active="failed", result="exit-code"),
        "fail",
        "service_failed",
        "chargepoint-agent.service",
    ),
    (
        "stopped unit",
        service(active="inactive"),
        "warn",
        "service_stopped",
        "chargepoint-agent.service",
    ),
    (
        "not at boot",
        service(enabled="disabled"),
        "warn",
        "service_not_enabled",
        "chargepoint-agent.service",
    ),
    ("restarts", service(restarts=12), "warn", "service_restarts", "chargepoint-agent.service"),
    (
        "no watchdog",
        service(watchdog=False),
        "warn",
        "service_unguarded",
        "chargepoint-agent.service",
    ),
    ("port missing", port("safety", exists=False, usable=False), "fail", "port_missing", SAFETY),
    ("port forbidden", port("safety", usable=False), "fail", "port_forbidden", SAFETY),
    ("port taken", port("safety", holders=("minicom (7)",)), "fail", "port_taken", SAFETY),
    (
        "console on the port",
        port("safety", console="console=ttyAMA0"),
        "fail",
        "port_console",
        SAFETY,
    ),
    ("port broken", port("safety", problem="open: EIO"), "fail", "port_broken", SAFETY),
    ("mini UART", port("safety", mini_uart=True), "warn", "mini_uart", SAFETY),
    ("numbered port", port("safety", path="/dev/ttyUSB0"), "warn", "port_unstable", SAFETY),
    ("latency timer", port("safety", latency_ms=16), "warn", "latency_timer", SAFETY),
    ("ModemManager", port("safety", modem_manager=True), "warn", "modem_manager", SAFETY),
    (
        "network device away",
        port("aux", problem="connect: refused"),
        "fail",
        "network_unreachable",
        "aux",
    ),
    ("bus down", bus("safety", down=True), "fail", "bus_down", SAFETY),
    ("noise", bus("safety", bad_replies=500), "warn", "bus_noisy", SAFETY),
    ("unanswered", bus("safety", timeouts=500), "warn", "bus_unanswered", SAFETY),
    (
        "board silent",
        both(probe("board", trouble="silent"), evse(hazards=("board_lost",))),
        "fail",
        "device_silent",
        BOARD,
    ),
    (
        "meter silent",
        both(told_lost("meter"), probe("meter", trouble="silent")),
        "fail",
        "device_silent",
        "meter",
    ),
    ("reader silent", told_lost("cards"), "fail", "device_silent", "cards"),
    (
        "wrong address",
        probe("meter", trouble="silent", elsewhere="unit 7"),
        "fail",
        "device_elsewhere",
        "meter",
    ),
    (
        "wrong board",
        probe("board", trouble="wrong", detail="magic is 1"),
        "fail",
        "device_wrong",
        BOARD,
    ),
    (
        "wrong map",
        probe("meter", trouble="refused", detail="exception 2"),
        "fail",
        "device_refuses",
        "meter",
    ),
    (
        "pilot low",
        probe("board", board=samples.board(pilot=PilotLevels(high_v=10.4, low_v=10.4))),
        "fail",
        "pilot_level_wrong",
        ONE,
    ),
    (
        "pilot a little low",
        probe("board", board=samples.board(pilot=PilotLevels(high_v=11.2, low_v=11.2))),
        "warn",
        "pilot_level_off",
        ONE,
    ),
    (
        "no -12 V",
        probe(
            "board",
            board=samples.board(pilot=PilotLevels(high_v=9.0, low_v=-0.3), oscillating=True),
        ),
        "fail",
        "pilot_negative_wrong",
        ONE,
    ),
    (
        "decoded pilot faulty",
        probe("board", board=samples.board(pilot=PilotState.F)),
        "fail",
        "pilot_level_wrong",
        ONE,
    ),
    ("worn contactor", counts(operations=95_000), "warn", "contactor_worn", ONE),
    ("worn by load", counts(openings_under_load=5_900), "warn", "contactor_worn", ONE),
    (
        "meter: swapped words",
        off(voltage_v=(1.2e9, 230.0, 230.0)),
        "fail",
        "meter_values_impossible",
        "meter",
    ),
    ("meter: frequency", off(frequency_hz=0.0), "fail", "meter_values_impossible", "meter"),
    (
        "meter: phase dead",
        meters(samples.meter(voltage_v=(230.0, 0.4, 230.0))),
        "fail",
        "meter_phase_dead",
        "meter",
    ),
    ("meter: power", off(power_w=900.0), "fail", "meter_power_wrong", "meter"),
    ("meter: reversed", off(power_w=-11_000.0), "fail", "meter_reversed", "meter"),
    ("meter: falls", off(energy_import_wh=900.0), "fail", "meter_energy_falls", "meter"),
    ("meter: frozen", off(energy_import_wh=1000.0), "fail", "meter_frozen", "meter"),
    ("meter: phase order", off(phase_sequence_ok=False), "warn", "meter_phase_order", "meter"),
    (
        "meter: voltage off",
        meters(samples.meter(voltage_v=(200.0, 230.0, 230.0))),
        "warn",
        "meter_voltage_off",
        "meter",
    ),
    (
        "meter: of one phase",
        meters(samples.meter(voltage_v=(230.0,), current_a=(0.0,))),
        "warn",
        "meter_one_phase",
        "meter",
    ),
    (
        "meter: current when open",
        both(off(), evse(contactor_closed=False)),
        "fail",
        "meter_current_when_open",
        "meter",
    ),
    ("host: under-voltage", host(under_voltage=True), "fail", "under_voltage", ""),
    ("host: had under-voltage", host(under_voltage_seen=True), "warn", "under_voltage", ""),
    ("CSMS: switched off", csms(state="off"), "warn", "csms_off", ""),
    ("CSMS: pending", csms(state="pending"), "warn", "csms_pending", ""),
    ("CSMS: rejected", csms(state="rejected"), "fail", "csms_rejected", ""),
    ("CSMS: name", csms(way(dns_problem="unknown"), state="waiting"), "fail", "csms_name", ""),
    (
        "CSMS: refused",
        csms(way(tcp_problem="refused"), state="waiting"),
        "fail",
        "csms_unreachable",
        "",
    ),
    (
        "CSMS: wrong certificate",
        csms(way(tls_problem="self-signed"), state="waiting"),
        "fail",
        "csms_tls",
        "",
    ),
    (
        "CSMS: password",
        csms(way(), state="waiting", last_error="HTTP 401 Unauthorized"),
        "fail",
        "csms_password",
        "",
    ),
    (
        "CSMS: unknown identity",
        csms(way(), state="waiting", last_error="HTTP 404 Not Found"),
        "fail",
        "csms_unknown",
        "",
    ),
    (
        "CSMS: another version",
        csms(way(), state="waiting", last_error="the CSMS accepted none of ocpp1.6"),
        "fail",
        "csms_version",
        "",
    ),
    (
        "CSMS: something else",
        csms(way(), state="waiting", last_error="closed by peer"),
        "fail",
        "csms_error",
        "",
    ),
    ("CSMS: just starting", csms(state="connecting"), "warn", "csms_connecting", ""),
    ("clock unset", status(clock="monotonic"), "fail", "clock_unset", ""),
    (
        "clock alone",
        both(status(clock="rtc"), host(clock_synchronised=False)),
        "warn",
        "clock_unsynchronised",
        "",
    ),
    (
        "certificate expired",
        health(certificates=(samples.certificate(-1.0),)),
        "fail",
        "certificate_expired",
        "client",
    ),
    (
        "certificate expiring",
        health(certificates=(samples.certificate(12.0),)),
        "warn",
        "certificate_expiring",
        "client",
    ),
    ("disk full", host(disk_free_bytes=20_000_000), "fail", "disk_full", ""),
    ("disk low", host(disk_free_bytes=400_000_000), "warn", "disk_low", ""),
    ("disk read-only", host(disk_read_only=True), "fail", "disk_read_only", ""),
    ("disk worn", host(disk_life_used=0.8), "warn", "disk_worn", ""),
    ("disk worn out", host(disk_life_used=1.0), "fail", "disk_worn", ""),
    ("ledger damaged", evidence(store_problem="malformed"), "fail", "store_damaged", ""),
    ("hot", host(cpu_temperature_c=78.0), "warn", "cpu_hot", ""),
    ("too hot", host(cpu_temperature_c=90.0), "fail", "cpu_hot", ""),
    ("memory", host(memory_free_bytes=30_000_000), "warn", "memory_low", ""),
    ("throttled", host(throttled=True), "warn", "throttled", ""),
    (
        "password for everybody",
        file("configuration", mode=0o644),
        "fail",
        "secret_readable",
        "station.toml",
    ),
    ("key for the group", file("key", mode=0o640), "fail", "secret_readable", "station_key.pem"),
    (
        "state for everybody",
        file("state", mode=0o777),
        "fail",
        "world_writable",
        "/var/lib/chargepoint",
    ),
    (
        "state of others",
        file("state", writable=False),
        "warn",
        "directory_not_writable",
        "/var/lib/chargepoint",
    ),
    (
        "no run directory",
        file("run", exists=False),
        "warn",
        "directory_missing",
        "/run/chargepoint",
    ),
    ("no key file", file("key", exists=False), "fail", "file_missing", "station_key.pem"),
    ("contact never tried", evidence(audit=()), "warn", "contact_untried", "Ann"),
    ("alert left", evidence(alerts=(LEFT,)), "warn", "alert_unanswered", ""),
    ("undelivered", evidence(alerts=(UNDELIVERED,)), "warn", "alert_undelivered", ""),
)


def test_a_station_without_a_flaw_has_no_finding_but_good_ones() -> None:
    assert wrongs(healthy()) == []


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_flaw_is_found_by_its_cause_and_alone(row: tuple[str, Spoil, str, str, str]) -> None:
    _, spoil, level, problem, subject = row
    assert wrongs(spoil(healthy())) == [(level, f"doctor.{problem}", subject)]


@pytest.mark.parametrize(
    ("raw", "level", "problem", "subject"),
    [
        ({"alerts": {}}, "warn", "no_contact", ""),
        ({"web": {"listen": "0.0.0.0:80", "insecure": True}}, "warn", "web_insecure", ""),
        (
            {"web": {"listen": "0.0.0.0:443", "tls": "self-signed", "metrics": "open"}},
            "warn",
            "metrics_open",
            "",
        ),
        (
            {"evse": [{**samples.RAW["evse"][0], "accept_no_watchdog": True}]},
            "warn",
            "no_watchdog",
            "EVSE 1",
        ),
        (
            {"bus": [{**samples.RAW["bus"][0], "baud": 9600}, *samples.RAW["bus"][1:]]},
            "warn",
            "baud_low",
            "safety",
        ),
    ],
)
def test_each_flaw_of_the_configuration_is_found_alone(
    raw: dict[str, Any], level: str, problem: str, subject: str
) -> None:
    assert wrongs(healthy(**raw)) == [(level, f"doctor.{problem}", subject)]


def test_pages_without_tls_into_which_nobody_can_log_in_are_no_flaw() -> None:
    assert wrongs(healthy(web={"listen": "0.0.0.0:80"})) == []


def test_a_mini_uart_with_parity_fails() -> None:
    raw = [{**samples.RAW["bus"][0], "parity": "even"}, *samples.RAW["bus"][1:]]
    found = port("safety", mini_uart=True, path="/dev/ttyS0")(healthy(bus=raw))
    assert wrongs(found) == [("fail", "doctor.mini_uart_parity", "safety")]


def test_an_rcd_test_that_is_switched_off_is_warned_of() -> None:
    raw = [{**samples.RAW["evse"][0], "rcd_test": False}]
    assert wrongs(healthy(evse=raw)) == [("warn", "doctor.rcd_test_off", "EVSE 1")]


@pytest.mark.parametrize(
    ("hazard", "level", "part"),
    [
        ("contactor_welded", "fail", "contactor"),
        ("pilot_shorted", "fail", "pilot"),
        ("rcd_tripped", "fail", "rcd"),
        ("lock_stuck", "warn", "lock"),
        ("phase_missing", "fail", "supply"),
        ("temperature_raised", "warn", "supply"),
    ],
)
def test_a_hazard_is_a_finding_of_its_part_with_its_own_cause(
    hazard: str, level: str, part: str
) -> None:
    found = evse(hazards=(hazard,))(healthy())
    [finding] = [one for one in judge(found) if one.level in ("warn", "fail")]
    entry = entries()[hazard]
    assert (finding.part, finding.catalogue) == (part, (hazard,))
    assert (finding.cause, finding.next_step) == (entry.cause, entry.remedy)
    assert finding.level == ("fail" if entry.stops else "warn")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"contactor_closed": True}, "contactor_welded"),
        ({"contactor_commanded": True}, "contactor_not_closing"),
        ({"output_live": True}, "output_live"),
    ],
)
def test_a_contactor_that_disagrees_with_its_coil_is_found_before_the_first_start(
    changes: dict[str, bool], problem: str
) -> None:
    found = evidence(status=None, health=None, controls=(), audit=None, alerts=None)(healthy())
    found = probe("board", board=samples.board(**changes))(found)
    assert wrongs(found) == [("fail", problem, "EVSE 1")]


def test_an_alert_that_somebody_looks_after_is_no_finding() -> None:
    looked_after = replace(LEFT, acknowledged_by="Ann")
    assert wrongs(replace(healthy(), alerts=(looked_after,))) == []


def test_a_reader_that_cannot_be_asked_is_not_said_to_answer() -> None:
    raw = {**samples.RAW, "device": [*samples.RAW["device"]]}
    at = next(n for n, one in enumerate(raw["device"]) if one["name"] == "cards")
    raw["device"][at] = {"name": "cards", "driver": "rfid-text", "bus": "rfid"}
    found = of_part(replace(healthy(), config=parse(raw, "")), "device")
    [cards] = [one for one in found if one.subject == "cards"]
    assert (cards.level, cards.found) == (
        "skip",
        "rfid-text on rfid: its line is open; it cannot be asked",
    )


def test_a_failed_rcd_test_is_found_with_its_result() -> None:
    [finding] = of_part(replace(healthy(), controls=(FAILED_TEST,)), "rcd")
    assert (finding.level, finding.catalogue) == ("fail", ("rcd_test_failed",))
    assert finding.found == "did not trip, 1.0 h ago"


def test_a_bus_on_which_nothing_answers_is_one_finding() -> None:
    silent = both(probe("board", trouble="silent"), probe("meter", trouble="silent"))
    assert wrongs(silent(healthy())) == [("fail", "doctor.bus_silent", "safety")]


def test_a_bus_that_answers_at_another_speed_names_it() -> None:
    place = "9600 baud, parity even"
    silent = both(
        probe("board", trouble="silent", elsewhere=place),
        probe("meter", trouble="silent", elsewhere=place),
    )
    [finding] = [one for one in judge(silent(healthy())) if one.level == "fail"]
    assert finding.catalogue == ("doctor.baud_wrong",)
    assert finding.found == "configured 115200 baud, answers at 9600 baud, parity even"


def test_of_a_device_that_does_not_answer_nothing_else_is_judged() -> None:
    lost = both(probe("board", trouble="silent"), evse(hazards=("board_lost", "reading_stale")))
    found = lost(healthy())
    for part in ("pilot", "contactor", "rcd"):
        assert of_part(found, part)[0].level == "skip"


def test_without_the_agent_a_board_answers_as_the_safety_program_says() -> None:
    alone = evidence(status=None, health=None, probes=())(healthy())
    assert of_part(alone, "device")[0].level == "pass"
    lost = evse(hazards=("board_lost",))(alone)
    assert of_part(lost, "device")[0].level == "skip"
    assert ("fail", "board_lost", "EVSE 1") in wrongs(lost)


def test_a_test_of_another_contact_with_a_longer_name_does_not_count() -> None:
    found = healthy()
    assert found.audit is not None
    [line] = found.audit
    anna = evidence(audit=(replace(line, detail="contact=Anna channel="),))(found)
    assert wrongs(anna) == [("warn", "doctor.contact_untried", "Ann")]


def test_a_station_that_does_not_run_is_not_called_broken() -> None:
    found = evidence(status=None, health=None, controls=(), audit=None, alerts=None)(healthy())
    assert wrongs(found) == []
    assert of_part(found, "programs")[0].level == "skip"


def test_a_slow_safety_program_is_found_after_its_start_only() -> None:
    found = healthy()
    assert found.health is not None
    [loop] = found.health.loops
    slow = health(loops=(replace(loop, tick_p99_s=0.15),))(found)
    assert wrongs(slow) == [("warn", "doctor.control_slow", "safety")]
    young = health(loops=(replace(loop, tick_p99_s=0.15, ticks=100),))(found)
    assert wrongs(young) == []


def test_refused_and_waiting_records_are_told() -> None:
    found = healthy()
    assert found.status is not None
    refused = status(ledger=replace(found.status.ledger, quarantined=2))(found)
    assert wrongs(refused) == [("warn", "doctor.records_refused", "")]
    waiting = status(ledger=replace(found.status.ledger, waiting=60))(found)
    assert wrongs(waiting) == [("warn", "doctor.records_waiting", "")]


def test_one_part_alone_is_judged_on_demand() -> None:
    assert {finding.part for finding in judge(healthy(), only="disk")} == {"disk"}


def test_every_part_has_at_least_one_line_and_a_name_in_each_language() -> None:
    assert {finding.part for finding in judge(healthy())} == set(parts())
    for language in languages():
        assert all(phrase(f"doctor.part.{part}", language) for part in parts())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_finding_has_words_in_german_too(row: tuple[str, Spoil, str, str, str]) -> None:
    found = row[1](healthy())
    pairs = zip(judge(found), judge(found, "de"), strict=True)
    wrong = [(e, d) for e, d in pairs if e.level in ("warn", "fail")]
    assert wrong
    for english, german in wrong:
        assert english.title != german.title
        assert english.cause != german.cause
        assert english.next_step != german.next_step or english.next_step.startswith("`")


def test_a_file_that_holds_no_secret_may_be_read_by_all() -> None:
    plain = FileFacts(path="station.toml", use="configuration", mode=0o644)
    assert wrongs(replace(healthy(), files=(plain,))) == []


def test_a_station_that_does_not_let_this_user_in_is_not_said_to_be_stopped() -> None:
    away = evidence(status=None, health=None, controls=(), audit=None, alerts=None)(healthy())
    (stopped,) = programs.check(away)
    assert stopped.found == "the station does not run; it is looked at from outside"
    problem = "agent.sock: Permission denied: root and members of the station's group may ask it"
    (closed,) = programs.check(replace(away, agent_problem=problem))
    assert closed.found == f"not known whether it runs: {problem}"
