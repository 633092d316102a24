"""The programs that are known to use smart cards: how each opens a card, and the polite way to make it let go.

A new program is a new row of HOLDERS, and nothing else. No row kills anything: a killed holder of an exclusive
connection or of a transaction resets the card under everybody else (pcsc-lite 2.5.1 src/winscard_svc.c).
"""

from __future__ import annotations

from typing import Final, Literal

from gpgdoctor.system.record import Record

ShareMode = Literal["shared", "exclusive", "exclusive-first", "none", "unknown"]

# /proc/PID/comm holds at most this much of a name (TASK_COMM_LEN less the NUL).
COMM_LENGTH: Final = 15


class Holder(Record):
    """One program, or several that use cards in the same way."""

    programs: tuple[str, ...]
    """Base names of executables or scripts, whole; `known` also finds them cut to what /proc/PID/comm holds."""
    title: str
    mode: ShareMode
    """How it connects to a card. `exclusive-first` tries without sharing and falls back; `none` never connects."""
    idle: bool = False
    """A background service that is usually connected and seldom the one that matters."""
    looks_only: bool = False
    """Reads reader states and lists, or makes a short look: never a culprit."""
    selects_applets: bool = False
    """Sends SELECT for another application than OpenPGP, which `pcsc-shared` does not keep apart."""
    polite: str
    commands: tuple[tuple[str, ...], ...] = ()
    source: str


