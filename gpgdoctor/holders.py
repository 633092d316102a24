"""The programs that are known to use smart cards: how each connects, when it holds, what it leaves behind.

Adding a program means adding a row to HOLDERS, nothing else. "measured": run beside scdaemon on Debian 13 (pcscd 2.3.3,
scdaemon 2.4.7) with an emulated card, its share mode read from its calls; else the source is named. No row kills
anything: a killed holder of an exclusive connection or of a transaction resets the card under everybody else
(pcsc-lite 2.5.1 src/winscard_svc.c).
"""

from __future__ import annotations

import re
from typing import Final, Literal

from gpgdoctor.system.record import Record

ShareMode = Literal["shared", "exclusive", "exclusive-first", "none", "unknown"]
"""How a program connects to a card. `exclusive-first` tries without sharing and falls back; `none` never connects."""

Holds = Literal["always", "from-first-use", "connected", "short", "never"]
"""When it holds a card: from its start, from its first use on; `connected` is connected and holding nothing;
`short` for one command or operation; or never."""

Leaves = Literal["nothing", "selection", "reset", "power-off"]
"""What it leaves behind on the card: another applet selected, the card reset, or without power."""

# /proc/PID/comm holds at most this much of a name (TASK_COMM_LEN less the NUL).
COMM_LENGTH: Final = 15


class Holder(Record):
    """One program, or several that use cards in the same way."""

    programs: tuple[str, ...]
    """Base names of executables or scripts, whole; `known` also finds them cut to what /proc/PID/comm holds."""
    title: str
    mode: ShareMode
    holds: Holds
    leaves: Leaves = "nothing"
    breaks_yubikeys: bool = False
    """Reported to leave a YubiKey so that scdaemon gets sw=6D00 until it ends, although it selects again there."""
    watcher: bool = False
    """A service that is connected from login on and whose user notices nothing when it is refused."""
    hides: bool = False
    """Not dumpable: /proc shows its connections to root alone, not even to its own user."""
    looks_only: bool = False
    """Reads reader states and lists, or makes a short look: never a culprit."""
    polite: str
    commands: tuple[tuple[str, ...], ...] = ()
    source: str


