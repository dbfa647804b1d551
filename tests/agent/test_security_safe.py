"""Keys and certificates on the disk: what is taken, refused, kept, and who may read it."""

from __future__ import annotations

import hashlib
import logging
import random
import re
import shutil
import ssl
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chargepoint.agent.security.safe import Safe
from chargepoint.config import Csms
from chargepoint.station.security_values import (
    CertificateHash,
    CertificateUse,
    ChangeKey,
    ChangeProfile,
    HashAlgorithm,
    InstallRoot,
    MakeRequest,
    Outcome,
    RemoveRoot,
    TakeChain,
)
from tests.agent.authorities import DAY, Party, authority, server, station

KEY = "0123456789abcdef"
NOW = datetime.now(UTC)
CSMS = CertificateUse.CSMS_ROOT


def safe(directory: Path, **settings: object) -> Safe:
    options = {"url": "ws://host/ocpp", "security_profile": 1, "password": KEY} | settings
    opened = Safe(directory, Csms(**options))  # type: ignore[arg-type]
    assert opened.load() == []
    return opened


def install(held: Safe, party: Party | str, **fields: object) -> Outcome:
    pem = party if isinstance(party, str) else party.pem
    given = {"use": CSMS, "pem": pem, "room": 5, "signed_by_old": False, "now": NOW} | fields
    return held.perform(InstallRoot(**given))  # type: ignore[arg-type]


def request(held: Safe, name: str = "S1", organization: str = "Operator") -> str:
    outcome = held.perform(MakeRequest(common_name=name, organization=organization))
    assert outcome.done
    return outcome.csr


def take(held: Safe, pem: str, name: str = "S1", organization: str = "Operator") -> Outcome:
    return held.perform(TakeChain(pem=pem, common_name=name, organization=organization, now=NOW))


# --- Key and profile ------------------------------------------------------------------------------


def test_a_new_key_is_a_trial_until_a_connection_decides(tmp_path: Path) -> None:
    """11.2, 11.3: the old key counts meanwhile, also after a crash."""
    held = safe(tmp_path)
    outcome = held.perform(ChangeKey(key="fedcba9876543210"))
    assert (outcome.done, outcome.tried_next) == (True, True)
    again = safe(tmp_path)
    assert again.kept.current.key == KEY
    assert again.kept.trial is not None
    assert again.kept.trial.key == "fedcba9876543210"
    assert again.settle(again.kept.trial, True, 0)
    assert safe(tmp_path).kept.current.key == "fedcba9876543210"


def test_a_trial_that_failed_leaves_what_was_there(tmp_path: Path) -> None:
    held = safe(tmp_path)
    held.perform(ChangeProfile(profile=2))
    assert held.holdings().profile == 1
    trial = held.kept.trial
    assert trial is not None
    assert held.settle(trial, False, 0)
    assert (safe(tmp_path).kept.trial, safe(tmp_path).kept.current.profile) == (None, 1)


def test_an_older_trial_decides_nothing(tmp_path: Path) -> None:
    held = safe(tmp_path)
    held.perform(ChangeKey(key="a" * 16))
    first = held.kept.trial
    held.perform(ChangeKey(key="b" * 16))
    assert first is not None
    assert not held.settle(first, True, 0)
    assert held.kept.trial is not None
    assert held.kept.trial.key == "b" * 16


@pytest.mark.parametrize("profile", [0, 3])
def test_on_profiles_without_a_password_the_key_is_only_stored(
    tmp_path: Path, profile: int
) -> None:
    held = safe(tmp_path, security_profile=profile, password="")
    outcome = held.perform(ChangeKey(key=KEY))
    assert (outcome.done, outcome.tried_next, outcome.holdings.keyed) == (True, False, True)
    assert held.kept.trial is None


def test_editing_the_configuration_lets_it_count_again(tmp_path: Path) -> None:
    safe(tmp_path).perform(ChangeKey(key="fedcba9876543210"))
    edited = Safe(
        tmp_path, Csms(url="ws://host", security_profile=1, password="mended-mended-mended")
    )
    assert edited.load() == ["the security settings of the configuration have changed"]
    assert (edited.kept.current.key, edited.kept.trial) == ("mended-mended-mended", None)


def test_a_damaged_file_is_told_and_the_configuration_counts(tmp_path: Path) -> None:
    safe(tmp_path).perform(ChangeKey(key="fedcba9876543210"))
    (tmp_path / "security" / "credentials.json").write_text("{")
    held = Safe(tmp_path, Csms(url="ws://host/ocpp", security_profile=1, password=KEY))
    assert "cannot be read" in held.load()[0]
    assert held.kept.current.key == KEY


