"""AuthorizationKey and SecurityProfile: what may be changed to what (white paper, A01 and A05).

A change that the rules allow is stored, answered, and tried with the next connection; only when
that opens does it count, else the station returns to what worked before (section 11.3 of the
rules). The trying is the shell's (`agent.security.access`); `settled` says how it ended.
"""

from __future__ import annotations

from chargepoint.station.desk import Desk
from chargepoint.station.device_model import DeviceModel
from chargepoint.station.effects import Reconnect, Verdict
from chargepoint.station.events import VariableSetRequested
from chargepoint.station.security import SecurityEvents
from chargepoint.station.security_requests import AccessSettled
from chargepoint.station.security_tasks import SecurityTasks
from chargepoint.station.security_values import (
    ChangeKey,
    ChangeProfile,
    Holdings,
    Outcome,
    Task,
    key_problem,
)

COMPONENT = "SecurityCtrlr"
KEY = (COMPONENT, "BasicAuthPassword")
PROFILE = (COMPONENT, "SecurityProfile")
DOWNGRADE = (COMPONENT, "AllowSecurityProfileDowngrade")

PROFILE_MAX = 3


class AccessChanges:
    """How the station shows who it is."""

    def __init__(
        self,
        desk: Desk,
        model: DeviceModel,
        security: SecurityEvents,
        tasks: SecurityTasks,
        key_form: str,
    ) -> None:
        self._desk = desk
        self._model = model
        self._security = security
        self._tasks = tasks
        self._key_form = key_form
        self.show()

    def show(self) -> None:
        """Let the device model say what is in force."""
        self._model.set(*PROFILE, str(self._tasks.holdings.profile), keep=False)

    def takes(self, event: VariableSetRequested) -> bool:
        """Deal with a change of key or profile; False: it is about something else."""
        place = (event.component, event.variable)
        if place == KEY:
            self._change_key(event)
        elif place == PROFILE:
            self._change_profile(event)
        else:
            return False
        return True

    def settled(self, event: AccessSettled) -> None:
        """A connection has decided."""
        self._tasks.holdings = event.holdings
        self.show()
        if event.kept:
            self._desk.note("security.changed", what=event.what)
            return
        self._desk.note("security.change_given_up", what=event.what)
        if event.what == "certificate":
            self._security.happened("DiscardedRenewedClientCertificate")

    # --- Inside -----------------------------------------------------------------------------------

    def _change_key(self, event: VariableSetRequested) -> None:
        problem = key_problem(event.value, self._key_form)
        if problem is not None:
            self._refuse(event, "key", problem)
        else:
            self._do(event, "AuthorizationKey", ChangeKey(key=event.value))

    def _change_profile(self, event: VariableSetRequested) -> None:
        text = event.value.strip()
        profile = int(text) if text.isascii() and text.isdigit() and len(text) < 3 else -1
        problem = profile_problem(profile, self._tasks.holdings, self._model.flag(*DOWNGRADE))
        if problem is not None:
            self._refuse(event, "profile", problem)
        else:
            self._do(event, f"SecurityProfile {profile}", ChangeProfile(profile=profile))

    def _do(self, event: VariableSetRequested, what: str, task: Task) -> None:
        def then(outcome: Outcome) -> None:
            if not outcome.done:
                self._refuse(event, what, outcome.problem)
                return
            self._tasks.answer(event.call, Verdict.ACCEPTED)
            self.show()
            self._security.requested("ReconfigurationOfSecurityParameters", what)
            if outcome.tried_next:
                self._desk.emit(Reconnect(reason="security settings changed"))

        if not self._tasks.do(task, then):
            self._tasks.answer(event.call, Verdict.REJECTED)

    def _refuse(self, event: VariableSetRequested, what: str, problem: str) -> None:
        self._desk.note("security.change_refused", what=what, problem=problem)
        self._tasks.answer(event.call, Verdict.REJECTED, problem)


def profile_problem(profile: int, held: Holdings, may_lower: bool) -> str | None:
    """Why the security profile cannot become `profile`; None: it can (section 11.3)."""
    if not 0 <= profile <= PROFILE_MAX:
        return "there is no such profile"
    lowered = (held.profile, profile) == (3, 2) and may_lower
    if profile <= held.profile and not lowered:
        return f"not above the present profile {held.profile}"
    if profile in (1, 2) and not held.keyed:
        return "there is no AuthorizationKey of legal length"
    if profile in (2, 3) and not held.rooted:
        return "there is no root certificate of the CSMS"
    if profile == 3 and not held.certified:
        return "there is no certificate of this station"
    return None
