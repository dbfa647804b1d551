"""The commissioning report: one HTML file, ready for printing, with nothing beside it, signed.

It holds no secret: of the configuration only what an installer has wired and limited. jinja2 is
loaded by the first report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from chargepoint import catalog
from chargepoint.config import Bus, Device, Evse
from chargepoint.doctor import seal
from chargepoint.doctor.checks.meter import described
from chargepoint.doctor.evidence import Evidence
from chargepoint.doctor.findings import Finding
from chargepoint.station_key import Signed
from hal.values import PilotLevels, PilotState

TEMPLATES = Path(__file__).parent / "templates"
NOTE_MAX = 2000
Say = Callable[..., str]


def report(
    evidence: Evidence,
    findings: Sequence[Finding],
    sign: Callable[[str], Signed],
    *,
    by: str = "",
    note: str = "",
    language: str = catalog.ENGLISH,
) -> bytes:
    """The signed report. `sign` signs a SHA-256; whatever it raises passes through.

    `findings` are in `language`. The key's fingerprint stands in the text too, so `sign` is asked
    once more for it.
    """
    fingerprint = sign("0" * 64).fingerprint
    text = document(evidence, findings, fingerprint, by=by, note=note, language=language)
    unsigned = text.encode()
    signed = sign(seal.digest(unsigned))
    return seal.sealed(unsigned, evidence.config.station.id, signed)


def document(
    evidence: Evidence,
    findings: Sequence[Finding],
    fingerprint: str,
    *,
    by: str = "",
    note: str = "",
    language: str = catalog.ENGLISH,
) -> str:
    """The report with an empty place for its signature."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
    )
    say = partial(_say, language)
    levels = Counter(finding.level for finding in findings)
    return environment.get_template("report.html").render(
        language=language,
        say=say,
        phrase=lambda key: catalog.phrase(key, language),
        config=evidence.config,
        evidence=evidence,
        station_mark=Markup(seal.mark(evidence.config.station.id)),
        station=list(_station(evidence, say, by, note[:NOTE_MAX])),
        buses=[_bus(evidence, bus) for bus in evidence.config.bus],
        devices=[_device(evidence, device) for device in evidence.config.device],
        evses=[_evse(evse, say) for evse in evidence.config.evse],
        measured=list(_measured(evidence, say)),
        network=list(_network(evidence, say)),
        findings=findings,
        counts={level: levels[level] for level in ("pass", "warn", "fail", "skip")},
        fingerprint=fingerprint,
        place=Markup(seal.place()),
    )


def _say(language: str, key: str, **fields: object) -> str:
    return catalog.phrase(f"report.{key}", language, **fields)


# --- Tables ---------------------------------------------------------------------------------------


def _station(evidence: Evidence, say: Say, by: str, note: str) -> Iterator[tuple[str, str]]:
    config = evidence.config
    yield say("id"), config.station.id
    yield say("vendor"), f"{config.station.vendor} {config.station.model}"
    if config.station.serial:
        yield say("serial"), config.station.serial
    place = ", ".join(filter(None, (config.site.name, config.site.address)))
    if place:
        yield say("place"), place
    yield say("software"), f"chargepoint {evidence.version}"
    yield say("computer"), f"{evidence.host.model}, {evidence.taken_by}"
    yield say("made_at"), evidence.taken_at
    if by:
        yield say("made_by"), by
    if note:
        yield say("note"), note


def _bus(evidence: Evidence, bus: Bus) -> tuple[str, str, str]:
    if bus.kind == "modbus-tcp":
        return bus.name, f"{bus.host}:{bus.tcp_port}", bus.kind
    settings = f"{bus.kind}, {bus.baud} baud, {bus.parity}, {bus.stop_bits}"
    return bus.name, evidence.config.port(bus), settings


def _device(evidence: Evidence, device: Device) -> tuple[str, str, str, str, str]:
    probe = evidence.probe(device.name)
    says = ""
    if probe is not None:
        identity = probe.identity
        parts = (identity.vendor, identity.model, identity.serial, identity.firmware)
        says = " ".join(filter(None, parts))
    driver = " ".join(filter(None, (device.driver, device.map)))
    return device.name, driver, device.bus, str(device.unit), says


def _evse(evse: Evse, say: Say) -> tuple[str, ...]:
    return (
        str(evse.id),
        evse.board,
        evse.meter or "–",
        evse.reader or "–",
        str(evse.phases),
        f"{evse.current_max_a:g} A",
        say(evse.connector),
        evse.phase_rotation or "–",
    )


def _measured(evidence: Evidence, say: Say) -> Iterator[tuple[str, str, str]]:
    for evse in evidence.config.evse:
        subject = f"{say('evse')} {evse.id}"
        yield from ((subject, name, value) for name, value in _of_board(evidence, evse, say))
        snapshot = evidence.snapshot(evse.id)
        if snapshot is not None and snapshot.temperature_c is not None:
            yield subject, say("temperature"), f"{snapshot.temperature_c:.1f} °C"
    for probe in evidence.probes:
        if probe.meters:
            last = probe.meters[-1]
            if last.energy_import_wh is not None:
                value = f"{last.energy_import_wh / 1000:.3f} kWh"
                yield probe.device, say("register"), value
            yield probe.device, say("meter"), described(last)


def _of_board(evidence: Evidence, evse: Evse, say: Say) -> Iterator[tuple[str, str]]:
    probe = evidence.probe(evse.board)
    reading = None if probe is None else probe.board
    if reading is None:
        return
    match reading.pilot:
        case PilotLevels(high_v=high_v, low_v=low_v):
            yield say("pilot"), f"{high_v:+.2f} V / {low_v:+.2f} V"
        case PilotState(value=state):
            yield say("pilot"), state
    if reading.contactor_closed is not None:
        yield say("contactor"), say("closed" if reading.contactor_closed else "open")


def _network(evidence: Evidence, say: Say) -> Iterator[tuple[str, str]]:
    config, status = evidence.config, evidence.status
    if config.csms is None:
        yield say("csms"), say("none")
    else:
        state = "" if status is None else f" ({status.csms.state} {status.csms.version})"
        yield say("csms"), ", ".join(config.csms.addresses) + state
        for way in evidence.ways:
            if way.addresses:
                yield way.host, ", ".join(way.addresses)
    source = "" if status is None else f" ({status.clock})"
    yield say("clock"), evidence.taken_at + source
