"""What is held of keys and certificates, and the tasks that change it.

Everything lies under `security/` in the state directory. A task is done when it is on the disk; a
change of what we show of ourselves is first a trial, which the next connections decide
(`agent.security.access`). Belongs to the security thread, except `load` before it starts; others
only read the values that are replaced whole.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from chargepoint.agent.security import credentials
from chargepoint.agent.security.configured import configured_about, configured_roots
from chargepoint.agent.security.credentials import Credentials, Kept
from chargepoint.agent.security.own import OwnStore
from chargepoint.agent.security.private_files import private_directory
from chargepoint.agent.security.roots import RootStore, StoredRoot
from chargepoint.config import Csms
from chargepoint.station.security_values import (
    CertificateUse,
    ChangeKey,
    ChangeProfile,
    Holdings,
    InstallRoot,
    MakeRequest,
    Outcome,
    OwnCertificate,
    RemoveRoot,
    Root,
    TakeChain,
    Task,
    key_problem,
)

DIRECTORY = "security"


class Refusal(Exception):
    """A task that is not done, and why; nothing was changed."""


class Safe:
    """Keys and certificates in `state_dir`, for the CSMS of `settings`."""

    def __init__(self, state_dir: Path, settings: Csms) -> None:
        self._directory = state_dir / DIRECTORY
        self._settings = settings
        self._configured_about: OwnCertificate | None = None
        self._own = OwnStore(self._directory)
        self.roots = RootStore(self._directory / "roots")
        self.kept: Kept = credentials.from_settings(settings)
        self.in_use: frozenset[str] = frozenset()
        """Names of the roots that the present connection rests on."""

    def load(self) -> list[str]:
        """Read everything; problems that people should know. Raises OSError."""
        private_directory(self._directory)
        self.kept, lost = credentials.load(self._directory, self._settings)
        problems = [lost, self.roots.load()]
        if self._settings.client_cert:
            self._configured_about, problem = configured_about(
                Path(self._settings.client_cert), self._directory
            )
            problems.append(problem)
        self._own.drop_except(self._needed())
        return [problem for problem in problems if problem]

    # --- Looking ----------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """What is held, for the station."""
        current = self.kept.current
        key_wrong = key_problem(current.key, self._settings.key_form)
        return Holdings(
            profile=current.profile,
            keyed=key_wrong is None,
            roots=tuple(each.root for each in self.roots.stored),
            rooted=bool(self._settings.ca_file or self._csms_roots()),
            certified=self.certificate(current) is not None,
            certificate=self._about(current),
        )

    def certificate(self, shown: Credentials) -> tuple[str, str] | None:
        """Files of chain and key; None when there are none."""
        if self._own.complete(shown.certificate):
            return self._own.files(shown.certificate)
        settings = self._settings
        return (settings.client_cert, settings.client_key) if settings.client_cert else None

    def csms_root_files(self) -> tuple[str, ...]:
        return self.roots.paths(CertificateUse.CSMS_ROOT)

    def _about(self, shown: Credentials) -> OwnCertificate | None:
        if self._own.complete(shown.certificate):
            return self._own.about(shown.certificate)
        return self._configured_about

    def _csms_roots(self) -> list[StoredRoot]:
        return [each for each in self.roots.stored if each.root.use is CertificateUse.CSMS_ROOT]

    # --- Tasks ------------------------------------------------------------------------------------

    def perform(self, task: Task) -> Outcome:
        """Do `task`, or say why not; never raises for what a CSMS may send or a disk may do."""
        try:
            csr, tried_next = self._perform(task)
        except Refusal as refusal:
            return Outcome(done=False, problem=str(refusal), holdings=self.holdings())
        except OSError as error:
            return Outcome(done=False, problem=str(error), broken=True, holdings=self.holdings())
        return Outcome(done=True, csr=csr, tried_next=tried_next, holdings=self.holdings())

    def _perform(self, task: Task) -> tuple[str, bool]:
        """A signing request, and whether the next connection decides."""
        match task:
            case ChangeKey(key=key):
                return "", self._change_key(key)
            case ChangeProfile(profile=profile):
                self._try(replace(self._newest, profile=profile), "profile")
                return "", True
            case InstallRoot():
                self._install(task)
            case RemoveRoot():
                self._remove(task)
            case MakeRequest():
                return self._make_request(task), False
            case TakeChain():
                return "", self._take(task)
        return "", False

    @property
    def _newest(self) -> Credentials:
        """What a further change is made to."""
        return self.kept.trial or self.kept.current

    def _change_key(self, key: str) -> bool:
        changed = replace(self._newest, key=key, key_given=True, spelling=0)
        if changed.profile in (1, 2):
            self._try(changed, "key")
            return True
        current = replace(self.kept.current, key=key, key_given=True, spelling=0)
        trial = None if self.kept.trial is None else changed
        self._save(replace(self.kept, current=current, trial=trial))
        return False

    def _try(self, changed: Credentials, what: str) -> None:
        self._save(replace(self.kept, trial=changed, changed=what))

    def settle(self, trial: Credentials, kept: bool, spelling: int) -> bool:
        """A connection has decided on `trial`; False when a newer trial has taken its place.

        Raises OSError; then the trial goes on, and a later connection decides again.
        """
        if self.kept.trial != trial:
            return False
        current = replace(trial, spelling=spelling) if kept else self.kept.current
        self._save(replace(self.kept, current=current, trial=None, changed=""))
        self._own.drop_except(self._needed())
        return True

    def remember(self, shown: Credentials, spelling: int) -> None:
        """This spelling of the present key was taken. Raises OSError."""
        if self.kept.current == shown and shown.spelling != spelling:
            self._save(replace(self.kept, current=replace(shown, spelling=spelling)))

    # --- Certificates -----------------------------------------------------------------------------

    def _install(self, task: InstallRoot) -> None:
        from chargepoint.agent.security import x509

        stored = [each for each in self.roots.stored if each.root.use is task.use]
        old = stored if task.signed_by_old else []
        try:
            found = x509.parsed(task.pem)
            if len(found) != 1:
                raise Refusal("more than one certificate")
            certificate = found[0]
            name = x509.fingerprint(certificate)
            if any(each.name == name for each in stored):
                return  # the same again is accepted (edition 4)
            problem = x509.root_problem(certificate, task.now)
            if problem is not None:
                raise Refusal(problem)
            signers = [each for one in old for each in x509.parsed(self._read(one))]
            issuer = x509.issuer_of(certificate, signers or [certificate])
            if issuer is None:
                wanted = "the present root certificate of the CSMS" if old else "itself"
                raise Refusal(f"not signed by {wanted}")
            root = Root(
                use=task.use,
                hashes=x509.names(certificate, issuer),
                subject=x509.subject(certificate),
                not_after=certificate.not_valid_after_utc,
            )
        except x509.UNREADABLE as error:
            raise Refusal(f"unreadable: {error}") from error
        if task.room <= 0:
            raise Refusal("the certificate store is full")
        self.roots.add(StoredRoot(name=name, root=root), x509.text_of([certificate]))
        for surplus in old[:-1]:  # one root, and the one before it to fall back to
            self.roots.remove(surplus)

    def _read(self, stored: StoredRoot) -> str:
        return self.roots.path(stored).read_text("ascii")

    def _remove(self, task: RemoveRoot) -> None:
        for stored in [each for each in self.roots.stored if task.hash in each.root.hashes]:
            csms = stored.root.use is CertificateUse.CSMS_ROOT
            if csms and stored.name in self.in_use:
                raise Refusal("the present connection rests on it")
            secure = self._newest.profile >= 2 or self.kept.current.profile >= 2
            if csms and secure and not self._settings.ca_file and len(self._csms_roots()) == 1:
                raise Refusal("it is the last root certificate of the CSMS")
            self.roots.remove(stored)

    def _make_request(self, task: MakeRequest) -> str:
        from chargepoint.agent.security import x509

        try:
            pem, key = x509.new_key()
            request = x509.signing_request(key, task.common_name, task.organization)
        except ValueError as error:
            raise Refusal(f"no request can be made: {error}") from error
        self._own.keep_key(pem)
        return request

    def _take(self, task: TakeChain) -> bool:
        from chargepoint.agent.security import x509

        try:
            chain = x509.parsed(task.pem)
            roots = [
                each
                for text in configured_roots(self._settings) + self._installed_texts()
                for each in x509.parsed(text)
            ]
            problem = x509.own_problem(chain, roots, task.common_name, task.organization, task.now)
            if problem is not None:
                raise Refusal(problem)
            keys = self._own.pending_keys()
            key = next((each for each in keys if x509.fits(chain[0], each)), None)
            about = OwnCertificate(
                subject=x509.subject(chain[0]),
                not_before=chain[0].not_valid_before_utc,
                not_after=chain[0].not_valid_after_utc,
                hashes=x509.own_names(chain, roots),
            )
        except x509.UNREADABLE as error:
            raise Refusal(f"unreadable: {error}") from error
        if key is None:
            raise Refusal("it belongs to no key that was asked to be signed")
        name = x509.fingerprint(chain[0])
        self._own.put(name, x509.text_of(chain), key, about)
        return self._show(name, key)

    def _show(self, name: str, key: bytes) -> bool:
        """Let the certificate count: from the next connection on, or at once where none is shown"""
        changed = replace(self._newest, certificate=name)
        if changed.profile == 3:
            self._try(changed, "certificate")
        else:
            current = replace(self.kept.current, certificate=name)
            self._save(replace(self.kept, current=current, trial=self.kept.trial and changed))
        self._own.used(key)
        return changed.profile == 3

    def _installed_texts(self) -> list[str]:
        return [self._read(each) for each in self._csms_roots()]

    # --- Keeping ----------------------------------------------------------------------------------

    def _save(self, kept: Kept) -> None:
        credentials.save(self._directory, kept)
        self.kept = kept

    def _needed(self) -> set[str]:
        shown = (self.kept.current, self.kept.trial)
        return {each.certificate for each in shown if each is not None and each.certificate}
