"""The rule matrix of OCPP 1.6J: which rule is kept where, and which tests say so.

`python -m tests.rules` writes docs/ocpp16.md anew. A test names the rules that it holds in its
docstring (`R3`, `B5`, `CQ9` …); those of the folders that speak of pilot states are not read,
because a pilot state is also called B2.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests import certification

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "ocpp16.md"

UNREAD = {"evse", "control", "hal", "hil"}
"""Folders whose docstrings name states of IEC 61851."""

RULE = re.compile(r"(?<![A-Za-z0-9_])(CQ|[TRBXQASZMEYV])(\d{1,2})(?![A-Za-z0-9_])")
KEY_RULES = re.compile(r"\b[Kk]eys, rules? (\d+)(?: and (\d+))?")
SECTION = re.compile(r"(?<![\d.])(?:5\.[1-4]|9\.[1-7]|10\.[1-3]|11\.[2-6])(?!\.?\d)")
"""Sections of authorization, of smart charging, of files and of security."""
CASE = re.compile(r"\bTC_\d+(?:_\d+)?")

HEAD = """# OCPP 1.6J: rules, places and tests

Written by `python -m tests.rules` from the table there and the docstrings of the tests; change
those, not this page. A rule without a test is marked with a dash. The certification cases stand at
the end; their table is `tests/certification.py`.

What is spoken: all profiles of 1.6 (Core, FirmwareManagement, LocalAuthListManagement, Reservation,
SmartCharging, RemoteTrigger), and the security white paper: keys, profiles, certificates, security
events, signed firmware and logs. An action that 1.6 does not have is answered `NotImplemented`.

