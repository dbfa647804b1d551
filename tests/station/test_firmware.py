"""Firmware updates: which statuses in which order, what waits for what, what a restart leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import file_requests as fr
from chargepoint.station.effects import ConnectorState, Effect, Verdict
from chargepoint.station.events import Call
from chargepoint.station.file_values import (
    CheckSigner,
    Confirm,
    Download,
    FileReport,
    FirmwareUpdate,
    Install,
    Problem,
    Subject,
    Verify,
    Work,
    WorkOutcome,
)
from chargepoint.station.records import SecurityEventHappened
from tests.station.world import WALL, World

PLACE = "https://user:secret@files.example/firmware.bin"
FAILED = WorkOutcome(problem=Problem.FAILED, detail="404")


class FileWorld(World):
    """A world whose shell does works when the test says so, and whose CSMS hears statuses."""

    def __init__(self, **settings: object) -> None:
        self.works: list[tuple[int, Work]] = []
        self.heard: list[FileReport] = []
        self.delivers = True
        super().__init__(**settings)  # type: ignore[arg-type]

    def _carry_out(self, effects: list[Effect]) -> None:
        super()._carry_out(effects)
        for effect in effects:
            if isinstance(effect, ef.DoFileWork):
                self.works.append((effect.job, effect.work))
            elif isinstance(effect, ef.CancelFileWork):
                self.works = [each for each in self.works if each[0] != effect.job]
            elif isinstance(effect, ef.ReportFile) and self.delivers:
                self.heard.append(effect.report)
                self.tell(fr.FileReportDelivered(report=effect.report, at_s=self.now_s))

    def finish(self, kind: type, outcome: WorkOutcome = WorkOutcome()) -> None:  # noqa: B008
        """The oldest work of this kind has ended."""
        job, work = next(each for each in self.works if isinstance(each[1], kind))
        self.works.remove((job, work))
        self.tell(fr.WorkFinished(job=job, outcome=outcome, at_s=self.now_s))

    def update(self, **fields: object) -> Verdict | None:
        update = FirmwareUpdate(location=PLACE, **fields)  # type: ignore[arg-type]
        return self.ask(lambda call: _asked(call, update, self.now_s))

    def signed(self, **fields: object) -> Verdict | None:
        """A signed update whose certificate is good."""
        verdict = self.update(certificate="PEM", signature="c2ln", request=7, **fields)
        if any(isinstance(work, CheckSigner) for _, work in self.works):
            assert verdict is None, "answered before the certificate was checked"
            self.finish(CheckSigner)
            return self.verdict(f"call-{self._calls}")
        return verdict

    @property
    def statuses(self) -> list[str]:
        return [report.status.value for report in self.heard]

    @property
    def waiting(self) -> list[str]:
        return [type(work).__name__ for _, work in self.works]

    def at(self, seconds: float) -> datetime:
        """Wall time so many seconds from now."""
        return WALL + timedelta(seconds=self.now_s + seconds)

    def security(self) -> list[str]:
        return [r.kind for r in self.csms.records if isinstance(r, SecurityEventHappened)]


def _asked(call: Call, update: FirmwareUpdate, at_s: float) -> fr.UpdateRequested:
    return fr.UpdateRequested(call=call, update=update, at_s=at_s)


def installed(world: FileWorld) -> None:
    """Download and install; the programs start again, and the CSMS accepts them."""
    world.finish(Download)
    world.finish(Install)
    restarted(world)


def restarted(world: FileWorld) -> None:
    assert world.of(ef.Restart), "no restart was asked for"
    world.works.clear()
    world.kill_both(away_s=5.0)
    world.accept()


# --- Plain ----------------------------------------------------------------------------------------


def test_a_plain_update_is_downloaded_installed_and_confirmed_after_the_restart() -> None:
    """10.1, TC_044_1."""
    world = FileWorld()
    assert world.update() is Verdict.ACCEPTED
    installed(world)
    assert "Installed" not in world.statuses
    world.finish(Confirm)
    assert world.statuses == [
        "Downloading",
        "Downloaded",
        "Installing",
        "InstallRebooting",
        "Installed",
    ]
    assert "FirmwareUpdated" in world.security()


def test_installed_is_told_once_however_often_the_station_restarts() -> None:
    """10.1."""
    world = FileWorld()
    world.update()
    installed(world)
    world.finish(Confirm)
    for _ in range(2):
        world.kill_both()
        world.accept()
    assert world.statuses.count("Installed") == 1
    assert world.store.spaces.get("firmware", {}) == {}


def test_a_final_status_that_nobody_heard_is_told_after_a_restart() -> None:
    world = FileWorld()
    world.update(retries=0)
    world.delivers = False
    world.finish(Download, FAILED)
    world.delivers = True
    world.kill_both()
    world.accept()
    assert world.statuses == ["Downloading", "DownloadFailed"]


def test_a_failed_download_is_repeated_as_often_and_as_slowly_as_asked() -> None:
    """10.1, TC_044_2: failed is told after the last attempt only."""
    world = FileWorld()
    world.update(retries=2, retry_interval_s=30)
    for _ in range(2):
        world.finish(Download, FAILED)
        world.wait(29.0)
        assert world.waiting == []
        world.wait(1.5)
        assert world.waiting == ["Download"]
    world.finish(Download, FAILED)
    world.wait(300.0, step_s=60.0)
    assert world.statuses == ["Downloading", "DownloadFailed"]
    assert "Download" not in world.waiting


def test_a_location_that_cannot_be_read_is_not_tried_twice() -> None:
    world = FileWorld()
    world.update(retries=5)
    world.finish(Download, WorkOutcome(problem=Problem.BAD_PLACE, detail="no address"))
    assert world.statuses == ["Downloading", "DownloadFailed"]


def test_a_failed_installation_is_told_and_nothing_restarts() -> None:
    """10.1, TC_044_3."""
    world = FileWorld()
    world.update()
    world.finish(Download)
    world.finish(Install, WorkOutcome(problem=Problem.FAILED, detail="no installer"))
    assert world.statuses[-2:] == ["Installing", "InstallationFailed"]
    assert world.of(ef.Restart) == []
    assert "FirmwareUpdated" not in world.security()


def test_an_update_waits_for_its_time() -> None:
    """10.1: retrieveDate."""
    world = FileWorld()
    world.update(retrieve_at=world.at(600.0))
    world.wait(590.0, step_s=59.0)
    assert world.waiting == []
    world.wait(15.0)
    assert world.waiting == ["Download"]


def test_a_time_that_has_passed_is_now() -> None:
    """10.1."""
    world = FileWorld()
    world.update(retrieve_at=WALL - timedelta(days=400))
    assert world.waiting == ["Download"]


def test_without_a_clock_an_update_waits_until_the_csms_tells_the_time() -> None:
    world = FileWorld(online=False)
    world.update(retrieve_at=world.at(-60.0))
    assert world.waiting == []
    world.accept()
    assert world.waiting == ["Download"]


def test_the_installation_waits_for_the_transaction_and_nothing_new_starts_meanwhile() -> None:
    """10.1: idle connectors are Unavailable while an update waits."""
    world = FileWorld(evses=2)
    world.charging(evse=1)
    world.update()
    world.finish(Download)
    assert world.waiting == []
    assert world.state(1) is ConnectorState.CHARGING
    assert world.state(2) is ConnectorState.UNAVAILABLE
    assert world.remote_start("04B2", evse=2) is Verdict.REJECTED
    world.card("04A1")
    world.wait(10.0)
    assert world.waiting == ["Install"]
    assert world.state(1) is ConnectorState.UNAVAILABLE


def test_a_failed_installation_gives_the_connectors_back() -> None:
    world = FileWorld()
    world.update()
    world.finish(Download)
    assert world.state() is ConnectorState.UNAVAILABLE
    world.finish(Install, FAILED)
    assert world.state() is ConnectorState.AVAILABLE


def test_the_restart_waits_until_the_csms_has_heard_of_it_but_not_for_ever() -> None:
    world = FileWorld()
    world.update()
    world.finish(Download)
    world.delivers = False
    world.finish(Install)
    assert world.of(ef.Restart) == []
    world.wait(11.0)
    assert len(world.of(ef.Restart)) == 1


def test_a_second_update_takes_the_place_of_the_first() -> None:
    world = FileWorld()
    world.update()
    assert world.update(retrieve_at=world.at(60.0)) is Verdict.ACCEPTED
    assert world.waiting == []
    world.wait(61.0)
    assert world.waiting == ["Download"]


def test_a_file_that_was_downloaded_for_another_update_is_not_installed() -> None:
    """At the same place there may be another file now."""
    world = FileWorld()
    world.charging()
    world.update()
    world.finish(Download)
    world.update()
    assert world.waiting == ["Discard", "Download"]


def test_a_download_that_kills_the_station_is_given_up() -> None:
    world = FileWorld()
    world.update(retries=0)
    for _ in range(7):
        world.works.clear()
        world.kill_both()
        world.accept()
    assert world.statuses == ["Downloading", "DownloadFailed"]


def test_an_installation_is_not_interrupted_by_another_update() -> None:
    world = FileWorld()
    world.update()
    world.finish(Download)
    assert world.update() is Verdict.REJECTED
    assert world.waiting == ["Install"]


def test_where_only_signed_updates_are_taken_a_plain_one_is_not_supported() -> None:
    """10.2, L01.FR.20."""
    world = FileWorld(signed_firmware_only=True)
    assert world.update() is Verdict.NOT_SUPPORTED
    assert world.waiting == []


# --- Restarts -------------------------------------------------------------------------------------


def test_a_download_that_a_restart_cut_short_goes_on() -> None:
    world = FileWorld()
    world.update(retries=0)
    world.works.clear()
    world.kill_both()
    world.accept()
    assert world.waiting == ["Download"]
    assert world.statuses == ["Downloading"]


def test_an_installation_that_a_restart_cut_short_has_failed() -> None:
    world = FileWorld()
    world.update()
    world.finish(Download)
    world.works.clear()
    world.kill_both()
    world.accept()
    assert world.statuses[-1] == "InstallationFailed"


def test_an_installer_that_restarts_us_itself_has_installed_when_other_software_runs() -> None:
    world = FileWorld(firmware="1.0")
    world.update()
    world.finish(Download)
    world.works.clear()
    world.settings = type(world.settings)(
        **{f: getattr(world.settings, f) for f in world.settings.__slots__} | {"firmware": "1.1"}
    )
    world.kill_both()
    world.accept()
    world.finish(Confirm)
    assert world.statuses[-1] == "Installed"


def test_software_that_was_rolled_back_is_told_as_failed() -> None:
    world = FileWorld()
    world.update()
    installed(world)
    world.finish(Confirm, WorkOutcome(problem=Problem.FAILED, detail="rolled back"))
    assert world.statuses[-1] == "InstallationFailed"
    assert "FirmwareUpdated" not in world.security()


def test_nothing_is_confirmed_before_the_csms_is_reached_and_charging_goes_on_meanwhile() -> None:
    """10.1: Installed only after the new firmware reached the CSMS."""
    world = FileWorld()
    world.update()
    world.finish(Download)
    world.finish(Install)
    world.kill_both()
    assert world.waiting == []
    world.plug_in()
    world.card("04A1")
    world.wait(5.0)
    assert world.state() is not ConnectorState.UNAVAILABLE


# --- Signed ---------------------------------------------------------------------------------------


def test_a_signed_update_tells_every_step_with_its_request() -> None:
    """10.2, TC_080."""
    world = FileWorld()
    assert world.signed(retrieve_at=world.at(60.0)) is Verdict.ACCEPTED
    world.wait(61.0)
    world.finish(Download)
    world.finish(Verify)
    world.finish(Install)
    restarted(world)
    world.finish(Confirm)
    assert world.statuses == [
        "DownloadScheduled",
        "Downloading",
        "Downloaded",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
        "Installed",
    ]
    assert {report.request for report in world.heard} == {7}
    assert {report.subject for report in world.heard} == {Subject.SIGNED_FIRMWARE}


def test_a_wrong_signature_is_told_logged_and_never_installed() -> None:
    """10.2, TC_081."""
    world = FileWorld()
    world.signed()
    world.finish(Download)
    world.finish(Verify, WorkOutcome(problem=Problem.FAILED, detail="wrong"))
    assert world.statuses == ["Downloading", "Downloaded", "InvalidSignature"]
    assert "InvalidFirmwareSignature" in world.security()
    assert "Install" not in world.waiting


def test_a_wrong_certificate_is_refused_in_the_answer() -> None:
    """10.2: checked before answering."""
    world = FileWorld()
    verdict = world.update(certificate="PEM", signature="c2ln", request=7)
    assert verdict is None
    world.finish(CheckSigner, WorkOutcome(problem=Problem.FAILED, detail="expired"))
    assert world.verdict("call-1") is Verdict.INVALID_CERTIFICATE
    assert "InvalidFirmwareSigningCertificate" in world.security()
    assert world.waiting == []


def test_a_signed_update_during_another_cancels_it() -> None:
    """10.2."""
    world = FileWorld()
    world.signed()
    assert world.signed() is Verdict.ACCEPTED_CANCELED
    assert world.waiting == ["Download"]


def test_a_signed_update_during_an_installation_is_rejected() -> None:
    """10.2."""
    world = FileWorld()
    world.signed()
    world.finish(Download)
    world.finish(Verify)
    assert world.signed() is Verdict.REJECTED


def test_a_signed_update_waits_for_its_time_to_install() -> None:
    """10.2: installDateTime."""
    world = FileWorld()
    world.signed(install_at=world.at(600.0))
    world.finish(Download)
    world.finish(Verify)
    assert world.statuses[-1] == "InstallScheduled"
    assert world.state() is not ConnectorState.UNAVAILABLE
    world.wait(601.0, step_s=60.0)
    assert world.waiting == ["Install"]


def test_a_transaction_in_the_way_is_told_as_a_schedule() -> None:
    """10.2, ed. 4."""
    world = FileWorld()
    world.charging()
    world.signed()
    world.finish(Download)
    world.finish(Verify)
    assert world.statuses[-1] == "InstallScheduled"


# --- Triggers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "status"),
    [
        pytest.param(lambda world: None, "Idle", id="nothing was ever asked"),
        pytest.param(lambda world: world.update(), "Downloading", id="during one"),
        pytest.param(
            lambda world: (world.update(retries=0), world.finish(Download, FAILED)),
            "Idle",
            id="after one",
        ),
        pytest.param(lambda world: world.signed(), "Idle", id="a signed one is another subject"),
    ],
)
def test_a_trigger_brings_the_present_status(do: Callable[[FileWorld], None], status: str) -> None:
    """M4."""
    world = FileWorld()
    do(world)
    ask_status(world, Subject.FIRMWARE)
    assert world.statuses[-1] == status


def test_a_trigger_after_a_failed_signed_update_brings_its_last_status() -> None:
    """M4, extended: Idle only after Installed."""
    world = FileWorld()
    world.signed(retries=0)
    world.finish(Download, FAILED)
    ask_status(world, Subject.SIGNED_FIRMWARE)
    assert (world.statuses[-1], world.heard[-1].request) == ("DownloadFailed", 7)


def ask_status(world: FileWorld, subject: Subject) -> None:
    def asked(call: Call) -> fr.FileStatusAsked:
        return fr.FileStatusAsked(call=call, subject=subject, at_s=world.now_s)

    assert world.ask(asked) is Verdict.ACCEPTED
