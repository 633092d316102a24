"""Lines from the field lead to their cause, and symptoms in plain words."""

from __future__ import annotations

import pytest

from gpgdoctor.manual.search import answer

FIELD = [
    ("00000001 winscard.c:264:SCardConnect() Reader Yubico YubiKey OTP+FIDO+CCID 00 00 Not Found", {"GD502", "GD205"}),
    ("00000045 ccid_usb.c:800:OpenUSBByName() Device not found?", {"GD502"}),
    ("gpg: key 0123456789ABCDEF: public key not found", {"other-no-public-key"}),
    ('gpg: key "0123456789ABCDEF" not found: No public key', {"other-no-public-key"}),
    ("pinentry-gnome3: command not found", {"GD113"}),
    (
        "pcscd[3141]: auth.c:148:IsClientAuthorized() Error in authorization: GDBus.Error: Failed to open file "
        '"/proc/2718/status": No such file or directory',
        {"GD401"},
    ),
    ("gpg-agent[1123]: command 'PKDECRYPT' failed: No such file or directory <Pinentry>", {"GD113"}),
    ("gpg: signing failed: No such file or directory", {"GD113"}),
    ('gpg: skipped "0123456789ABCDEF": Input/output error', {"GD315"}),
    ("gpg: signing failed: Input/output error", {"GD315"}),
    ("gpg: can't connect to the keyboxd: IPC connect call failed", {"GD315"}),
    (
        "gpg-agent[1054]: can't connect to the PIN entry module '/usr/bin/pinentry-gone': IPC connect call failed",
        {"GD113"},
    ),
    ("gpg: keyserver receive failed: Connection refused", None),
    ("curl: (7) Failed to connect to localhost port 80: Connection refused", None),
    ("foo: command not found", None),
    ("make: *** [all] Error 2: No such file or directory", None),
    ("mount: /mnt: permission denied.", None),
    (
        "pcscd[96]: utils.c:82:GetDaemonPid() Can't open /run/pcscd/pcscd.pid: No such file or directory",
        {"other-harmless"},
    ),
    ("gpg: OpenPGP card not available: Card error", {"GD602"}),
    ("gpg: OpenPGP card not available: Not supported", {"GD108"}),
    ("gpg: signing failed: Operation cancelled", {"other-agent-refused"}),
    ("The agent has no identities.", {"GD306"}),
    ("gpg: decryption failed: No secret key", {"other-no-public-key"}),
    ('Could not add identity "/home/alice/.ssh/id_ed25519_sk": agent refused operation', {"other-sk-keys"}),
    ("gpg: signing failed: Bad PIN", {"other-wrong-pin"}),
    ("ERR 67108983 No SmartCard daemon <GPG Agent>", {"GD306"}),
    (
        "ERROR: Failed connecting to the YubiKey. Make sure the application has the required permissions.",
        {"GD201"},
    ),
    ("connecting to pscs: access was denied because of a security violation", {"GD401"}),
    ("ifdhandler.c:150:CreateChannelByNameOrChannel() failed", {"GD502"}),
    (
        "readerfactory.c:1105:RFInitializeReader() Open Port 0x200000 Failed "
        "(usb:1050/0407:libudev:0:/dev/bus/usb/001/006)",
        {"GD402"},
    ),
    ("readerfactory.c:376:RFAddReader() Yubico YubiKey OTP+FIDO+CCID init failed.", {"GD205"}),
    (
        "hotplug_libudev.c:122:HPReadBundleValues() Cannot open PC/SC drivers directory: /var/lib/pcsc/drivers",
        {"GD314"},
    ),
    ("ccid_usb.c:598:OpenUSBByName() Can't get config descriptor on 1/3: LIBUSB_ERROR_NOT_FOUND", {"GD402"}),
    (
        "winscard_svc.c:534:ContextThread() Rejected unauthorized client for 'Yubico YubiKey OTP+FIDO+CCID 00 00'",
        {"GD401"},
    ),
    ("usb 1-3: Device is not authorized for usage", {"GD404"}),
    ("Nov 29 12:00:01 host kernel: usb 1-3: Device is not authorized for usage", {"GD404"}),
    ("scdaemon[7059]: lingering application `OPENPGP' in use by reader 0 - can't switch", {"other-conflicting-use"}),
    ("WARNING: PC/SC not available. Smart card (CCID) protocols will not function.", {"GD401"}),
    ("scdaemon[267]: pcsc_establish_context failed: no service (0x8010001d)", {"GD401"}),
    ("bash: gpg: command not found", {"GD307"}),
    ("zsh: command not found: gpg", {"GD307"}),
    ("gpg: selecting card failed: Kein passendes Ger\u00e4t gefunden", {"GD202"}),
    ("gpg: OpenPGP Karte ist nicht vorhanden: Kartenfehler", {"GD602"}),
    ("gpg: la carte OpenPGP n'est pas disponible\u00a0: Pas de d\u00e9mon SmartCard", {"GD306"}),
]


@pytest.mark.parametrize(("pasted", "right"), FIELD)
def test_a_line_from_the_field_leads_to_its_cause(pasted: str, right: set[str] | None) -> None:
    first = [match.page.id for match in answer(pasted).matches][:5]
    assert right <= set(first) if right else not first


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("PIN asked every time", "GD601"),
        ("pin asked evry time", "GD601"),
        ("works only with sudo", "GD401"),
        ("only after restarting pcscd", "GD202"),
        ("after suspend", "other-suspend"),
        ("works on the desktop, not over ssh", "GD401"),
        ("ykman cannot connect when gpg is running", "GD201"),
        ("stopped after upgrade", "GD205"),
        ("my yubikey is not recognised", "GD205"),
        ("my yubikey is not recognized", "GD205"),
        ("gpg hangs forever when signing", "GD204"),
        ("works in firefox but not in gpg", "GD202"),
        ("hangs", "GD204"),
    ],
)
def test_a_symptom_in_plain_words_leads_to_its_cause(words: str, right: str) -> None:
    assert right in [match.page.id for match in answer(words).matches][:5]
