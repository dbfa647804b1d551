"""The certification cases of OCPP 1.6 for a charge point, with what they ask for.

Names are the lab's without the ending `_CS`; titles are our own words. A case has a test that names
it, or a reason why it has none; where both stand, the reason tells what the test cannot show.
"""

from __future__ import annotations

Case = tuple[str, str, str]
"""Name, title, reason or nothing."""

NO_RESERVE = (
    "nothing keeps the station powered; the transaction is ended after the boot, as X8 allows"
)
LOCKS_LATE = (
    "the plug is locked with the leave that a transaction gives: StartTransaction has gone out "
    "when the bolt fails; no energy flows, and the transaction is stopped if the fault stays"
)
FREED = (
    "shown with a fixed cable; the safety program frees a plug whose vehicle has gone, whatever "
    "UnlockConnectorOnEVSideDisconnect says"
)

# fmt: off
CASES: tuple[tuple[str, tuple[Case, ...]], ...] = (
    ("Core: boot and provisioning", (
        ("TC_001",   "a cold boot: all statuses, then heartbeats at the given interval", ""),
        ("TC_002",   "a cold boot that is answered with Pending",           ""),
        ("TC_013",   "a hard reset while idle",                             ""),
        ("TC_014",   "a soft reset while idle",                             ""),
        ("TC_015",   "a hard reset during a transaction",                   ""),
        ("TC_016",   "a soft reset during a transaction",                   ""),
        ("TC_019",   "all keys, or one, are read",                          ""),
        ("TC_021",   "a key is changed, and the change has its effect",     ""),
        ("TC_032_1", "the power fails: stopped before going down",          NO_RESERVE),
        ("TC_032_2", "the power fails: stopped after the boot",             ""),
        ("TC_034",   "Unavailable outlives a power failure",                ""),
        ("TC_040_1", "a key that is not there: NotSupported",               ""),
        ("TC_040_2", "a value that is none: Rejected",                      ""),
        ("TC_041",   "a fault and its end",                                 ""),
    )),
    ("Core: sessions", (
        ("TC_003",   "plug first, then the card",                           ""),
        ("TC_004_1", "card first, then the plug",                           ""),
        ("TC_004_2", "card first, and no plug in time",                     ""),
        ("TC_005_1", "unplugged at the car: stopped and unlocked",          ""),
        ("TC_005_2", "unplugged at the car: stopped, not unlocked",         FREED),
        ("TC_005_3", "unplugged at the car: neither stopped nor unlocked",  FREED),
        ("TC_007_1", "a card in the cache starts without a question",       ""),
        ("TC_007_2", "a remote start of a token in the cache",              ""),
        ("TC_023_4", "a card that the CSMS refuses",                        ""),
        ("TC_023_5", "a remote start whose token the CSMS refuses",         ""),
        ("TC_024",   "the lock fails",                                      LOCKS_LATE),
        ("TC_061_1", "after the cache was cleared a card is asked about",   ""),
        ("TC_061_2", "after the cache was cleared a remote start is asked about", ""),
        ("TC_068",   "stopped by the same card, without a question",        ""),
        ("TC_069",   "stopped by another card of the group",                ""),
        ("TC_070",   "sampled meter values",                                ""),
        ("TC_071",   "clock-aligned meter values",                          ""),
    )),
    ("Core: remote control", (
        ("TC_010",   "a remote start with the plug in",                     ""),
        ("TC_011_1", "a remote start, then the plug",                       ""),
        ("TC_011_2", "a remote start, and no plug in time",                 ""),
        ("TC_012",   "a remote stop",                                       ""),
        ("TC_017_1", "unlock without a session: a socket",                  ""),
        ("TC_017_2", "unlock without a session: a fixed cable",             ""),
        ("TC_018_1", "unlock during a transaction: a socket",               ""),
        ("TC_018_2", "unlock during a transaction: a fixed cable",          ""),
        ("TC_026",   "a remote start that is rejected",                     ""),
        ("TC_027",   "a remote start of connector 0",                       ""),
        ("TC_028",   "a remote stop of an unknown transaction",             ""),
        ("TC_030",   "unlock fails",                                        ""),
        ("TC_031",   "unlock of an unknown connector",                      ""),
        ("TC_062",   "DataTransfer of a vendor that we do not know",        ""),
    )),
    ("Core: offline", (
        ("TC_036",   "the connection is away during a transaction",         ""),
        ("TC_037_1", "started offline with a good card",                    ""),
        ("TC_037_2", "started offline with a bad card: only suspended",     ""),
        ("TC_037_3", "started offline with a bad card: stopped",            ""),
        ("TC_038",   "stopped offline",                                     ""),
        ("TC_039",   "a whole transaction offline",                         ""),
    )),
    ("Local list", (
        ("TC_008_1", "a card in the list starts",                           ""),
        ("TC_008_2", "a remote start of a token in the list",               ""),
        ("TC_042_1", "the version of a list that is switched off",          ""),
        ("TC_042_2", "the version of an empty list",                        ""),
        ("TC_043",   "a full list, and differences",                        ""),
        ("TC_043_1", "a list that is switched off: NotSupported",           ""),
        ("TC_043_2", "differences that are not newer: VersionMismatch",     ""),
        ("TC_043_3", "a list that cannot be used: Failed",                  ""),
    )),
    ("Firmware", (
        ("TC_044_1", "downloaded and installed",                            ""),
        ("TC_044_2", "the download fails",                                  ""),
        ("TC_044_3", "the installation fails",                              ""),
        ("TC_045_1", "diagnostics are uploaded",                            ""),
        ("TC_045_2", "the upload of diagnostics fails",                     ""),
    )),
    ("Reservation", (
        ("TC_046_1", "used by a card",                                      ""),
        ("TC_046_2", "used by a remote start",                              ""),
        ("TC_047",   "expires",                                             ""),
        ("TC_048_1", "refused: Faulted",                                    ""),
        ("TC_048_2", "refused: Occupied",                                   ""),
        ("TC_048_3", "refused: Unavailable",                                ""),
        ("TC_048_4", "refused: Rejected",                                   ""),
        ("TC_049",   "of connector 0, used",                                ""),
        ("TC_050_1", "of connector 0, refused: Faulted",                    ""),
        ("TC_050_2", "of connector 0, refused: Occupied",                   ""),
        ("TC_050_3", "of connector 0, refused: Unavailable",                ""),
        ("TC_050_4", "of connector 0, refused: Rejected",                   ""),
        ("TC_051",   "cancelled",                                           ""),
        ("TC_052",   "an unknown one cannot be cancelled",                  ""),
        ("TC_053_1", "used by a card of the group",                         ""),
        ("TC_053_2", "used by a remote start of the group",                 ""),
    )),
    ("Remote trigger", (
        ("TC_054",   "each message can be triggered",                       ""),
        ("TC_055",   "a trigger that is rejected",                          ""),
    )),
    ("Smart charging", (
        ("TC_056",   "a TxDefaultProfile",                                  ""),
        ("TC_057",   "a TxProfile",                                         ""),
        ("TC_058_1", "a TxProfile without a transaction",                   ""),
        ("TC_058_2", "a TxProfile of another transaction",                  ""),
        ("TC_059",   "a remote start with a profile",                       ""),
        ("TC_060",   "a remote start with a profile of the wrong purpose",  ""),
        ("TC_066",   "a composite schedule",                                ""),
        ("TC_067",   "profiles are cleared",                                ""),
        ("TC_072",   "profiles of several levels",                          ""),
        ("TC_082",   "a TxDefaultProfile during a transaction",             ""),
    )),
    ("Security", (
        ("TC_073",   "a new password",                                      ""),
        ("TC_074",   "a new certificate on request",                        ""),
        ("TC_075_1", "a root of the manufacturer is installed",             ""),
        ("TC_075_2", "a root of the central system is installed",           ""),
        ("TC_076",   "a certificate is deleted",                            ""),
        ("TC_077",   "told: our new certificate is bad",                    ""),
        ("TC_078",   "told: the certificate of the central system is bad",  ""),
        ("TC_079",   "the security log is uploaded",                        ""),
        ("TC_080",   "signed firmware",                                     ""),
        ("TC_081",   "firmware with a wrong signature",                     ""),
        ("TC_083",   "a higher security profile",                           ""),
        ("TC_084",   "a lower security profile",                            ""),
        ("TC_085",   "connected with the password",                         ""),
        ("TC_086",   "connected with a good certificate of the server",     ""),
        ("TC_087",   "connected with our certificate",                      ""),
    )),
)
# fmt: on


def without_test_or_reason(tests: dict[str, set[str]]) -> list[str]:
    """Cases that neither a test (files by name) nor a reason stands for."""
    cases = [case for _, table in CASES for case in table]
    return [name for name, _, reason in cases if not (reason or tests.get(name))]


def page(tests: dict[str, set[str]]) -> str:
    """The tables of the cases for docs/ocpp16.md."""
    parts = [HEAD]
    for title, table in CASES:
        parts.append(f"### {title}\n\n{COLUMNS}")
        for name, text, reason in table:
            files = ", ".join(sorted(tests.get(name, ()))) or "–"
            parts.append(f"| {name} | {text} | {files} | {reason} |")
        parts[-1] += "\n"
    return "\n".join(parts)


COLUMNS = "| case | what it is about | tests | reason |\n|---|---|---|---|"
HEAD = """## Certification cases

All cases for a charge point, named as by the lab without the ending `_CS`. What stands under
*reason* is not shown by a test.
"""
