"""A world in which technicians, pages and brokers act too, sensibly and not.

They take places out of service, bound currents, free plugs, and put signals on pilots, with values
that nobody should send among them. Besides all invariants of `World`:

    what was accepted as a local bound is kept, over restarts too, per place and for the station
    a place that is out of service here gives no leave without a transaction
    a closed contactor never has a technician's signal on its pilot
    each request is answered once, unless the agent died over it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chargepoint.agent.core import SetGrants, ShellEffect
from chargepoint.evse.pilot import duty_from_current
from chargepoint.station import local_requests as local
from chargepoint.station.effects import AnswerHere
from tests.sim.world import EVSES, World

BOUNDS_A = (None, 0.0, 6.0, 7.5, 10.0, 16.0, 20.0, 3.0, -1.0, 80.0, 1e308, -0.0, 5e-324)
RATIOS = (0.08, 0.1, 0.27, 0.5, 0.97, 1.0, 0.0, 0.05, -0.5, 1.5, 1e308)
NUMBERS = (0, 1, 2, 1, 2, 7, -1, 10**30)
ANSWER_MAX_S = 40.0


class Technicians(World):
    """`accepted_a`: the bounds that the station said yes to, by place (0: the station)."""

    sockets = True
    """So that freeing a plug ends a transaction first; the boards refuse to free it then."""

    def __init__(self, seed: int) -> None:
        self.accepted_a: dict[int, float] = {}
        self.closed_here: set[int] = set()
        self.asked: dict[str, tuple[Any, float]] = {}
        self.answers: list[tuple[str, bool]] = []
        self.driven = 0
        self._number = 0
        super().__init__(seed)

    # --- what they do -----------------------------------------------------------------------------

    def _possible(self) -> list[tuple[str, Callable[[], None]]]:
        number, evse = self.chance.choice(NUMBERS), self.chance.choice(EVSES)
        bound_a = self.chance.choice(BOUNDS_A)
        enabled = self.chance.random() < 0.7
        return [
            *super()._possible(),
            ("bound", lambda: self._ask(local.LimitAsked, evse=number, current_a=bound_a)),
            ("bound", lambda: self._ask(local.LimitAsked, evse=evse, current_a=bound_a)),
            ("enable", lambda: self._ask(local.EnableAsked, evse=number, enabled=enabled)),
            ("in service", lambda: self._ask(local.EnableAsked, evse=0, enabled=True)),
            ("unlock", lambda: self._ask(local.UnlockHereAsked, evse=number)),
            ("signal", lambda: self._drive(evse)),
            ("signal", lambda: self._drive(evse)),
            ("all at once", lambda: self._all_at_once(evse)),
            ("work", lambda: self._work(evse)),
            ("work", lambda: self._work(evse)),
        ]

    def _ask(self, kind: Any, **fields: Any) -> None:
        if self.core is None:
            return
        self._number += 1
        event = kind(request=f"r{self._number}", at_s=self.now_s, **fields)
        self.asked[event.request] = (event, self.now_s)
        self._tell(event)

    def _drive(self, evse: int) -> None:
        ratio, hold_s = self.chance.choice(RATIOS), self.chance.choice((0.5, 60.0, 1e9, -5.0))
        ok, _ = self.controls[evse].evse.drive_pilot(ratio, self.now_s + hold_s, self.now_s)
        self.expect(not ok or 0.08 <= ratio <= 1.0, f"a signal of {ratio} was accepted")
        self.driven += ok

    def _plan_action(self) -> None:
        self.at(self.now_s + self.chance.expovariate(1 / 60.0), self._act)

    def _work(self, evse: int) -> None:
        """Out of service, a signal on the pilot, and a driver who comes too early."""
        self._ask(local.EnableAsked, evse=evse, enabled=False)
        at_s = self.now_s
        for wait_s, deed in (
            (self.chance.uniform(0.0, 2.0), lambda: self._drive(evse)),
            (self.chance.uniform(1.0, 90.0), lambda: self._plug_in(evse)),
            (self.chance.uniform(0.0, 90.0), lambda: self.card("04A1B2C3")),
            (self.chance.uniform(1.0, 90.0), lambda: self._drive(evse)),
            (self.chance.uniform(1.0, 90.0), self._all_in_service),
        ):
            self.at(at_s + wait_s, deed)

    def _all_in_service(self) -> None:
        self._ask(local.EnableAsked, evse=0, enabled=True)

    def _all_at_once(self, evse: int) -> None:
        self._ask(local.EnableAsked, evse=evse, enabled=False)
        self._drive(evse)
        self._plug_in(evse)
        self.card(self.chance.choice(("04A1B2C3", "04D5E6F7")))
        self._ask(local.LimitAsked, evse=evse, current_a=self.chance.choice(BOUNDS_A))
        self._ask(local.UnlockHereAsked, evse=evse)
        self._ask(local.EnableAsked, evse=evse, enabled=True)

    # --- what comes of it -------------------------------------------------------------------------

    def _carry_out(self, effect: ShellEffect) -> None:
        if isinstance(effect, AnswerHere):
            self._answered(effect)
        else:
            super()._carry_out(effect)
        if isinstance(effect, SetGrants):
            self._check_grants()

    def _answered(self, answer: AnswerHere) -> None:
        self.expect(answer.request in self.asked, f"{answer.request} is answered twice")
        event, _ = self.asked.pop(answer.request)
        self.answers.append((type(event).__name__, answer.ok))
        if not answer.ok:
            return
        if isinstance(event, local.LimitAsked):
            self.expect(
                event.current_a is None or 0.0 <= event.current_a <= 1000.0,
                f"a bound of {event.current_a} A was accepted",
            )
            self.accepted_a.pop(event.evse, None)
            if event.current_a is not None:
                self.accepted_a[event.evse] = event.current_a
        elif isinstance(event, local.EnableAsked):
            places = set(EVSES) if event.evse == 0 else {event.evse}
            self.closed_here = (
                self.closed_here - places if event.enabled else self.closed_here | places
            )

    def kill_agent(self) -> None:
        # Who asked hears nothing; a bound may or may not have been stored before.
        for event, _ in self.asked.values():
            if isinstance(event, local.LimitAsked):
                self.accepted_a.pop(event.evse, None)
            elif isinstance(event, local.EnableAsked):
                self.closed_here -= set(EVSES) if event.evse == 0 else {event.evse}
        self.asked.clear()
        super().kill_agent()

    # --- what must hold ---------------------------------------------------------------------------

    def _check(self) -> None:
        super()._check()
        self._check_grants()
        for request, (event, at_s) in self.asked.items():
            waited_s = self.now_s - at_s
            self.expect(
                waited_s < ANSWER_MAX_S, f"{request} {event}: no answer in {waited_s:.0f} s"
            )
        for control in self.controls.values():
            if not control.command.closed:
                continue
            offered_a, ratio = control.evse.snapshot().offered_a, control.command.duty_ratio
            owed = duty_from_current(offered_a) if offered_a else ratio
            self.expect(ratio in (owed, 1.0), f"EVSE {control.number} closed, signal {ratio}")

    def _check_grants(self) -> None:
        if self.core is None:
            return
        for grant in self.core.grants:
            bound_a = self.accepted_a.get(grant.evse, float("inf"))
            self.expect(
                grant.current_a <= bound_a + 1e-6,
                f"EVSE {grant.evse} may take {grant.current_a} of {bound_a} A",
            )
        permitted = [grant for grant in self.core.grants if grant.permitted]
        together_a = sum(grant.current_a for grant in permitted)
        whole_a = self.accepted_a.get(0, float("inf"))
        self.expect(together_a <= whole_a + 1e-6, f"{together_a} of {whole_a} A are given away")
        running = {
            one.evse for one in self.core.station.overview(self.now_s).evses if one.transaction
        }
        for grant in permitted:
            self.expect(
                grant.evse not in self.closed_here or grant.evse in running,
                f"EVSE {grant.evse} has leave while it is out of service",
            )

    def settle(self) -> None:
        """Everybody goes home: nothing is bound or out of service any more."""
        self._later = [entry for entry in self._later if entry[2] != self._act]
        self.run(700.0, act=False)
        if self.core is None:
            self.start_agent()
        for number in (0, *EVSES):
            self._ask(local.LimitAsked, evse=number, current_a=None)
        self._ask(local.EnableAsked, evse=0, enabled=True)
        super().settle()
        self.expect(not self.accepted_a and not self.closed_here, "not everything was given back")
