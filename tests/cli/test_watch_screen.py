"""The full screen of `chargepoint watch`: what it shows, its keys, restarts that it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from chargepoint.cli.watch_feed import Feed, Levels, Picture
from chargepoint.config import Config, load
from chargepoint.ipc import messages as m
from chargepoint.ipc.care import AlertStatus, BusAnswer, GetAlerts, GetLog, LogLine, TransactBus
from chargepoint.ipc.codec import decode_command, encode
from chargepoint.ipc.service import (
    Answered,
    Done,
    GetMessages,
    GetStatus,
    OcppMessage,
    Reason,
    Request,
    StationStatus,
)
from hal.values import MeterReading, PilotState
from tests.agent.samples import snapshot
from tests.cli.agents import DEMO, Agent
from tests.cli.samples import status

pytest.importorskip("textual")

from textual.widgets import RichLog, Static

from chargepoint.cli.watch_screen import WatchScreen


def charging(evse: int = 1) -> m.EvseSnapshot:
    return replace(
        snapshot(evse, m.Phase.ENERGISED),
        pilot=PilotState.C,
        contactor_closed=True,
        offered_a=16.0,
        limited_by="cable",
    )


def told(evse: int = 1) -> StationStatus:
    station = status(charging(1), snapshot(2))
    reasons = (Reason(id="lease", kind="limits", current_a=16.0),)
    evses = tuple(
        replace(one, state="Charging", reasons=reasons if one.evse == 9 else ())
        for one in station.evses
    )
    return replace(station, evses=evses)


def measured(power_w: float, evse: int = 1) -> m.Measured:
    return m.Measured(seq=1, at_s=1.0, evse=evse, meter=MeterReading(taken_s=1.0, power_w=power_w))


def line(event: str, **fields: str) -> LogLine:
    return LogLine(at="2026-07-01T10:00:00Z", level="info", part="x", event=event, fields=fields)


def message(action: str) -> OcppMessage:
    return OcppMessage(
        number=1,
        at="2026-07-01T10:00:00.000Z",
        outgoing=True,
        kind="call",
        action=action,
        message_id="m",
        text="[2]",
    )


def alert(title: str) -> AlertStatus:
    return AlertStatus(
        alert="K7",
        condition="c",
        place="EVSE 1",
        severity="error",
        title=title,
        detail="",
        raised_at="",
        cleared_at="",
        open=True,
        age_s=70.0,
        count=3,
        acknowledged_by="",
        muted=False,
        deliveries=(),
    )


def picture() -> Picture:
    made = Picture()
    made.heard(
        "safety",
        m.Snapshot(seq=1, at_s=1, boot="b", evses=(charging(1), snapshot(2)), missed=False),
    )
    for power_w in (1000.0, 7400.0, 3680.0):
        made.heard("safety", measured(power_w))
    bus = m.BusHealth(
        bus="safety",
        requests=1000,
        timeouts=4,
        bad_replies=1,
        refused=0,
        down=False,
        latency_p99_s=0.004,
    )
    made.heard(
        "safety",
        m.Health(seq=0, at_s=1, ticks=9, tick_p99_s=0.0183, tick_max_s=0.0214, buses=(bus,)),
    )
    made.answered(told())
    made.levels = Levels(evse=1, high_v=6.0, low_v=-12.0, duty_ratio=0.2667)
    made.answered(line("contactor.closed", evse="1"))
    made.answered(line("csms.disconnected", reason="gone"))
    made.answered(message("StatusNotification"))
    made.alerts = (alert("The grid is gone"),)
    return made


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "station.toml"
    path.write_text(DEMO.read_text())
    return load(str(path))


def text(screen: WatchScreen, where: str) -> str:
    return str(screen.query_one(where, Static).render())


def listed(screen: WatchScreen) -> list[str]:
    return [strip.text.rstrip() for strip in screen.query_one("#list", RichLog).lines]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_everything_is_on_the_screen_at_its_smallest_and_larger(
    config: Config, size: tuple[int, int]
) -> None:
    screen = WatchScreen(config, picture(), listen=False)
    async with screen.run_test(size=size) as pilot:
        await pilot.pause()
        evse = text(screen, "#evse")
        assert "EVSE 1  Charging" in evse
        assert "pilot    C  +6.0 V / -12.0 V, duty 26.7 %" in evse
        assert "energised, contactor closed" in evse
        assert "16 A offered of 16 A (cable), 3 ph" in evse
        assert text(screen, "#power") == "3.68 kW\nmax 7.40 kW in 3 s"
        assert "1000 requests, 5 errors (0.50 %), p99 4.0 ms" in text(screen, "#buses")
        assert "loop p99 18.3 ms, max 21.4 ms" in text(screen, "#buses")
        assert "CP-1" in text(screen, "#head")
        place = screen.query_one("#list", RichLog)
        assert place.size.height >= 4
        assert place.region.bottom <= size[1]


async def test_keys_change_the_evse_and_the_list(config: Config) -> None:
    screen = WatchScreen(config, picture(), listen=False)
    async with screen.run_test(size=(80, 24)) as pilot:
        await pilot.press("right")
        assert "EVSE 2" in text(screen, "#evse")
        assert text(screen, "#power") == "no power reading"
        await pilot.press("1")
        assert "EVSE 1" in text(screen, "#evse")
        await pilot.press("9")
        assert "EVSE 1" in text(screen, "#evse"), "there is no ninth"
        await pilot.press("m")
        await pilot.pause()
        assert "StatusNotification" in listed(screen)[0]
        await pilot.press("a")
        await pilot.pause()
        assert "EVSE 1: The grid is gone ×3, 70 s" in listed(screen)[0]
        await pilot.press("l")
        await pilot.pause()
        assert ["contactor.closed" in listed(screen)[0], len(listed(screen))] == [True, 2]


async def test_a_filter_leaves_the_lines_with_its_text(config: Config) -> None:
    screen = WatchScreen(config, picture(), listen=False)
    async with screen.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash", *"CSMS", "enter")
        await pilot.pause()
        assert [one.split()[2] for one in listed(screen)] == ["csms.disconnected"]
        screen.picture.answered(line("csms.connected"))
        screen.picture.answered(line("contactor.opened"))
        screen.draw()
        await pilot.pause()
        assert [one.split()[2] for one in listed(screen)] == ["csms.disconnected", "csms.connected"]


async def test_a_paused_screen_stands_still_and_nothing_is_lost(config: Config) -> None:
    screen = WatchScreen(config, picture(), listen=False)
    async with screen.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("p")
        assert "PAUSED" in text(screen, "#head")
        screen.picture.answered(line("csms.connected"))
        screen.draw()
        await pilot.pause()
        assert len(listed(screen)) == 2
        await pilot.press("p")
        await pilot.pause()
        assert len(listed(screen)) == 3


async def test_help_opens_and_closes_and_q_ends(config: Config) -> None:
    screen = WatchScreen(config, picture(), listen=False)
    async with screen.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        assert "nothing here changes anything" in str(screen.screen.query_one(Static).render())
        await pilot.press("escape")
        assert screen.query_one("#evse")
        await pilot.press("q")
    assert screen.return_code == 0


async def test_without_any_program_the_screen_says_what_is_not_reached(config: Config) -> None:
    screen = WatchScreen(config)
    async with screen.run_test(size=(80, 24)) as pilot:
        async with asyncio.timeout(30.0):
            while len(screen.picture.absent) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        screen.draw(force=True)
        await pilot.pause()
        assert "agent not reached" in text(screen, "#head")
        assert "safety program of safety not reached" in text(screen, "#head")
        assert "the safety program is not reached" in text(screen, "#evse")


# --- The feed -------------------------------------------------------------------------------------


def answer(request: Request) -> Sequence[Answered]:
    match request:
        case GetStatus():
            return (told(),)
        case GetLog():
            return (line("csms.connected"),) if request.last else ()
        case GetMessages():
            return (message("Heartbeat"),) if request.last else ()
        case GetAlerts():
            return (alert("t"), Done(ok=True))
        case TransactBus(address=1):
            return (BusAnswer(values=(6000,), took_s=0.01),)
        case TransactBus(address=2):
            return (BusAnswer(values=(0x10000 - 12000,), took_s=0.01),)
        case _:
            return (Done(ok=False, detail="not served here"),)


class SafetyProgram:
    """Tells a snapshot and a reading, then closes: each connection is a new start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hellos: list[m.Hello] = []

    async def start(self) -> asyncio.Server:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return await asyncio.start_unix_server(self._serve, str(self.path))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = decode_command(await reader.readline())
        assert isinstance(hello, m.Hello)
        self.hellos.append(hello)
        boot = f"boot{len(self.hellos)}"
        writer.write(
            encode(m.Snapshot(seq=7, at_s=1, boot=boot, evses=(charging(),), missed=False))
        )
        writer.write(encode(measured(1000.0 * len(self.hellos))))
        await writer.drain()
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30.0):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_the_feed_hears_all_programs_and_meets_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.cli.watch_feed.RETRY_S", 0.01)
    with Agent(tmp_path, answer) as agent:
        config = load(str(agent.config))
        safety = SafetyProgram(config.control_socket("safety"))
        server = await safety.start()
        found = Picture()
        feeding = asyncio.create_task(Feed(config, found, lambda: 1).run())
        await until(lambda: found.levels and found.alerts and found.status and found.messages)
        await until(lambda: len(safety.hellos) >= 3)
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        server.close()
    assert found.levels == Levels(evse=1, high_v=6.0, low_v=-12.0, duty_ratio=None)
    assert found.evses[1].phase is m.Phase.ENERGISED
    assert list(found.powers[1])[:2] == [1000.0, 2000.0]
    assert all(hello.observer for hello in safety.hellos), "it can command nothing"
    assert (safety.hellos[1].boot, safety.hellos[1].after) == ("boot1", 1)
    assert [one.event for one in found.log] == ["csms.connected"], "old lines come once"
    commands = [one for one in agent.asked if isinstance(one, TransactBus)]
    assert {one.function for one in commands} == {4}, "devices are only read"


async def test_what_a_program_has_told_before_it_is_met_again_is_shown_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargepoint.cli.watch_feed.RETRY_S", 0.01)
    starts: list[Answered] = []

    def restarting(request: Request) -> tuple[Answered, ...]:
        if not isinstance(request, GetLog):
            return answer(request)
        starts.append(line(f"start.{len(starts)}"))
        return (line("csms.connected"), *starts[: request.last])

    with Agent(tmp_path, restarting) as agent:
        found = Picture()
        feeding = asyncio.create_task(Feed(load(str(agent.config)), found, lambda: 1).run())
        await until(lambda: len(found.log) >= 4)
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    assert [one.event for one in found.log][:4] == [
        "csms.connected",
        "start.0",
        "start.1",
        "start.2",
    ]
