"""Every configuration key of OCPP 1.6 and its companions, one row each: access, values, refusals.

The table was written from the documents, not from the program: a key that the program has and the
table has not, or the other way round, fails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from chargepoint.ocpp.v16.commands import ANSWERS
from chargepoint.ocpp.v16.configuration import Change, Configuration
from chargepoint.station.device_model import SPACE as VARIABLES
from chargepoint.station.effects import Put, Verdict
from tests.station.world import World

BOOLEAN = ("", "yes", "1", "tru e")
COUNT = ("", "-1", "1.5", "soon", "0x10", "99999999999")
MEASURANDS = ("Energy", "Voltage,", "Voltage,SoC", "Voltage.L7", "Energy.Active.Import.Register,No")
ROTATIONS = ("RST", "1.ABC", "3.RST", "1.RST,1.STR", "-1.RST", "1.rst.")
LONG = "x" * 501

# fmt: off
ROWS = (
    # key                                access  taken, and as reported           refused
    # Core profile
    ("AllowOfflineTxForUnknownId",       "RW", ("TRUE", "true"),                  BOOLEAN),
    ("AuthorizationCacheEnabled",        "RW", ("False", "false"),                BOOLEAN),
    ("AuthorizeRemoteTxRequests",        "RW", ("false", "false"),                BOOLEAN),
    ("ClockAlignedDataInterval",         "RW", ("900", "900"),                    (*COUNT, "700")),
    ("ConnectionTimeOut",                "RW", (" 90 ", "90"),                    COUNT),
    ("ConnectorPhaseRotation",           "RW", ("0.RST, 1.STR", "0.RST,1.STR"),   ROTATIONS),
    ("ConnectorPhaseRotationMaxLength",  "R",  None,                              ("5",)),
    ("GetConfigurationMaxKeys",          "R",  None,                              ("5",)),
    ("HeartbeatInterval",                "RW", ("0060", "60"),                    COUNT),
    ("LocalAuthorizeOffline",            "RW", ("false", "false"),                BOOLEAN),
    ("LocalPreAuthorize",                "RW", ("true", "true"),                  BOOLEAN),
    ("MaxEnergyOnInvalidId",             "RW", ("500", "500"),                    COUNT),
    ("MessageTimeout",                   "RW", ("45", "45"),                      (*COUNT, "0")),
    ("MeterValuesAlignedData",           "RW", ("Voltage.L1-N,Current.Import",
                                                "Voltage.L1-N,Current.Import"),   MEASURANDS),
    ("MeterValuesAlignedDataMaxLength",  "R",  None,                              ("5",)),
    ("MeterValuesSampledData",           "RW", (" Voltage , Voltage", "Voltage"), MEASURANDS),
    ("MeterValuesSampledDataMaxLength",  "R",  None,                              ("5",)),
    ("MeterValueSampleInterval",         "RW", ("0", "0"),                        COUNT),
    ("MinimumStatusDuration",            "RW", ("2", "2"),                        COUNT),
    ("NumberOfConnectors",               "R",  None,                              ("1", "2")),
    ("ResetRetries",                     "RW", ("3", "3"),                        COUNT),
    ("StopTransactionMaxMeterValues",    "R",  None,                              ("5",)),
    ("StopTransactionOnEVSideDisconnect","RW", ("false", "false"),                BOOLEAN),
    ("StopTransactionOnInvalidId",       "RW", ("false", "false"),                BOOLEAN),
    ("StopTxnAlignedData",               "RW", ("Voltage", "Voltage"),            MEASURANDS),
    ("StopTxnAlignedDataMaxLength",      "R",  None,                              ("5",)),
    ("StopTxnSampledData",               "RW", ("", ""),                          MEASURANDS),
    ("StopTxnSampledDataMaxLength",      "R",  None,                              ("5",)),
    ("SupportedFeatureProfiles",         "R",  None,                              ("Core",)),
    ("TransactionMessageAttempts",       "RW", ("5", "5"),                        COUNT),
    ("TransactionMessageRetryInterval",  "RW", ("10", "10"),                      COUNT),
    ("UnlockConnectorOnEVSideDisconnect","RW", ("false", "false"),                BOOLEAN),
    ("WebSocketPingInterval",            "RW", ("0", "0"),                        COUNT),
    # Local lists, reservations, smart charging, firmware
    ("LocalAuthListEnabled",             "RW", ("false", "false"),                BOOLEAN),
    ("LocalAuthListMaxLength",           "R",  None,                              ("5",)),
    ("SendLocalListMaxLength",           "R",  None,                              ("5",)),
    ("ReserveConnectorZeroSupported",    "R",  None,                              ("false",)),
    ("ChargeProfileMaxStackLevel",       "R",  None,                              ("5",)),
    ("ChargingScheduleAllowedChargingRateUnit", "R", None,                        ("Power",)),
    ("ChargingScheduleMaxPeriods",       "R",  None,                              ("5",)),
    ("ConnectorSwitch3to1PhaseSupported","R",  None,                              ("true",)),
    ("MaxChargingProfilesInstalled",     "R",  None,                              ("5",)),
    ("SupportedFileTransferProtocols",   "R",  None,                              ("FTP",)),
    # Security white paper; key and profile are set in steps of their own, tested with those
    ("AuthorizationKey",                 "W",  None,                              ()),
    ("SecurityProfile",                  "RW", None,                              ()),
    ("AllowSecurityProfileDowngrade",    "RW", ("true", "true"),                  BOOLEAN),
    ("AllowCentralSystemTLSWildcards",   "R",  None,                              ("false",)),
    ("AdditionalRootCertificateCheck",   "R",  None,                              ("true",)),
    ("CertificateSignedMaxChainSize",    "R",  None,                              ("5",)),
    ("CertificateStoreMaxLength",        "R",  None,                              ("5",)),
    ("CpoName",                          "RW", ("Example Ltd", "Example Ltd"),    (LONG, "a\nb")),
    ("CertSigningWaitMinimum",           "RW", ("0", "0"),                        COUNT),
    ("CertSigningRepeatTimes",           "RW", ("0", "0"),                        COUNT),
    # Prices (where something shows them) and signed values (where a meter signs)
    ("CustomDisplayCostAndPrice",        "RW", ("false", "false"),                BOOLEAN),
    ("CustomIdleFeeAfterStop",           "RW", ("true", "true"),                  BOOLEAN),
    ("CustomMultiLanguageMessages",      "R",  None,                              ("false",)),
    ("DefaultPrice",                     "RW", ('{"priceText":"0.3"}',
                                                '{"priceText":"0.3"}'),           ("0.3", LONG)),
    ("Language",                         "RW", ("de", "de"),                      ("x" * 9,)),
    ("SampledDataSignReadings",          "RW", ("false", "false"),                BOOLEAN),
    ("SampledDataSignUpdatedReadings",   "RW", ("true", "true"),                  BOOLEAN),
    ("AlignedDataSignUpdatedReadings",   "RW", ("true", "true"),                  BOOLEAN),
    # Our own
    ("ChargepointAutoStartId",           "RW", ("FREE", "FREE"),                  ("x" * 21,)),
    ("ChargepointCardDeadTime",          "RW", ("60", "60"),                      (*COUNT, "61")),
    ("ChargepointStopOnSecondSwipe",     "RW", ("false", "false"),                BOOLEAN),
    ("MasterPassGroupId",                "RW", ("MASTERS", "MASTERS"),            ("x" * 21,)),
)
ABSENT = (
    # what a CSMS may ask for, and this station does not have: presence would be a promise
    "BlinkRepeat", "LightIntensity", "SupportedFeatureProfilesMaxLength", "ISO15118PnCEnabled",
    "ContractValidationOffline", "CentralContractValidationAllowed", "MeterPublicKey1",
    "PublicKeyWithSignedMeterValue", "SupportedLanguages", "TimeOffset", "NoSuchKey",
)
# fmt: on
WRITABLE = [(key, taken, refused) for key, access, taken, refused in ROWS if taken is not None]
REFUSALS = [(key, value) for key, _, _, refused in ROWS for value in refused]
REBOOT_REQUIRED: tuple[str, ...] = ()
"""None of them needs a reboot, by the specification and here."""


@dataclass
class Keys:
    """A station with every feature, and its keys."""

    world: World

    def value(self, key: str) -> str:
        entry = self.entry(key)
        assert entry is not None
        return str(entry.get("value"))

    def entry(self, key: str) -> dict[str, object] | None:
        found = self.configuration.get([key])["configurationKey"]
        return found[0] if found else None

    def change(self, key: str, value: str) -> str:
        """The status of ChangeConfiguration.conf."""
        asked = self.configuration.change(key, value)
        if not isinstance(asked, Change):
            return asked
        verdict = self.world.set(asked.component, asked.variable, asked.value)
        assert verdict is not None
        words, otherwise = ANSWERS["ChangeConfiguration"]
        return words.get(verdict, otherwise)

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.world.station.device_model, 1)


@pytest.fixture
def keys() -> Keys:
    world = World(socket=True, prices=True)
    (evse,) = world.settings.evses
    world.settings = replace(world.settings, evses=(replace(evse, signing_meter=True),))
    world.start()
    world.accept()
    return Keys(world)


def test_the_table_is_complete(keys: Keys) -> None:
    entries = keys.configuration.get([])["configurationKey"]
    assert {entry["key"] for entry in entries} == {row[0] for row in ROWS}
    assert len(entries) == len(ROWS) < 100


@pytest.mark.parametrize(("key", "access"), [(row[0], row[1]) for row in ROWS])
def test_access_is_as_the_document_says(keys: Keys, key: str, access: str) -> None:
    """Configuration keys, section 1, rules 1 and 5."""
    entry = keys.entry(key.swapcase())
    assert entry is not None
    assert entry["key"] == key
    assert entry["readonly"] is (access == "R")
    assert ("value" in entry) is (access != "W")


@pytest.mark.parametrize(("key", "taken", "refused"), WRITABLE)
def test_a_good_value_is_taken_reported_and_kept(
    keys: Keys, key: str, taken: tuple[str, str], refused: tuple[str, ...]
) -> None:
    """Rules 2, 6 and 8, TC_021: in one spelling, at once, over deaths of agent and host."""
    sent, reported = taken
    before = keys.value(key)
    assert before != reported, "a change that changes nothing shows nothing"
    expected = "RebootRequired" if key in REBOOT_REQUIRED else "Accepted"
    assert keys.change(key, sent) == expected
    assert keys.value(key) == reported
    assert [put.durable for put in keys.world.of(Put) if put.space == VARIABLES] == [True]
    keys.world.kill_agent()
    assert keys.value(key) == reported
    keys.world.kill_both(host=True)
    assert keys.value(key) == reported


@pytest.mark.parametrize(("key", "value"), REFUSALS)
def test_a_bad_value_is_refused_and_changes_nothing(keys: Keys, key: str, value: str) -> None:
    """Rules 6 and 7, TC_040_2."""
    before = keys.value(key)
    assert keys.change(key, value) == "Rejected"
    assert keys.value(key) == before


@pytest.mark.parametrize("key", ABSENT)
def test_what_is_not_there_is_unknown(keys: Keys, key: str) -> None:
    """Rules 3, 9 and 12, TC_040_1."""
    assert keys.configuration.get([key]) == {"configurationKey": [], "unknownKey": [key]}
    assert keys.change(key, "1") == "NotSupported"


def test_a_fixed_cable_has_nothing_to_unlock() -> None:
    """Errata 3.83: always false, and any write is refused."""
    keys = Keys(World())
    entry = keys.entry("UnlockConnectorOnEVSideDisconnect")
    assert entry is not None
    assert (entry["readonly"], entry["value"]) == (True, "false")
    assert keys.change("UnlockConnectorOnEVSideDisconnect", "false") == "Rejected"


def test_features_that_are_not_there_have_no_keys() -> None:
    """Rule 9."""
    bare = Keys(World())
    for key in ("CustomDisplayCostAndPrice", "DefaultPrice", "SampledDataSignReadings"):
        assert bare.entry(key) is None


def test_a_verdict_that_a_reboot_is_needed_has_its_word() -> None:
    """Rule 6: for keys to come."""
    words, _ = ANSWERS["ChangeConfiguration"]
    assert words[Verdict.REBOOT_REQUIRED] == "RebootRequired"