HOLDERS: Final[tuple[Holder, ...]] = (
    # GnuPG
    Holder(
        programs=("scdaemon",),
        title="GnuPG's smart card daemon",
        mode="exclusive",
        selects_applets=True,
        polite="Its own gpg-agent stops it, and starts it again when gpg next asks for the card.",
        commands=(("gpgconf", "--kill", "scdaemon"),),
        source="GnuPG 2.4.8 scd/apdu.c; blog.apdu.fr/posts/2024/12/gnupg-and-pcsc-conflicts-episode-3",
    ),
    Holder(
        programs=("gnupg-pkcs11-scd",),
        title="gnupg-pkcs11-scd, a replacement of scdaemon",
        mode="unknown",
        selects_applets=True,
        polite="Take its scdaemon-program line out of gpg-agent.conf if GnuPG's own scdaemon is wanted.",
        commands=(("gpgconf", "--kill", "scdaemon"),),
        source="github.com/alonbl/gnupg-pkcs11-scd README",
    ),
    # PKCS#11 modules, mostly OpenSC, inside other programs
    Holder(
        programs=("gsd-smartcard",),
        title="GNOME's smart card service",
        mode="shared",
        idle=True,
        selects_applets=True,
        polite="Stop it for this session and mask it, or give the p11-kit module the line `disable-in: gsd-smartcard`.",
        commands=(
            ("systemctl", "--user", "stop", "org.gnome.SettingsDaemon.Smartcard.target"),
            ("systemctl", "--user", "mask", "org.gnome.SettingsDaemon.Smartcard.service"),
        ),
        source="gnome-settings-daemon plugins/smartcard; github.com/LudovicRousseau/PCSC/issues/215",
    ),
    Holder(
        programs=("geoclue",),
        title="the location service geoclue",
        mode="shared",
        idle=True,
        selects_applets=True,
        polite="Keep the p11-kit module out of it with the line `disable-in: geoclue` in the module's file.",
        source="github.com/LudovicRousseau/PCSC/issues/215; man pkcs11.conf",
    ),
    Holder(
        programs=("p11-kit-server", "p11-kit-remote"),
        title="the PKCS#11 forwarder of p11-kit",
        mode="shared",
        idle=True,
        selects_applets=True,
        polite="Stop its socket and its service in the user session.",
        commands=(("systemctl", "--user", "stop", "p11-kit-server.socket", "p11-kit-server.service"),),
        source="man p11-kit; OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=("p11_child",),
        title="the smart card helper of SSSD",
        mode="shared",
        selects_applets=True,
        polite="It ends by itself after a log-in; `pam_cert_auth = False` in sssd.conf turns it off.",
        source="SSSD src/p11_child/p11_child_openssl.c; man sssd.conf",
    ),
    Holder(
        programs=("firefox", "firefox-esr", "firefox-bin", "librewolf", "thunderbird", "thunderbird-bin", "seamonkey"),
        title="a Mozilla program with a PKCS#11 module",
        mode="shared",
        selects_applets=True,
        polite="Unload the module under Settings, Security Devices, or close the program.",
        source="OpenSC src/libopensc/reader-pcsc.c (connect_exclusive); github.com/OpenSC/OpenSC/issues/2980",
    ),
    Holder(
        programs=("chromium", "chromium-browser", "chrome", "google-chrome", "brave", "msedge", "vivaldi-bin", "opera"),
        title="a Chromium browser with a PKCS#11 module",
        mode="shared",
        selects_applets=True,
        polite="Take the module out of ~/.pki/nssdb with modutil -delete, or close the browser.",
        source="OpenSC src/tools/pkcs11-register.c, src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=("soffice.bin",),
        title="LibreOffice with a PKCS#11 module",
        mode="shared",
        selects_applets=True,
        polite="Close the signature dialog and LibreOffice, or unload the module in the Mozilla profile that it uses.",
        source="LibreOffice xmlsecurity/source/xmlsec/nss/nssinitializer.cxx; OpenSC src/libopensc/reader-pcsc.c",
    ),
    Holder(
        programs=("ssh-pkcs11-helper", "ssh-agent", "ssh"),
        title="OpenSSH with a PKCS#11 module",
        mode="shared",
        selects_applets=True,
        polite="Take the module out with ssh-add -e and its path, or drop PKCS11Provider from ssh_config.",
        source="man ssh-add, man ssh_config; OpenSC src/libopensc/reader-pcsc.c",
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
            "opensc-explorer",
            "p11tool",
        ),
        title="a PKCS#11 or OpenSC command",
        mode="shared",
        selects_applets=True,
        polite="Let the command end.",
        source="OpenSC src/tools, src/libopensc/reader-pcsc.c",
    ),
    # Yubico's programs and those that speak to YubiKeys
    Holder(
        programs=("ykman",),
        title="YubiKey Manager's command line",
        mode="exclusive-first",
        selects_applets=True,
        polite="Let it end; YKMAN_NO_EXLUSIVE=1 (spelt so) in its environment makes 5.6 and later connect shared only.",
        source="github.com/Yubico/yubikey-manager ykman/pcsc/__init__.py",
    ),
    Holder(
        programs=("ykman-gui",),
        title="the old YubiKey Manager window",
        mode="shared",
        selects_applets=True,
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
        selects_applets=True,
        polite="Quit it, its icon in the system tray too; it stays connected while a page of the key is open.",
        source="github.com/Yubico/yubioath-flutter helper/helper/device.py; yubikey-manager ykman/pcsc/__init__.py",
    ),
    Holder(
        programs=("yubico-piv-tool",),
        title="Yubico's PIV command",
        mode="shared",
        selects_applets=True,
        polite="Let it end.",
        source="github.com/Yubico/yubico-piv-tool lib/ykpiv.c",
    ),
    Holder(
        programs=("yubikey-agent",),
        title="yubikey-agent, an ssh agent on PIV",
        mode="exclusive",
        selects_applets=True,
        polite="A hangup signal, which its unit sends as reload, makes it let go until its next use.",
        commands=(("pkill", "-HUP", "-x", "yubikey-agent"),),
        source="github.com/FiloSottile/yubikey-agent README, contrib/systemd/user/yubikey-agent.service",
    ),
    Holder(
        programs=("step", "step-kms-plugin"),
        title="a program on piv-go",
        mode="exclusive",
        selects_applets=True,
        polite="Let the command end.",
        source="github.com/go-piv/piv-go piv/pcsc_unix.go",
    ),
    Holder(
        programs=("age-plugin-yubikey",),
        title="age's YubiKey plugin",
        mode="shared",
        selects_applets=True,
        polite="Let it end; when it is refused it stops scdaemon by itself and tries once more.",
        source="github.com/str4d/age-plugin-yubikey src/key.rs; iqlusioninc/yubikey.rs src/reader.rs",
    ),
    Holder(
        programs=("keepassxc",),
        title="KeePassXC",
        mode="shared",
        selects_applets=True,
        polite="Quit it while gpg needs the card; it connects to every reader when it looks for hardware keys.",
        source="KeePassXC src/keys/drivers/YubiKeyInterfacePCSC.cpp; github.com/keepassxreboot/keepassxc/issues/13665",
    ),
    Holder(
        programs=("yubikey-touch-detector",),
        title="the touch notifier for YubiKeys",
        mode="none",
        looks_only=True,
        polite="It asks scdaemon over its socket and does not open the card itself.",
        source="github.com/maximbaz/yubikey-touch-detector README",
    ),
    # Other tokens, identity cards, telephone cards
    Holder(
        programs=("nitropy",),
        title="Nitrokey's command line",
        mode="shared",
        selects_applets=True,
        polite="Let it end.",
        source="github.com/Nitrokey/pynitrokey",
    ),
    Holder(
        programs=("ausweisapp", "ausweisapp2"),
        title="AusweisApp",
        mode="shared",
        selects_applets=True,
        polite="Quit it, its icon in the system tray too.",
        source="github.com/Governikus/AusweisApp src/card/pcsc/PcscCard.cpp",
    ),
    Holder(
        programs=("eid-viewer", "eid-viewer-bin"),
        title="the Belgian eID viewer",
        mode="shared",
        selects_applets=True,
        polite="Close it; it resets the card when an operation fails.",
        source="github.com/Fedict/eid-mw cardcomm/pkcs11/src/cardlayer/pcsc.cpp",
    ),
    Holder(
        programs=("sacsrv", "sacmonitor", "sactools"),
        title="SafeNet Authentication Client",
        mode="unknown",
        selects_applets=True,
        polite="Quit its tray monitor and have its service SACSrv stopped where no SafeNet token is used.",
        source="vendor manual of SafeNet Authentication Client for Linux; its libeToken.so links libpcsclite",
    ),
    Holder(
        programs=("autofirma", "java"),
        title="a Java program such as AutoFirma",
        mode="unknown",
        selects_applets=True,
        polite="Quit it; a JVM keeps its connections until it closes them or ends.",
        source="OpenJDK src/java.smartcardio/share/classes/sun/security/smartcardio/CardImpl.java",
    ),
    Holder(
        programs=("lpac",),
        title="lpac, the eSIM manager",
        mode="exclusive",
        selects_applets=True,
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
        selects_applets=True,
        polite="End the session, or connect without smart card redirection; the far side chooses the share mode.",
        source="FreeRDP winpr/libwinpr/smartcard/smartcard_pcsc.c; github.com/LudovicRousseau/PCSC/issues/254",
    ),
    Holder(
        programs=("scriptor", "gscriptor"),
        title="the APDU scripts of pcsc-tools",
        mode="unknown",
        selects_applets=True,
        polite="Let it end.",
        source="man scriptor",
    ),
    # The service itself, and tools that only look
    Holder(
        programs=("pcscd",),
        title="the PC/SC daemon",
        mode="none",
        idle=True,
        polite="It holds readers for its clients; stopping it cuts them all off.",
        source="man pcscd",
    ),
    Holder(
        programs=("pcsc_scan",),
        title="pcsc_scan",
        mode="none",
        looks_only=True,
        polite="It reads states only; Ctrl-C ends it.",
        source="github.com/LudovicRousseau/pcsc-tools pcsc_scan.c",
    ),
    Holder(
        programs=("opensc-tool", "opensc-notify"),
        title="an OpenSC command that lists or watches readers",
        mode="shared",
        looks_only=True,
        polite="Let it end.",
        source="OpenSC src/tools/opensc-tool.c, src/tools/opensc-notify.c",
    ),
    Holder(
        programs=("sos", "sosreport"),
        title="the sos report",
        mode="none",
        looks_only=True,
        polite="Let it end.",
        source="github.com/sosreport/sos sos/report/plugins/smartcard.py",
    ),
    Holder(
        programs=("gpgdoctor",),
        title="gpgdoctor",
        mode="none",
        looks_only=True,
        polite="Let it end.",
        source="gpgdoctor",
    ),
)


def comm(program: str) -> str:
    """What /proc/PID/comm shows of a program of that name."""
    return program[:COMM_LENGTH]


def known(program: str) -> Holder | None:
    """The row of a program, by what /proc/PID/comm, /proc/PID/exe or a script's name say of it."""
    return _BY_NAME.get(program.rpartition("/")[2].removesuffix(" (deleted)").lower())


_BY_NAME: Final = {
    name: holder
    for holder in HOLDERS
    for program in holder.programs
    for name in (program.lower(), comm(program.lower()))
}
