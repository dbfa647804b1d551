"""The station's own key: made once, private, and checked strictly."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from msgspec.structs import replace

from chargepoint import station_key
from chargepoint.agent.requests.caller import Caller
from chargepoint.agent.requests.signing import SigningRequests
from chargepoint.ipc.care import Sign, Signature
from chargepoint.ipc.service import Answered, Done
from chargepoint.station_key import KEY_FILE, PUBLIC_FILE, StationKeyError, own_fingerprint, valid

DIGEST = "ab" * 32


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first, second = station_key.sign(tmp_path, DIGEST), station_key.sign(tmp_path, "cd" * 32)
    assert first.public_key == second.public_key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [KEY_FILE, PUBLIC_FILE]


def test_a_signature_holds_for_its_digest_alone(tmp_path: Path) -> None:
    signed = station_key.sign(tmp_path, DIGEST)
    assert valid(signed, DIGEST)
    assert not valid(signed, "ab" * 31 + "ac")


def test_nothing_in_a_signature_can_be_changed(tmp_path: Path) -> None:
    signed = station_key.sign(tmp_path, DIGEST)
    other = station_key.sign(_directory(tmp_path / "other"), DIGEST)
    assert not valid(replace(signed, public_key=other.public_key), DIGEST)
    assert not valid(replace(signed, signature=other.signature), DIGEST)
    assert not valid(replace(signed, fingerprint=other.fingerprint), DIGEST)
    assert not valid(replace(signed, algorithm="none"), DIGEST)


def test_a_signature_has_one_spelling(tmp_path: Path) -> None:
    """The last digit of base64 holds bits that mean nothing; another one is refused."""
    signed = station_key.sign(tmp_path, DIGEST)
    body = signed.signature.rstrip("=")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spelt = body[:-1] + alphabet[alphabet.index(body[-1]) ^ 1] + "=="
    assert base64.b64decode(spelt) == base64.b64decode(signed.signature)
    assert not valid(replace(signed, signature=spelt), DIGEST)


def test_the_fingerprint_is_told_without_the_private_key(tmp_path: Path) -> None:
    assert own_fingerprint(tmp_path) == ""
    signed = station_key.sign(tmp_path, DIGEST)
    (tmp_path / KEY_FILE).unlink()
    assert own_fingerprint(tmp_path) == signed.fingerprint


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_key_is_an_error_and_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(StationKeyError, match=KEY_FILE):
        station_key.sign(tmp_path, DIGEST)
    assert (tmp_path / KEY_FILE).read_bytes() == content


def test_no_key_is_made_where_there_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(StationKeyError):
        station_key.sign(tmp_path / "missing", DIGEST)


@pytest.mark.parametrize("digest", ["", "ab", "AB" * 32, "ab" * 32 + "\n", "zz" * 32])
def test_only_a_digest_is_signed(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        station_key.sign(tmp_path, digest)


async def test_the_agent_signs_for_clients(tmp_path: Path) -> None:
    [answer] = await _asked(tmp_path, Sign(digest=DIGEST, about="report"))
    assert isinstance(answer, Signature)
    assert answer.fingerprint == own_fingerprint(tmp_path)


async def test_the_agent_says_why_it_does_not_sign(tmp_path: Path) -> None:
    [answer] = await _asked(tmp_path, Sign(digest="x", about="report"))
    assert isinstance(answer, Done)
    assert not answer.ok
    assert "SHA-256" in answer.detail


async def _asked(state_dir: Path, request: Sign) -> list[Answered]:
    handler = SigningRequests(state_dir).handlers()[Sign]
    return [answer async for answer in handler(request, Caller())]


def _directory(path: Path) -> Path:
    path.mkdir()
    return path