def test_a_disk_that_fails_changes_nothing(tmp_path: Path) -> None:
    held = safe(tmp_path)
    shutil.rmtree(tmp_path / "security")
    (tmp_path / "security").write_text("in the way")
    outcome = held.perform(ChangeKey(key="fedcba9876543210"))
    assert (outcome.done, outcome.broken) == (False, True)
    assert (held.kept.current.key, held.kept.trial) == (KEY, None)


# --- Roots ----------------------------------------------------------------------------------------


def test_an_installed_root_survives_and_is_listed_with_three_hashes(tmp_path: Path) -> None:
    """TC_075_2."""
    root = authority()
    assert install(safe(tmp_path), root).done
    (kept,) = safe(tmp_path).holdings().roots
    assert [named.algorithm for named in kept.hashes] == list(HashAlgorithm)
    assert kept.not_after == root.certificate.not_valid_after_utc


def test_hashes_are_those_of_openssl(tmp_path: Path) -> None:
    """11.4: names as in OCSP, against the `openssl` program."""
    root = authority()
    leaf = server(root)
    ca, _ = root.files(tmp_path, "ca")
    one, _ = leaf.files(tmp_path, "leaf")
    from chargepoint.agent.security import x509

    for named in x509.names(leaf.certificate, root.certificate):
        text = subprocess.run(
            ["openssl", "ocsp", f"-{named.algorithm.value.lower()}", "-issuer", ca,
             "-cert", one, "-req_text"],
            capture_output=True, text=True, check=True, timeout=20,
        ).stdout.replace("\\\n", "")  # fmt: skip
        found = dict(re.findall(r"(Issuer Name Hash|Issuer Key Hash|Serial Number): (\w+)", text))
        assert named.issuer_name == found["Issuer Name Hash"].lower()
        assert named.issuer_key == found["Issuer Key Hash"].lower()
        assert named.serial == found["Serial Number"].lower().lstrip("0")