HOLDERS: Final[tuple[Holder, ...]] = (
    # GnuPG
    Holder(
        programs=("scdaemon",),
        title="GnuPG's smart card daemon",
        mode="exclusive",
        holds="from-first-use",
        polite="Its own gpg-agent stops it, and starts it again when gpg next asks for the card.",
        commands=(("gpgconf", "--kill", "scdaemon"),),
        source="measured; GnuPG 2.4.8 scd/apdu.c",
    ),
    Holder(
        programs=("gnupg-pkcs11-scd",),
        title="gnupg-pkcs11-scd, a replacement of scdaemon",
        mode="shared",
        holds="always",
        polite="Take its scdaemon-program line out of gpg-agent.conf, and end the agent that runs it.",
        commands=(("gpgconf", "--kill", "all"),),
        source="measured; gpgconf --kill scdaemon answers 0 and does nothing to it",
    ),
    # PKCS#11 modules, mostly OpenSC, inside other programs
    Holder(
        programs=("gsd-smartcard",),
        title="GNOME's smart card service",
        mode="shared",
        holds="always",
        watcher=True,
        polite="Stop it and mask it, or give the p11-kit module the line `disable-in: gsd-smartcard`.",
        commands=(
            ("systemctl", "--user", "stop", "org.gnome.SettingsDaemon.Smartcard.target"),
            ("systemctl", "--user", "mask", "org.gnome.SettingsDaemon.Smartcard.service"),
        ),
        source="measured; github.com/LudovicRousseau/PCSC/issues/215",
    ),
    Holder(
        programs=("geoclue",),
        title="the location service geoclue",
        mode="shared",
        holds="always",
        watcher=True,
        polite="Keep the p11-kit module out of it with the line `disable-in: geoclue` in the module's file.",
        source="github.com/LudovicRousseau/PCSC/issues/215; man pkcs11.conf",
    ),
    Holder(
        programs=(
            "goa-daemon",
            "evolution-data-server",
            "evolution-source-registry",
            "evolution-calendar-factory",
            "evolution-addressbook-factory",
            "evolution-alarm-notify",
            "gnome-calendar",
            "gnome-shell",
            "gnome-shell-calendar-server",
            "gnome-software",
            "gvfsd-dav",
            "gvfsd-http",
            "networkmanager",
        ),
        title="a service of the desktop that loads PKCS#11 modules",
        mode="shared",
        holds="always",
        watcher=True,
        polite="Keep the p11-kit module out of it with the line `disable-in:` and its name in the module's file.",
        source="man pkcs11.conf (GLib's TLS and NetworkManager load every module); OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=("evolution",),
        title="Evolution with a PKCS#11 module",
        mode="shared",
        holds="from-first-use",
        polite="Close it, or give the p11-kit module the line `disable-in: evolution`.",
        source="man pkcs11.conf; OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=(
            "p11-kit-server",
            "p11-kit-remote",
        ),
        title="the PKCS#11 forwarder of p11-kit",
        mode="shared",
        holds="from-first-use",
        polite="Close the program that uses it: it ends with its client.",
        source="measured",
    ),
    Holder(
        programs=("p11_child",),
        title="the smart card helper of SSSD",
        mode="shared",
        holds="short",
        polite="It ends by itself after a log-in; `pam_cert_auth = False` in sssd.conf turns it off.",
        source="measured; man sssd.conf",
    ),
    Holder(
        programs=(
            "firefox",
            "firefox-esr",
            "firefox-bin",
            "librewolf",
            "thunderbird",
            "thunderbird-bin",
            "seamonkey",
        ),
        title="a Mozilla program with a PKCS#11 module",
        mode="shared",
        holds="always",
        polite="Close it, or unload the module under Settings, Security Devices; one from policies.json stays.",
        source="measured; OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=(
            "chromium",
            "chromium-browser",
            "chrome",
            "google-chrome",
            "brave",
            "msedge",
            "vivaldi-bin",
            "opera",
        ),
        title="a Chromium browser with a PKCS#11 module",
        mode="shared",
        holds="from-first-use",
        polite="Close the browser; modutil -delete on ~/.pki/nssdb helps from its next start on.",
        source="measured; OpenSC src/tools/pkcs11-register.c",
    ),
    Holder(
        programs=("soffice.bin",),
        title="LibreOffice with a PKCS#11 module",
        mode="shared",
        holds="short",
        polite="Close the signature dialog and LibreOffice, or unload the module in the Mozilla profile that it uses.",
        source="measured; LibreOffice xmlsecurity/source/xmlsec/nss/nssinitializer.cxx",
    ),
    Holder(
        programs=("ssh-pkcs11-helper",),
        title="the PKCS#11 helper of ssh-agent",
        mode="shared",
        holds="always",
        polite="Take the module out of the agent with ssh-add -e and the module's path.",
        source="measured; man ssh-add",
    ),
    Holder(
        programs=(
            "ssh-agent",
            "ssh",
        ),
        title="OpenSSH with a PKCS#11 module",
        mode="shared",
        holds="short",
        polite="It lets go once it is logged in; drop PKCS11Provider from ssh_config to keep it off the card.",
        source="measured; man ssh_config",
    ),
    Holder(
        programs=(
            "charon",
            "charon-systemd",
            "charon-nm",
        ),
        title="strongSwan with a PKCS#11 module",
        mode="shared",
        holds="always",
        polite="Take the module out of strongswan.conf (charon.plugins.pkcs11), and have the service restarted.",
        source="measured",
    ),
    Holder(
        programs=("openconnect",),
        title="openconnect with a PKCS#11 certificate",
        mode="shared",
        holds="from-first-use",
        polite="It lets go when its PIN prompt is answered or it ends.",
        source="measured",
    ),
    Holder(
        programs=(
            "openvpn",
            "wpa_supplicant",
        ),
        title="a network program with a PKCS#11 certificate",
        mode="shared",
        holds="short",
        polite="Let it finish connecting.",
        source="measured (openvpn); OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=(
            "pkcs11-tool",
            "pkcs15-tool",
            "pkcs15-init",
            "pkcs15-crypt",
            "openpgp-tool",
            "piv-tool",
            "cardos-tool",
            "sc-hsm-tool",
            "p11tool",
            "keytool",
            "jarsigner",
            "pdfsig",
            "openssl",
        ),
        title="a command that uses the card for a moment",
        mode="shared",
        holds="short",
        polite="Let the command end.",
        source="measured; OpenSC src/tools",
    ),
    Holder(
        programs=(
            "opensc-explorer",
            "scriptor",
            "gscriptor",
        ),
        title="a shell for cards",
        mode="shared",
        holds="always",
        leaves="selection",
        polite="Leave it with quit or Ctrl-D.",
        source="measured",
    ),
    Holder(
        programs=("opensc-tool",),
        title="OpenSC's command that lists readers",
        mode="shared",
        holds="short",
        looks_only=True,
        polite="Let it end.",
        source="measured (no APDU); OpenSC src/tools/opensc-tool.c",
    ),
    Holder(
        programs=("opensc-notify",),
        title="OpenSC's notifier",
        mode="none",
        holds="never",
        watcher=True,
        looks_only=True,
        polite="It reads states only; close it.",
        source="measured",
    ),
    # Yubico's programs and those that speak to YubiKeys
    Holder(
        programs=("ykman",),
        title="YubiKey Manager's command line",
        mode="exclusive-first",
        holds="from-first-use",
        leaves="power-off",
        polite="Let it end; with YKMAN_NO_EXLUSIVE=1 (spelt so) in its environment 5.6 and later connect shared only.",
        source="measured; github.com/Yubico/yubikey-manager ykman/pcsc/__init__.py",
    ),
    Holder(
        programs=("ykman-gui",),
        title="the old YubiKey Manager window",
        mode="shared",
        holds="from-first-use",
        leaves="power-off",
        polite="Quit it; Yubico has retired it.",
        source="github.com/Yubico/yubikey-manager/issues/514",
    ),
    Holder(
        programs=(
            "authenticator-helper",
            "authenticator",
            "yubioath-flutter",
            "yubico-authenticator",
            "yubioath-desktop",
        ),
        title="Yubico Authenticator",
        mode="exclusive-first",
        holds="always",
        leaves="power-off",
        polite="Quit it, its icon in the system tray too; it stays connected while a page of the key is open.",
        source="github.com/Yubico/yubioath-flutter helper/helper/device.py; yubikey-manager ykman/pcsc/__init__.py",
    ),
    Holder(
        programs=("yubico-piv-tool",),
        title="Yubico's PIV command",
        mode="shared",
        holds="short",
        leaves="reset",
        polite="Let it end.",
        source="measured; github.com/Yubico/yubico-piv-tool lib/ykpiv.c",
    ),
    Holder(
        programs=("yubikey-agent",),
        title="yubikey-agent, an ssh agent on PIV",
        mode="exclusive",
        holds="from-first-use",
        leaves="selection",
        polite="A hangup signal, which its unit sends as reload, makes it let go until its next use.",
        commands=(("pkill", "-HUP", "-x", "yubikey-agent"),),
        source="measured; github.com/FiloSottile/yubikey-agent README",
    ),
    Holder(
        programs=(
            "step",
            "step-kms-plugin",
            "step-ca",
            "step-agent-plugin",
        ),
        title="a program on piv-go",
        mode="exclusive",
        holds="short",
        leaves="selection",
        polite="Let the command end.",
        source="github.com/go-piv/piv-go piv/pcsc_unix.go",
    ),
    Holder(
        programs=("age-plugin-yubikey",),
        title="age's YubiKey plugin",
        mode="shared",
        holds="short",
        leaves="selection",
        polite="Let it end; when it is refused it stops scdaemon by itself and tries once more.",
        source="github.com/str4d/age-plugin-yubikey src/key.rs; iqlusioninc/yubikey.rs src/reader.rs",
    ),
    Holder(
        programs=("keepassxc",),
        title="KeePassXC",
        mode="shared",
        holds="connected",
        leaves="selection",
        breaks_yubikeys=True,
        hides=True,
        polite="Quit it while gpg needs the card; it connects to every reader when it looks for hardware keys.",
        source="measured (connected, holding nothing); github.com/keepassxreboot/keepassxc/issues/13665",
    ),
    Holder(
        programs=("yubikey-touch-detector",),
        title="the touch notifier for YubiKeys",
        mode="none",
        holds="never",
        looks_only=True,
        polite="It asks scdaemon over its socket and does not open the card itself.",
        source="github.com/maximbaz/yubikey-touch-detector README",
    ),
    Holder(
        programs=("kleopatra",),
        title="Kleopatra",
        mode="none",
        holds="never",
        looks_only=True,
        polite="It asks scdaemon and does not open the card itself.",
        source="measured",
    ),
    # Other tokens, identity cards, telephone cards
    Holder(
        programs=("nitropy",),
        title="Nitrokey's command line",
        mode="shared",
        holds="short",
        leaves="selection",
        polite="Let it end.",
        source="measured (list); github.com/Nitrokey/pynitrokey",
    ),
    Holder(
        programs=(
            "ausweisapp",
            "ausweisapp2",
        ),
        title="AusweisApp",
        mode="shared",
        holds="from-first-use",
        polite="Quit it, its icon in the system tray too.",
        source="measured (nothing at its first screen); github.com/Governikus/AusweisApp src/card/pcsc/PcscCard.cpp",
    ),
    Holder(
        programs=(
            "eid-viewer",
            "eid-viewer-bin",
        ),
        title="the Belgian eID viewer",
        mode="shared",
        holds="always",
        leaves="reset",
        polite="Close it; it resets the card when an operation fails.",
        source="github.com/Fedict/eid-mw cardcomm/pkcs11/src/cardlayer/pcsc.cpp",
    ),
    Holder(
        programs=(
            "sacsrv",
            "sacmonitor",
            "sactools",
        ),
        title="SafeNet Authentication Client",
        mode="unknown",
        holds="always",
        polite="Quit its tray monitor and have its service SACSrv stopped where no SafeNet token is used.",
        source="vendor manual of SafeNet Authentication Client for Linux; its libeToken.so links libpcsclite",
    ),
    Holder(
        programs=("autofirma",),
        title="AutoFirma",
        mode="shared",
        holds="from-first-use",
        polite="Quit it; its Java machine keeps the connection until it ends.",
        source="measured (javax.smartcardio, SunPKCS11)",
    ),
    Holder(
        programs=(
            "java",
            "javaw",
            "jsvc",
        ),
        title="a Java program",
        mode="shared",
        holds="from-first-use",
        polite="Quit it; a Java machine keeps its connections until it closes them or ends.",
        source="measured; beginExclusive is a transaction (GD204)",
    ),
    # Interpreters, where the script is not known
    Holder(
        programs=(
            "python",
            "python3",
        ),
        title="a Python program",
        mode="shared",
        holds="from-first-use",
        leaves="power-off",
        polite="Let it end; its command line says which program it is.",
        source="measured (pyscard's high level)",
    ),
    Holder(
        programs=(
            "perl",
            "ruby",
            "node",
            "php",
        ),
        title="a script that uses cards",
        mode="unknown",
        holds="from-first-use",
        polite="Let it end; its command line says which program it is.",
        source="by elimination: nothing is known but that it is connected",
    ),
    Holder(
        programs=("lpac",),
        title="lpac, the eSIM manager",
        mode="exclusive",
        holds="short",
        polite="Let it end, and name the reader that it is to use, so that it leaves the others alone.",
        source="github.com/estkme-group/lpac/issues/253",
    ),
    Holder(
        programs=(
            "xfreerdp",
            "xfreerdp3",
            "wlfreerdp",
            "wlfreerdp3",
            "sdl-freerdp",
            "sdl-freerdp3",
            "remmina",
            "rdesktop",
        ),
        title="a remote desktop that redirects smart cards",
        mode="unknown",
        holds="from-first-use",
        polite="End the session, or connect without smart card redirection; the far side chooses the share mode.",
        source="measured (nothing while idle); FreeRDP winpr/libwinpr/smartcard/smartcard_pcsc.c",
    ),
    # The service itself, and tools that only look
    Holder(
        programs=("pcscd",),
        title="the PC/SC daemon",
        mode="none",
        holds="never",
        watcher=True,
        polite="It holds readers for its clients; stopping it cuts them all off.",
        source="man pcscd",
    ),
    Holder(
        programs=("pcsc_scan",),
        title="pcsc_scan",
        mode="none",
        holds="never",
        looks_only=True,
        polite="It reads states only; Ctrl-C ends it.",
        source="measured; github.com/LudovicRousseau/pcsc-tools pcsc_scan.c",
    ),
    Holder(
        programs=(
            "sos",
            "sosreport",
        ),
        title="the sos report",
        mode="none",
        holds="never",
        looks_only=True,
        polite="Let it end.",
        source="github.com/sosreport/sos sos/report/plugins/smartcard.py",
    ),
    Holder(
        programs=("gpgdoctor",),
        title="gpgdoctor",
        mode="none",
        holds="never",
        looks_only=True,
        polite="Let it end.",
        source="gpgdoctor",
    ),
)


def comm(program: str) -> str:
    """What /proc/PID/comm shows of a program of that name."""
    return program[:COMM_LENGTH]


def known(program: str) -> Holder | None:
    """The row of a program, by what /proc/PID/comm, /proc/PID/exe or a script's or a jar's name say of it."""
    name = program.rpartition("/")[2].removesuffix(" (deleted)").lower()
    return _BY_NAME.get(name) or _BY_NAME.get(VERSIONED.sub("", name))


# What a script's or a jar's name has behind it: autofirma-1.8.jar, python3.11.
VERSIONED: Final = re.compile(r"(?:[-_]\d[\d.]*)?\.jar$|\.py$|(?<=^python)3?\.\d+$")

_BY_NAME: Final = {
    name: holder
    for holder in HOLDERS
    for program in holder.programs
    for name in (program.lower(), comm(program.lower()))
}
