"""Certificate, plots, metrics, blanking, streams and looks, each by itself."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from chargepoint.ipc.client import Unreachable
from chargepoint.ipc.messages import EvseSnapshot, Phase
from chargepoint.ipc.service import Done, GetStatus
from chargepoint.web import tls
from chargepoint.web.agent import Agent
from chargepoint.web.blanking import file_values
from chargepoint.web.examination import Examination
from chargepoint.web.history import READING_AGE_MAX_S, History, Ring
from chargepoint.web.live import Live
from chargepoint.web.main import checked
from chargepoint.web.metrics import FAMILIES
from chargepoint.web.observers import Observers
from chargepoint.web.streams import Event, Streams
from hal.values import MeterReading, PilotState
from hil.stage import example
from tests.web.place import STATUS, Clock, FakeAgent, Place, configuration, serving

# --- Certificate ----------------------------------------------------------------------------------


def test_a_certificate_is_made_once_and_for_every_name_of_the_host(tmp_path: Path) -> None:
    config = configuration(tmp_path, web__tls="self-signed")
    cert, key = tls.files_of(config, checked(config))
    first = cert.read_bytes()
    assert tls.files_of(config, checked(config)) == (cert, key)
    assert cert.read_bytes() == first
    assert key.stat().st_mode & 0o777 == 0o600
    assert cert.parent.stat().st_mode & 0o777 == 0o700
    found = x509.load_pem_x509_certificate(first)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert socket.gethostname() in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert len(tls.fingerprint(cert).split(":")) == 32


def test_a_certificate_that_ends_soon_is_made_again(tmp_path: Path) -> None:
    config = configuration(tmp_path, web__tls="self-signed")
    cert, _ = tls.files_of(config, checked(config))
    before = tls.fingerprint(cert)
    now = dt.datetime.now(dt.UTC)
    assert tls._good(cert, socket.gethostname(), now + dt.timedelta(days=700))
    assert not tls._good(cert, socket.gethostname(), now + dt.timedelta(days=765))
    assert not tls._good(cert, "another-host", now)
    cert.write_text("broken", "utf-8")
    tls.files_of(config, checked(config))
    assert tls.fingerprint(cert) not in ("", before)


def test_a_browser_that_trusts_the_certificate_gets_tls(tmp_path: Path) -> None:
    config = configuration(tmp_path, web__tls="self-signed")
    context = tls.context_of(config, checked(config))
    assert context is not None
    cert, _ = tls.files_of(config, checked(config))
    trusting = ssl.create_default_context(cafile=str(cert))
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(ours, theirs, server_side=True)
    client = trusting.wrap_bio(theirs, ours, server_hostname="127.0.0.1")
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() == "TLSv1.3"


# --- Plots ----------------------------------------------------------------------------------------


def test_a_ring_keeps_the_newest_and_shows_gaps() -> None:
    ring = Ring(3)
    for value in (1.0, None, 3.0, 4.0):
        ring.put(value)
    assert ring.values() == [None, 3.0, 4.0]
    assert ring.mean(2) == 3.5
    assert Ring(2).mean(2) is None


def snapshot(temperature_c: float) -> EvseSnapshot:
    return EvseSnapshot(
        evse=1, phase=Phase.ENERGISED, pilot=PilotState.C, plug_in=1, connected=True,
        contactor_closed=True, permitted=True, operative=True, limit_a=16.0, offered_a=16.0,
        limit_expired=False, cable_current_a=None, locked=None, temperature_c=temperature_c,
        hazards=("overheat",), stop_cause=None, operations=1,
    )  # fmt: skip


def history(clock: Clock) -> tuple[History, Observers]:
    observers = Observers({})
    live = Live(Agent(Path("none")), observers, None, clock)
    return History([1], observers, live, clock), observers


def test_a_plot_has_seconds_and_means_of_ten(tmp_path: Path) -> None:
    clock = Clock()
    plots, observers = history(clock)
    observers.evses[1] = snapshot(30.0)
    for second in range(10):
        clock.now_s += 1
        observers.meters[1] = MeterReading(
            taken_s=clock.now_s, power_w=1000.0 * second, current_a=(1.0, 7.0, 3.0)
        )
        plots.tick()
    fine, coarse = plots.series(1, fine=True), plots.series(1, fine=False)
    assert fine["power_w"][-2:] == [8000.0, 9000.0]
    assert coarse["power_w"][-2:] == [None, 4500.0]
    assert coarse["temperature_c"][-1] == 30.0
    assert fine["current_a"][-1] == 7.0


def test_an_old_reading_is_a_gap_and_not_its_last_value() -> None:
    clock = Clock()
    plots, observers = history(clock)
    observers.meters[1] = MeterReading(taken_s=clock.now_s, power_w=5.0)
    clock.now_s += READING_AGE_MAX_S
    plots.tick()
    clock.now_s += 1
    plots.tick()
    assert plots.series(1, fine=True)["power_w"][-2:] == [5.0, None]


# --- Metrics --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("metrics")) as place:
        place.desk.observers.evses[1] = snapshot(41.5)
        yield place


def families(place: Place) -> dict[str, Any]:
    answer = place.visitor().get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = list(text_string_to_metric_families(answer.body.decode()))
    return {one.name: one for one in found}


def value(place: Place, name: str, **labels: str) -> float:
    (sample,) = [
        sample
        for family in families(place).values()
        for sample in family.samples
        if sample.name == f"chargepoint_{name}" and labels.items() <= sample.labels.items()
    ]
    number: float = sample.value
    return number


def test_metrics_are_read_by_the_official_parser(place: Place) -> None:
    assert value(place, "build_info", version="1.2.3", station="DEMO-0001") == 1
    assert value(place, "ledger_oldest_seconds") == 7.5
    assert value(place, "evse_energy_joules_total", evse="1") == 3_600_000
    assert value(place, "evse_temperature_celsius", evse="1") == 41.5
    assert value(place, "evse_hazard", hazard="overheat") == 1
    assert value(place, "csms_state", state="accepted") == 1
    assert value(place, "csms_state", state="off") == 0
    assert value(place, "bus_errors_total", bus='sa"fe', kind="bad_replies") == 2
    assert value(place, "host_disk_free_bytes") == 64_123_456_789


def test_metrics_have_help_a_true_type_and_base_units(place: Place) -> None:
    for family in families(place).values():
        assert family.documentation.endswith(".")
        counter = any(sample.name.endswith("_total") for sample in family.samples)
        assert (family.type == "counter") == counter, family.name
    assert [name for name in FAMILIES if name.endswith(("_kw", "_kwh", "_ms", "_percent"))] == []


def test_metrics_tell_no_token_and_no_transaction(place: Place) -> None:
    body = place.visitor().get("/metrics").body
    assert b"E5F6" not in body
    assert b"ws://" not in body


def test_metrics_are_off_when_they_are(tmp_path: Path) -> None:
    with serving(tmp_path, web__metrics="off") as place:
        assert place.visitor().get("/metrics").code == 404


def test_metrics_say_that_the_agent_is_away(place: Place) -> None:
    path = place.config.agent_socket()
    away = path.with_suffix(".away")
    path.rename(away)
    place.desk.context.live.last = None
    assert value(place, "agent_up") == 0
    assert value(place, "evse_contactor_closed", evse="1") == 1
    away.rename(path)


# --- Blanking -------------------------------------------------------------------------------------


def test_whatever_is_secret_in_the_file_is_blanked(tmp_path: Path) -> None:
    config = configuration(
        tmp_path,
        alerts__modem={"bus": "rfid2", "pin": "4711"},
        bus=[*example()["bus"], {"name": "rfid2", "kind": "serial", "port": "gsm.tty"}],
        alerts__webhook={"secret": "sesame-1"},
        alerts__contact=[{"name": "duty", "webhook": "https://u:p@hook.example/T0KEN?k=1",
                          "apprise": ["tgram://b0t/chat"]}],
        mqtt={"host": "b", "user": "u", "password": "sesame-2"},
    )  # fmt: skip
    shown = {one.key: one.value for one in file_values(config)}
    assert shown["alerts.contact.1.webhook"] == "https://hook.example/…"
    assert shown["alerts.modem.pin"] == "…"
    text = " ".join(shown.values())
    for secret in ("4711", "sesame-1", "sesame-2", "T0KEN", "u:p", "chat"):
        assert secret not in text


# --- Streams and looks ----------------------------------------------------------------------------


async def test_a_stream_ends_when_the_program_does() -> None:
    streams = Streams()

    async def never() -> AsyncIterator[Event]:
        yield Event(name="first", data={"a": math.pi})
        await asyncio.Event().wait()

    lines = streams._lines(never())
    assert await anext(lines) == b"retry: 3000\n\n"
    assert (await anext(lines)).startswith(b"event: first\ndata: {")
    streams.close()
    with pytest.raises(StopAsyncIteration):
        await anext(lines)


async def test_many_lookers_ask_the_agent_once(tmp_path: Path) -> None:
    fake = FakeAgent()
    path = tmp_path / "agent.sock"
    async with await asyncio.start_unix_server(fake.serve, str(path)):
        live = Live(Agent(path), Observers({}))
        looks = await asyncio.gather(*(live.look() for _ in range(20)))
        assert {look.taken_s for look in looks} == {looks[0].taken_s}
        assert looks[0].status == STATUS
        assert fake.asked == [GetStatus()]


async def test_who_looks_on_gets_the_newest_look_and_no_old_ones(tmp_path: Path) -> None:
    live = Live(Agent(tmp_path / "none"), Observers({}))
    with live.subscribe() as lookout:
        await live.look(age_max_s=0)
        newest = await live.look(age_max_s=0)
        assert await lookout.next(5) is newest
        assert await lookout.next(0) is None
    assert newest.status is None


async def test_an_agent_that_is_silent_or_speaks_nonsense_is_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"what?\n")
        await writer.drain()
        writer.close()

    with pytest.raises(Unreachable, match="No such file"):
        await Agent(path).ask(GetStatus())
    async with await asyncio.start_unix_server(nonsense, str(path)):
        with pytest.raises(Unreachable, match="not an answer"):
            await Agent(path).ask(GetStatus())
    path.unlink(missing_ok=True)
    async with await asyncio.start_unix_server(silent, str(path)):
        with pytest.raises(Unreachable, match="no answer in time"):
            await Agent(path).ask(GetStatus(), wait_s=0.05)


async def test_an_outcome_is_told_as_it_is(tmp_path: Path) -> None:
    fake = FakeAgent()
    fake.answers[GetStatus] = [Done(ok=False, detail="no")]
    path = tmp_path / "agent.sock"
    async with await asyncio.start_unix_server(fake.serve, str(path)):
        assert await Agent(path).done(GetStatus()) == Done(ok=False, detail="no")


WRITER = "import sys; p = sys.argv; open(p[p.index('--report') + 1], 'w').write(p[-1]); print('{}')"


async def test_a_note_that_no_argument_can_hold_is_made_one() -> None:
    examination = Examination("station.toml", (sys.executable, "-c", WRITER))
    report = await examination.report("en", "toni", "all well\x00\x1b[2J\r\n--config=/etc/passwd")
    assert report == b"--note=all well [2J --config=/etc/passwd"