def test_the_key_hash_of_an_rsa_root_is_over_its_bit_string(tmp_path: Path) -> None:
    """A second computation: the RSA public key in PKCS 1 form is the content of the bit string."""
    root = authority(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert install(safe(tmp_path), root).done
    bits = root.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    (kept,) = safe(tmp_path).holdings().roots
    assert kept.hashes[0].issuer_key == hashlib.sha256(bits).hexdigest()


def test_the_same_root_again_is_accepted_and_kept_once(tmp_path: Path) -> None:
    held, root = safe(tmp_path), authority()
    assert install(held, root).done
    assert install(held, root, room=0).done
    assert len(held.holdings().roots) == 1


REFUSED = {
    "nonsense": lambda: "no certificate",
    "two": lambda: authority().pem + authority().pem,
    "no authority": lambda: server(authority()).pem,
    "signed by another": lambda: authority("Below", issuer=authority()).pem,
    "expired": lambda: authority(begins=NOW - 9 * DAY, ends=NOW - DAY).pem,
    "of tomorrow": lambda: authority(begins=NOW + DAY, ends=NOW + 9 * DAY).pem,
    "weak": lambda: (
        authority(key=rsa.generate_private_key(public_exponent=65537, key_size=1024)).pem
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_usable_root_is_refused_and_not_kept(tmp_path: Path, kind: str) -> None:
    """Y5, TC_075_2."""
    held = safe(tmp_path)
    outcome = install(held, REFUSED[kind]())
    assert (outcome.done, outcome.broken, outcome.holdings.roots) == (False, False, ())
    assert outcome.problem


def test_without_a_clock_dates_are_not_judged(tmp_path: Path) -> None:
    """Y4."""
    old = authority(begins=NOW - 9 * DAY, ends=NOW - DAY)
    assert install(safe(tmp_path), old, now=None).done


def test_a_full_store_takes_no_more(tmp_path: Path) -> None:
    outcome = install(safe(tmp_path), authority(), room=0)
    assert (outcome.done, outcome.problem) == (False, "the certificate store is full")


def test_with_the_additional_check_only_a_successor_is_taken_and_one_fallback_kept(
    tmp_path: Path,
) -> None:
    """AdditionalRootCertificateCheck."""
    held, first = safe(tmp_path), authority("First")
    second = authority("Second", issuer=first)
    third = authority("Third", issuer=second)
    assert install(held, first, signed_by_old=True).done
    assert not install(held, authority("Stranger"), signed_by_old=True).done
    assert install(held, second, signed_by_old=True).done
    assert install(held, third, signed_by_old=True).done
    names = [root.subject for root in held.holdings().roots]
    assert names == ["O=Operator,CN=Second", "O=Operator,CN=Third"]


def test_a_root_is_deleted_by_any_of_its_hashes(tmp_path: Path) -> None:
    """TC_076."""
    held = safe(tmp_path)
    named = install(held, authority()).holdings.roots[0].hashes[2]
    assert named.algorithm is HashAlgorithm.SHA512
    assert held.perform(RemoveRoot(hash=named)).holdings.roots == ()
    assert safe(tmp_path).holdings().roots == ()
    assert list((tmp_path / "security" / "roots").glob("*.pem")) == []


def test_a_root_that_the_connection_rests_on_stays(tmp_path: Path) -> None:
    held = safe(tmp_path)
    install(held, authority("Other"))
    named = install(held, authority()).holdings.roots[1].hashes[0]
    held.in_use = frozenset({held.roots.stored[1].name})
    outcome = held.perform(RemoveRoot(hash=named))
    assert (outcome.done, outcome.problem) == (False, "the present connection rests on it")


def test_the_last_root_of_a_secure_profile_stays(tmp_path: Path) -> None:
    held = safe(tmp_path, url="wss://host", security_profile=2)
    named: CertificateHash = install(held, authority()).holdings.roots[0].hashes[0]
    assert not held.perform(RemoveRoot(hash=named)).done


# --- Our certificate ------------------------------------------------------------------------------


def test_a_signed_certificate_is_taken_and_shown_from_profile_3_on(tmp_path: Path) -> None:
    """TC_074: CSR, certificate, its key."""
    held, root = safe(tmp_path), authority()
    install(held, root)
    outcome = take(held, station(root, request(held)))
    assert (outcome.done, outcome.tried_next, outcome.problem) == (True, False, "")
    again = safe(tmp_path).holdings()
    assert again.certified
    assert again.certificate is not None
    assert again.certificate.subject == "O=Operator,CN=S1"
    assert len(again.certificate.hashes) == 3


def test_the_answer_to_a_request_of_before_a_restart_is_taken(tmp_path: Path) -> None:
    root = authority()
    csr = request(safe(tmp_path))
    assert take(safe(tmp_path), station(root, csr)).done


def test_each_request_has_a_key_of_its_own(tmp_path: Path) -> None:
    held = safe(tmp_path)
    root = authority()
    first, second = request(held), request(held)
    assert take(held, station(root, first)).done
    assert take(held, station(root, second)).done


def test_no_more_than_four_requests_wait(tmp_path: Path) -> None:
    held = safe(tmp_path)
    for _ in range(7):
        request(held)
    assert len(list((tmp_path / "security" / "pending").iterdir())) == 4


def test_a_certificate_for_a_key_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """TC_077."""
    other = safe(tmp_path / "other")
    outcome = take(safe(tmp_path / "one"), station(authority(), request(other)))
    assert outcome.problem == "it belongs to no key that was asked to be signed"


@pytest.mark.parametrize(
    ("problem", "fields"),
    [
        ("its CN is not S1", {"common_name": "S2"}),
        ("expired on", {"begins": NOW - 9 * DAY, "ends": NOW - DAY}),
        ("not valid before", {"begins": NOW + DAY, "ends": NOW + 9 * DAY}),
    ],
)
def test_a_certificate_with_wrong_contents_is_refused(
    tmp_path: Path, problem: str, fields: dict[str, object]
) -> None:
    held = safe(tmp_path)
    pem = station(authority(), request(held), **fields)  # type: ignore[arg-type]
    outcome = take(held, pem)
    assert not outcome.done
    assert outcome.problem.startswith(problem)
    assert not outcome.holdings.certified


def test_a_chain_must_lead_to_a_known_root(tmp_path: Path) -> None:
    held, root = safe(tmp_path), authority()
    install(held, root)
    below = authority("Below", issuer=root)
    csr = request(held)
    assert not take(held, station(authority("Stranger"), csr)).done
    assert not take(held, station(below, csr)).done
    assert take(held, station(below, csr) + below.pem).done


def test_on_profile_3_a_new_certificate_is_tried_first(tmp_path: Path) -> None:
    root = authority()
    chain, key = server(root, "S1").files(tmp_path, "configured")
    held = safe(tmp_path, url="wss://h", security_profile=3, client_cert=chain, client_key=key)
    outcome = take(held, station(root, request(held)))
    assert outcome.tried_next
    assert held.certificate(held.kept.current) == (chain, key)
    trial = held.kept.trial
    assert trial is not None
    assert held.certificate(trial) != (chain, key)
    held.settle(trial, True, 0)
    assert held.certificate(held.kept.current) != (chain, key)


# --- Hostile texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_certificate_with_wrong_bytes_is_refused_or_taken_and_never_an_exception(
    tmp_path: Path, seed: int
) -> None:
    """A CSMS may send anything; an exception would end the agent."""
    chance = random.Random(seed)
    held, root = safe(tmp_path), authority()
    leaf = station(root, request(held))
    for number in range(120):
        pem = root.pem if number % 2 else leaf
        data = bytearray(ssl.PEM_cert_to_DER_cert(pem))
        for _ in range(chance.choice((1, 1, 2, 5))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        spoiled = ssl.DER_cert_to_PEM_cert(bytes(data))
        outcomes = (install(held, spoiled, room=1), take(held, spoiled))
        assert not any(outcome.broken for outcome in outcomes)


@pytest.mark.parametrize("text", ["", "\ud800", "\0" * 40, "-----BEGIN CERTIFICATE-----", "é" * 99])
def test_texts_that_are_no_certificates(tmp_path: Path, text: str) -> None:
    held = safe(tmp_path)
    assert not install(held, text).done
    assert not take(held, text).done


def test_a_name_that_no_certificate_can_hold_is_refused(tmp_path: Path) -> None:
    outcome = safe(tmp_path).perform(MakeRequest(common_name="S1", organization="x" * 500))
    assert (outcome.done, outcome.broken) == (False, False)


# --- Secrecy --------------------------------------------------------------------------------------


def test_nothing_can_be_read_by_others(tmp_path: Path) -> None:
    held, root = safe(tmp_path), authority()
    install(held, root)
    take(held, station(root, request(held)))
    request(held)
    held.perform(ChangeKey(key="fedcba9876543210"))
    paths = [tmp_path / "security", *(tmp_path / "security").rglob("*")]
    assert len(paths) > 8
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_directory_with_too_many_rights_is_closed(tmp_path: Path) -> None:
    (tmp_path / "security").mkdir(mode=0o755)
    safe(tmp_path)
    assert stat.S_IMODE((tmp_path / "security").stat().st_mode) == 0o700


def test_keys_are_in_no_representation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = safe(tmp_path)
    with caplog.at_level(logging.DEBUG):
        task = ChangeKey(key="fedcba9876543210")
        outcome = held.perform(task)
    shown = f"{task} {held.kept} {outcome} {caplog.text}"
    assert "fedcba9876543210" not in shown
    assert KEY not in shown


# --- Power cuts -----------------------------------------------------------------------------------


def test_a_cut_before_the_name_changes_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = safe(tmp_path)
    held.perform(ChangeKey(key="a" * 16))

    def cut(*names: object) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as during:
        during.setattr("chargepoint.agent.security.private_files.os.replace", cut)
        assert held.perform(ChangeKey(key="b" * 16)).broken
    again = safe(tmp_path)
    assert again.kept.trial is not None
    assert again.kept.trial.key == "a" * 16
    assert again.perform(ChangeKey(key="c" * 16)).done


def test_what_a_cut_left_half_done_counts_for_nothing_and_is_cleared_away(tmp_path: Path) -> None:
    install(safe(tmp_path), authority())
    roots, own = tmp_path / "security" / "roots", tmp_path / "security" / "own"
    (roots / "0123.pem").write_text("a root that the index never named")
    (own / ".4567").mkdir(parents=True)
    (own / ".4567" / "key.pem").write_text("half a certificate")
    held = safe(tmp_path)
    assert len(held.holdings().roots) == 1
    assert len(list(roots.glob("*.pem"))) == 1
    assert list(own.iterdir()) == []


def test_a_root_whose_file_is_gone_is_told_and_not_counted(tmp_path: Path) -> None:
    install(safe(tmp_path), authority())
    (path,) = (tmp_path / "security" / "roots").glob("*.pem")
    path.unlink()
    held = Safe(tmp_path, Csms(url="ws://host/ocpp", security_profile=1, password=KEY))
    assert held.load() == ["1 root certificates have no file"]
    assert held.holdings().roots == ()
