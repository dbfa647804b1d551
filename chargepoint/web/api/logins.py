"""Logging in and out, one's own password, and the accounts."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from chargepoint import log
from chargepoint.ipc.care import NoteAction
from chargepoint.ipc.client import Unreachable
from chargepoint.web.accounts import NAME, PASSWORD_MAX, Role
from chargepoint.web.api.endpoint import Access, Call, Endpoint, Fault, Outcome, as_json
from chargepoint.web.context import address_of
from chargepoint.web.sessions import Session

UNKNOWN = "?"
"""Stands for a name without account: it may be a password in the wrong field."""

Password = Annotated[str, msgspec.Meta(min_length=1, max_length=PASSWORD_MAX)]
AccountName = Annotated[str, msgspec.Meta(pattern=NAME)]


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: Annotated[str, msgspec.Meta(max_length=64)]
    password: Annotated[str, msgspec.Meta(max_length=PASSWORD_MAX)]


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    present: Password
    password: Password


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: AccountName
    role: Role
    password: Password


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at the page."""

    account: str
    """Empty: nobody is logged in."""
    role: str
    csrf: str
    idle_s: float
    accounts: bool
    """Whether there is any account yet."""
    area_open: bool
    """False: the area needs TLS here."""
    station: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    role: Role
    changed_at: str


class Logins:
    """The endpoints."""

    def __init__(self) -> None:
        self._log = log.get("web")

    def endpoints(self) -> list[Endpoint]:
        # fmt: off
        return [
            Endpoint(method="GET", path="/api/session", handler=self.visitor,
                     summary="Who is logged in", access=Access.ANYBODY, answer=Visitor),
            Endpoint(method="POST", path="/api/login", handler=self.login, body=Login,
                     summary="Log in", access=Access.ANYBODY, answer=Visitor),
            Endpoint(method="POST", path="/api/logout", handler=self.logout,
                     summary="Log out", answer=Outcome),
            Endpoint(method="POST", path="/api/password", handler=self.password,
                     summary="Change one's own password; ends one's other sessions",
                     body=NewPassword, answer=Visitor),
            Endpoint(method="GET", path="/api/accounts", handler=self.accounts,
                     summary="All accounts", access=Access.OWNER, answer=list[AccountView]),
            Endpoint(method="POST", path="/api/accounts", handler=self.add,
                     summary="Make an account, or change its password and role",
                     access=Access.OWNER, body=NewAccount, answer=Outcome),
            Endpoint(method="DELETE", path="/api/accounts/{account}", handler=self.remove,
                     summary="Remove an account", access=Access.OWNER, answer=Outcome),
        ]
        # fmt: on

    async def visitor(self, call: Call) -> Visitor:
        return _visitor(call, call.visitor)

    async def login(self, call: Call) -> Response:
        """Raises Fault: 401 for a wrong password, 429 while one has to wait."""
        desk, body = call.desk, call.body
        if not desk.area_open:
            raise Fault(403, "the owner's area needs TLS here: set web.tls, or web.insecure")
        address = address_of(call.request)
        wait_s = desk.throttle.wait_s(address, body.account)
        if wait_s > 0:
            seconds = str(int(wait_s) + 1)
            raise Fault(429, f"try again in {seconds} s", {"Retry-After": seconds})
        known = desk.accounts.all()
        # Counted before the look, so that many at once gain nothing.
        desk.throttle.failed(address, body.account)
        account = await desk.work.do(desk.accounts.check, body.account, body.password)
        name = body.account if body.account in known else UNKNOWN
        if account is None:
            self._log.warning("web.login_refused", account=name, address=address)
            await self._note(call, "login", name, f"from {address}", ok=False)
            raise Fault(401, "account or password is wrong")
        desk.throttle.succeeded(address, body.account)
        cookie, session = desk.sessions.begin(name, account)
        self._log.info("web.logged_in", account=name, address=address)
        await self._note(call, "login", name, f"from {address}")
        return _with_cookie(call, as_json(_visitor(call, session)), cookie)

    async def logout(self, call: Call) -> Response:
        call.desk.sessions.end(call.request.cookies.get(call.desk.cookie, ""))
        await self._note(call, "logout", call.session.account)
        response = as_json(Outcome(ok=True))
        response.delete_cookie(
            call.desk.cookie, secure=call.desk.tls, httponly=True, samesite="strict"
        )
        return response

    async def password(self, call: Call) -> Response:
        desk, name = call.desk, call.session.account
        address = address_of(call.request)
        if (wait_s := desk.throttle.wait_s(address, name)) > 0:
            raise Fault(429, f"try again in {int(wait_s) + 1} s")
        desk.throttle.failed(address, name)
        if await desk.work.do(desk.accounts.check, name, call.body.present) is None:
            await self._note(call, "password", name, "wrong present password", ok=False)
            raise Fault(403, "the present password is wrong")
        desk.throttle.succeeded(address, name)
        account = await desk.work.do(desk.accounts.set, name, call.body.password)
        await self._note(call, "password", name)
        cookie, session = desk.sessions.begin(name, account)
        return _with_cookie(call, as_json(_visitor(call, session)), cookie)

    async def accounts(self, call: Call) -> list[AccountView]:
        return [
            AccountView(account=name, role=account.role, changed_at=account.changed_at)
            for name, account in sorted(call.desk.accounts.all().items())
        ]

    async def add(self, call: Call) -> Outcome:
        body, accounts = call.body, call.desk.accounts
        await call.desk.work.do(accounts.set, body.account, body.password, body.role)
        await self._note(call, "account_set", call.session.account, f"{body.account}, {body.role}")
        return Outcome(ok=True)

    async def remove(self, call: Call) -> Outcome:
        name = call.request.path_params["account"]
        await call.desk.work.do(call.desk.accounts.remove, name)
        await self._note(call, "account_removed", call.session.account, name)
        return Outcome(ok=True)

    async def _note(
        self, call: Call, action: str, by: str, detail: str = "", ok: bool = True
    ) -> None:
        """Into the audit log. A login works without the agent too: it may be what is repaired."""
        note = NoteAction(action=f"web.{action}", by=by, detail=detail, ok=ok)
        try:
            await call.desk.context.agent.done(note, wait_s=2.0)
        except Unreachable as error:
            self._log.warning("web.audit_missed", action=action, by=by, error=str(error))


def _visitor(call: Call, session: Session | None) -> Visitor:
    desk = call.desk
    return Visitor(
        account=session.account if session else "",
        role=session.role if session else "",
        csrf=session.csrf if session else "",
        idle_s=desk.sessions.idle_s,
        accounts=bool(desk.accounts.all()),
        area_open=desk.area_open,
        station=desk.context.config.station.id,
    )


def _with_cookie(call: Call, response: Any, cookie: str) -> Response:
    response.set_cookie(
        call.desk.cookie,
        cookie,
        path="/",
        secure=call.desk.tls,
        httponly=True,
        samesite="strict",
    )
    made: Response = response
    return made