Judged by others: a central system on the Node package `ocpp-rpc` with its strict schemas stands
before the system tests (`make foreign` installs it) and has seen all 26 answers and 13 calls of the
station (system/test_foreign_judge). `tests/sloppy` has central systems that do one thing wrong
each, `tests/fuzz` one that does everything wrong.
"""

V16 = "ocpp/v16/"

# fmt: off
GROUPS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Transport", (
        ("T1",  "URL is the operator's, one slash, the encoded identity",   "agent/endpoint"),
        ("T2",  "offer `ocpp1.6`, take what the server picks",              "agent/csms"),
        ("T3",  "every handshake failure is temporary",                     "agent/csms"),
        ("T4",  "no common version is a failure, also after a 101",         "agent/csms"),
        ("T5",  "Basic authentication in the first request",                "agent/endpoint"),
        ("T6",  "no compression",                            "agent/connection/handshake"),
        ("T7",  "one connection at a time",                                 "agent/csms"),
        ("T8",  "no redirects with credentials",             "agent/connection/handshake"),
        ("T9",  "wait longer after each failure, with a random part",  "agent/csms, backoff"),
        ("T10", "no BootNotification after a mere reconnect",               V16 + "boot"),
        ("T11", "own pings, answers to foreign ones",          "agent/connection/session"),
        ("T12", "a ping replaces no heartbeat",                             V16 + "heartbeat"),
        ("T13", "half-open links are found in time",                        "agent/csms"),
        ("R1",  "the three kinds of frames; null payloads taken",           "ocpp/frames"),
        ("R2",  "a new id for each call; foreign ids echoed byte for byte", "ocpp/frames, rpc"),
        ("R3",  "one own call in flight; answers never wait for it",        "ocpp/rpc"),
        ("R4",  "time-outs; late answers of records are kept",              "ocpp/rpc"),
        ("R5",  "unknown message types are ignored",                        "ocpp/frames"),
        ("R6",  "unreadable frames: refused with an id, else noted; never closed", "ocpp/frames"),
        ("R7",  "unknown action NotImplemented, unserved profile NotSupported", V16 + "requests"),
        ("R8",  "the code that fits the fault",                             "ocpp/payloads"),
        ("R9",  "any error code is taken",                                  "ocpp/rpc"),
        ("R10", "failure to process means a CALLERROR",                     V16 + "delivery"),
        ("R11", "strict out, lenient in",                                   "ocpp/payloads"),
        ("R12", "60 KB out at most, 1 MiB in at least", "ocpp/frames, v16/meter_values"),
        ("R13", "times: any dialect in, UTC with Z out",                    "ocpp/times"),
        ("R14", "names without regard to letter case",                      V16 + "configuration"),
        ("R15", "unknown connectors get each operation's own refusal",      V16 + "commands"),
    )),
    ("Boot and registration", (
        ("B1",  "the interval of the answer is the least wait",             V16 + "boot"),
        ("B2",  "the clock follows the CSMS; records get the time known at sending", "ocpp/times"),
        ("B3",  "after acceptance: all statuses, then the outbox",          V16 + "adapter"),
        ("B4",  "fields are cut, not refused",                              "ocpp/payloads"),
        ("B5",  "no usable answer: repeat with growing waits",              V16 + "boot"),
        ("B6",  "charging before the first acceptance",                     "station"),
        ("B7",  "TriggerMessage(BootNotification) after acceptance: plain resend", V16 + "trigger"),
        ("B8",  "heartbeats at the interval, at least daily",               V16 + "heartbeat"),
        ("B9",  "SecurityError to a premature call: keep it, register again",    V16 + "adapter"),
    )),
    ("Transactions", (
        ("X1",  "starts when a vehicle and an authorization are there",     "station"),
        ("X2",  "meterStart is the register, the time is the start's",      V16 + "transactions"),
        ("X3",  "energy may flow before StartTransaction is answered",      "station"),
        ("X4",  "the token as presented, at most 20 characters",            V16 + "transactions"),
        ("X5",  "the same token ends it, another of its group too",         "station"),
        ("X6",  "groups are compared with groups only",                     "station"),
        ("X7",  "offline, groups are known from stored verdicts only",      "station"),
        ("X8",  "an unfinished transaction is continued or ended at power-up",   "station"),
        ("Q1",  "records are durable before the first try, and leave in order",  "station, agent"),
        ("Q2",  "others may overtake records",                              V16 + "calls"),
        ("Q3",  "nothing leaves before acceptance",                         V16 + "adapter"),
        ("Q4",  "a refusal is an attempt, with growing waits",  "ocpp/v16/delivery, station"),
        ("Q5",  "a broken link is no attempt",                              V16 + "delivery"),
        ("Q6",  "later records wait for the CSMS's id; given up: -1",        V16 + "transactions"),
        ("Q7",  "the CSMS's id is put in when a record is sent",            V16 + "transactions"),
        ("Q8",  "a repeated start has the same content",                    V16 + "transactions"),
        ("Q9",  "values are thinned out, starts and stops never dropped",   V16 + "meter_values"),
        ("Q10", "an error to a resent stop does not block for ever",        "station"),
        ("Q11", "values outside transactions are not kept for ever",        V16 + "adapter"),
        ("Q12", "what is stored of a transaction",                          "station"),
    )),
    ("Authorization", (
        ("5.1", "who is asked, in which order",                             "station"),
        ("5.2", "what the cache keeps",                                     "station"),
        ("5.3", "an answer against the list is told, and changes nothing",  "station"),
        ("5.4", "full lists and differences: versions, limits, all or nothing",  "station"),
        ("A1",  "a local list wins over the cache",                         "station"),
        ("A2",  "offline, known bad tokens stay refused",                   "station"),
        ("A3",  "online, a bad token in the cache is asked about",          "station"),
        ("A4",  "states of list entries",                                   "station"),
        ("A5",  "AuthorizeRemoteTxRequests decides on remote starts",       "station"),
        ("A6",  "the answer to the start is the real verdict",              V16 + "delivery"),
        ("A7",  "the verdict in a stop's answer only feeds the cache",      "station"),
    )),
    ("Status", (
        ("S1",  "every change, in order; MinimumStatusDuration",            V16 + "status"),
        ("S2",  "after a boot: everything",                                 V16 + "status"),
        ("S3",  "after a time offline: what differs now",                   V16 + "status"),
        ("S4",  "both pause: SuspendedEVSE",                                "station"),
        ("S5",  "SuspendedEV: ready, and the vehicle does not ask",         "station"),
        ("S6",  "EVCommunicationError in four states only",                 V16 + "status"),
        ("S7",  "warnings, and their end",                                  V16 + "status"),
        ("S8",  "unplugged at the vehicle",                                 "station"),
        ("S9",  "Unavailable survives a reboot",                            "station"),
        ("S10", "connector 0 has three states of its own",                  V16 + "status"),
        ("S11", "time of the change; info and codes cut",                   V16 + "status"),
        ("S12", "error codes",                                              "catalog"),
        ("S13", "several plugs on one EVSE",                                "not there yet"),
    )),
    ("Reservations", (
        ("V1",  "a known id replaces, also to another connector",           "station"),
        ("V2",  "which answer in which state of the connector",             "station"),
        ("V3",  "Reserved; of connector 0: one stays free for the holder",  "station"),
        ("V4",  "only the holder and its group, however they come",         "station"),
        ("V5",  "what ends a reservation; its id in StartTransaction",      "station"),
        ("V6",  "afterwards Available; Preparing is occupied",              "station"),
        ("V7",  "remote starts: the holder's only",                         "station"),
        ("V8",  "outlives restarts; expires when the time is known",        "station"),
    )),
    ("Reset and triggers", (
        ("Z1",  "answered first",                                           "station"),
        ("Z2",  "soft: stop and deliver; hard: at once",                    "station"),
        ("Z3",  "what survives",                                            "station, agent"),
        ("Z4",  "a boot follows",                                           V16 + "boot"),
        ("Z5",  "security events of resets",                                "station"),
        ("M1",  "the answer first, then the message",                       V16 + "requests"),
        ("M2",  "no connector means all; unknown ones are rejected",        V16 + "trigger"),
        ("M3",  "meter values now, with their transaction",                 "station"),
        ("M4",  "statuses of firmware and diagnostics",           "station, v16/file_reports"),
        ("M5",  "unknown messages are NotImplemented",                      V16 + "trigger"),
        ("M6",  "a boot may be triggered",                                  V16 + "requests"),
        ("M7",  "a certificate request may be triggered, once CpoName is set",   "station"),
    )),
    ("Meter values", (
        ("E1",  "sampled and clock-aligned values",                         "station"),
        ("E2",  "which lists go where",                                     "station"),
        ("E3",  "contexts",                                                 V16 + "meter_values"),
        ("E4",  "transactionData",                                          V16 + "transactions"),
        ("E5",  "every field spelled out",                                  V16 + "meter_values"),
        ("E6",  "plain decimals",                                           V16 + "meter_values"),
        ("E7",  "one value per phase",                              "v16/meter_values, station"),
        ("E8",  "registers as the meter shows them",                        "station"),
        ("E9",  "the transaction at the moment of sampling",                "station"),
        ("E10", "connector 0 is the main meter",                            "station"),
        ("E11", "one MeterValue per instant",                               V16 + "meter_values"),
        ("E12", "offered current and power",                                "station"),
        ("E13", "the grid's time, a small delay of sending",                "station"),
        ("E14", "what cannot be read is left out",                          V16 + "meter_values"),
        ("E15", "signed values",                                    "station, v16/meter_values"),
        ("E16", "whole Wh; the stop never below the start",                 "station"),
    )),
    ("Smart charging", (
        ("9.1", "what each field of a profile means",              "station/charging_profiles"),
        ("9.2", "what is taken and what refused, with which answer",        "station"),
        ("9.3", "what replaces what",                                       "station"),
        ("9.4", "levels, purposes, units: the limit at one instant",        "station"),
        ("9.5", "how long profiles live",                                   "station"),
        ("9.6", "what is cleared",                                          "station"),
        ("9.7", "composite schedules",                                      "station"),
    )),
    ("Security (white paper)", (
        ("Y1",   "TLS 1.2 at least, no compression",                "agent/security/contexts"),
        ("Y2",   "the suites of the white paper",                   "agent/security/contexts"),
        ("Y3",   "the CSMS's certificate: path, name, wildcards",   "agent/security/contexts"),
        ("Y4",   "a clock that cannot be right judges no dates",    "agent/security/access"),
        ("Y5",   "lengths of keys; O is CpoName, CN the serial number",  "agent/security/x509"),
        ("Y6",   "an expired certificate of ours is still shown",   "agent/security/access"),
        ("Y7",   "installed roots, a file, the system's",           "agent/security/contexts"),
        ("11.2", "AuthorizationKey: forms, trial, never shown",     "station, agent/security"),
        ("11.3", "SecurityProfile: only upwards, tried, or back",   "station, agent/security"),
        ("11.4", "certificates: install, list, delete, sign, renew", "station, agent/security"),
        ("11.5", "security events: which are logged, which are sent",    "station"),
        ("11.6", "a CSMS that knows no white paper",                V16 + "security"),
    )),
    ("Firmware, diagnostics, logs", (
        ("10.1", "UpdateFirmware: times, attempts, statuses over the restart", "station/firmware"),
        ("10.2", "SignedUpdateFirmware: signer, signature, schedule",        "station/firmware"),
        ("10.3", "GetDiagnostics and GetLog: places, attempts, statuses",
                                                       "station/diagnostics, agent/jobs"),
    )),
    ("Configuration keys", (
        ("keys 1",  "names and values: letter case, lengths",               V16 + "configuration"),
        ("keys 2",  "values as text, in one spelling",                      V16 + "configuration"),
        ("keys 3",  "no names: everything; unknown names are named",        V16 + "configuration"),
        ("keys 4",  "GetConfigurationMaxKeys",                              V16 + "configuration"),
        ("keys 5",  "write-only keys are never shown",                      "ocpp/redaction"),
        ("keys 6",  "which status a change gets",               "ocpp/v16/configuration, station"),
        ("keys 7",  "a refused change changes nothing",                     "station"),
        ("keys 8",  "changes survive",                                      "station, agent"),
        ("keys 9",  "presence means that the feature exists",               V16 + "configuration"),
        ("keys 10", "lists tell their length",                              V16 + "configuration"),
        ("keys 11", "intervals take effect from now",             "ocpp/v16/heartbeat, station"),
        ("keys 12", "keys of others are unknown",                           V16 + "configuration"),
    )),
    ("What central systems do (CQ)", (
        ("CQ1",  "the URL is built the same everywhere",                    "agent/csms"),
        ("CQ2",  "one identity in URL and user name",                       "agent/csms"),
        ("CQ3",  "handshakes are tried for ever",                           "agent/csms"),
        ("CQ4",  "heartbeats also when other messages go out",              V16 + "heartbeat"),
        ("CQ5",  "only own pings or several unanswered calls end a connection",  "ocpp/rpc"),
        ("CQ6",  "requests before acceptance are answered",                 V16 + "requests"),
        ("CQ7",  "the boot comes first, a trigger never reboots",           V16 + "boot"),
        ("CQ8",  "bursts are survived",                                     "ocpp/rpc"),
        ("CQ9",  "a bad answer is an answer",                   "ocpp/payloads, v16/delivery"),
        ("CQ10", "refused records are kept aside, the outbox goes on",      "station"),
        ("CQ11", "what a CSMS does not know is not sent again",             V16 + "delivery"),
        ("CQ12", "any int32 is a transaction id",                           V16 + "id_tag_info"),
        ("CQ13", "an impossible time is not believed",                      V16 + "adapter"),
        ("CQ14", "no write where nothing changes",                          "station"),
        ("CQ15", "a limit of 0 pauses",                                     "station"),
    )),
)
# fmt: on


def document() -> str:
    """The page as it should be."""
    tests = named()
    parts = [HEAD]
    for title, rules in GROUPS:
        parts.append(
            f"## {title}\n\n| rule | what it asks for | where | tests |\n|---|---|---|---|"
        )
        for rule, text, place in rules:
            files = ", ".join(sorted(tests.get(rule, ()))) or "–"
            parts.append(f"| {rule} | {text} | {place} | {files} |")
        parts[-1] += "\n"
    parts.append(certification.page(tests))
    return "\n".join(parts)


def named() -> dict[str, set[str]]:
    """Test files by the rules and cases that the docstrings of their tests name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        place = path.relative_to(ROOT / "tests")
        if place.parts[0] in UNREAD:
            continue
        for text in docstrings(path):
            for rule in rules_in(text):
                found[rule].add(place.with_suffix("").as_posix())
    return dict(found)


def docstrings(path: Path) -> Iterator[str]:
    """Docstrings of the tests in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if test and node.name.startswith("test_"):
            yield ast.get_docstring(node) or ""


def rules_in(text: str) -> set[str]:
    """Rules and certification cases that `text` names."""
    rules = {letter + number for letter, number in RULE.findall(text)}
    rules |= {f"keys {number}" for pair in KEY_RULES.findall(text) for number in pair if number}
    return rules | set(SECTION.findall(text)) | set(CASE.findall(text))


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
