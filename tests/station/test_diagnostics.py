"""Uploads: answers, statuses, attempts, and what a restart cuts short."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from chargepoint.station import effects as ef
from chargepoint.station import file_requests as fr
from chargepoint.station.effects import Verdict
from chargepoint.station.file_values import (
    LogKind,
    LogUpload,
    Problem,
    Subject,
    Upload,
    WorkOutcome,
)
from tests.station.test_firmware import FAILED, FileWorld, ask_status

PLACE = "ftp://user:secret@files.example/logs/"


def ask(
    world: FileWorld, subject: Subject = Subject.DIAGNOSTICS, **fields: object
) -> Verdict | None:
    kind = LogKind.DIAGNOSTICS if subject is Subject.DIAGNOSTICS else LogKind.SECURITY
    upload = LogUpload(subject=subject, kind=kind, location=PLACE, **fields)  # type: ignore[arg-type]
    return world.ask(lambda call: fr.UploadRequested(call=call, upload=upload, at_s=world.now_s))


def test_diagnostics_are_named_in_the_answer_and_uploaded() -> None:
    """10.3, TC_045_1."""
    world = FileWorld()
    oldest = datetime(2026, 11, 1, tzinfo=UTC)
    assert ask(world, oldest=oldest) is Verdict.ACCEPTED
    name = world.of(ef.Answer)[-1].detail
    assert re.fullmatch(r"TEST-diagnostics-20261124T\d{6}Z\.zip", name)
    work = world.works[0][1]
    assert isinstance(work, Upload)
    assert (work.file_name, work.oldest, work.latest) == (name, oldest, None)
    world.finish(Upload)
    assert world.statuses == ["Uploading", "Uploaded"]
    assert world.heard[0].subject is Subject.DIAGNOSTICS


@pytest.mark.parametrize("retries", [None, 0])
def test_no_retries_are_one_attempt(retries: int | None) -> None:
    """10.3, TC_045_2: 0 is one attempt, not none."""
    world = FileWorld()
    ask(world, retries=retries)
    world.finish(Upload, FAILED)
    assert world.statuses == ["Uploading", "UploadFailure"]
    assert world.waiting == []


def test_uploading_is_told_once_however_many_attempts_it_takes() -> None:
    """10.3."""
    world = FileWorld()
    ask(world, retries=2, retry_interval_s=5)
    for _ in range(2):
        world.finish(Upload, FAILED)
        world.wait(6.0)
    world.finish(Upload)
    assert world.statuses == ["Uploading", "Uploaded"]


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (Problem.BAD_PLACE, "BadMessage"),
        (Problem.UNSUPPORTED, "NotSupportedOperation"),
        (Problem.DENIED, "PermissionDenied"),
        (Problem.FAILED, "UploadFailure"),
    ],
)
def test_a_log_says_why_it_was_not_uploaded(problem: Problem, status: str) -> None:
    """10.3."""
    world = FileWorld()
    ask(world, Subject.LOG, request=3)
    world.finish(Upload, WorkOutcome(problem=problem, detail="why"))
    assert (world.statuses[-1], world.heard[-1].request) == (status, 3)


def test_a_second_log_takes_the_place_of_the_first() -> None:
    """10.3."""
    world = FileWorld()
    ask(world, Subject.LOG, request=3)
    assert ask(world, Subject.LOG, request=4) is Verdict.ACCEPTED_CANCELED
    assert world.waiting == ["Upload"]
    world.finish(Upload)
    told = [(report.status.value, report.request) for report in world.heard]
    assert told == [("Uploading", 3), ("Uploading", 4), ("Uploaded", 4)]


def test_diagnostics_and_a_log_go_side_by_side() -> None:
    world = FileWorld()
    assert ask(world) is Verdict.ACCEPTED
    assert ask(world, Subject.LOG, request=1) is Verdict.ACCEPTED
    assert world.waiting == ["Upload", "Upload"]


def test_an_upload_that_a_restart_cut_short_has_failed_once() -> None:
    world = FileWorld()
    ask(world, Subject.LOG, request=3)
    world.kill_both()
    world.kill_both()
    assert [(r.status.value, r.request) for r in world.heard[1:]] == [("UploadFailure", 3)]


def test_a_trigger_brings_uploading_during_an_upload_and_idle_after_it() -> None:
    """M4: Idle without a request."""
    world = FileWorld()
    ask(world, Subject.LOG, request=3)
    ask_status(world, Subject.LOG)
    world.finish(Upload)
    ask_status(world, Subject.LOG)
    told = [(report.status.value, report.request) for report in world.heard]
    assert told[1] == ("Uploading", 3)
    assert told[-1] == ("Idle", None)


def test_the_name_of_the_file_is_harmless_whatever_the_station_is_called() -> None:
    world = FileWorld()
    world.settings = type(world.settings)(
        **{f: getattr(world.settings, f) for f in world.settings.__slots__} | {"id": "../a b/%\n"}
    )
    world.start()
    ask(world)
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.zip", world.of(ef.Answer)[-1].detail)


def test_nothing_shows_name_and_password_of_the_place() -> None:
    world = FileWorld()
    ask(world)
    world.finish(Upload, FAILED)
    shown = repr([effect for effect in world.effects if not isinstance(effect, ef.Put)])
    assert "secret" not in shown
