"""Texts that people pasted in public threads, and symptoms in words, with the pages that explain the thread's cause.

The descriptions in words are ours; only the symptom is theirs. Without pages a text is no matter of cards here.
"""

from __future__ import annotations

# (thread, what was pasted, the pages of which one must be among the first five)
PASTED = [
    ("alonbl/gnupg-pkcs11-scd#67", "gpg: signing failed: Card error", "GD602 GD504"),
    ("Nitrokey/nitrokey-pro-firmware#34", "gpg: key generation failed: Card error", "GD602 GD504"),
    ("keybase/keybase-issues#3378", "\u25b6 ERROR No PGP keys available to choose from.", "other-wrong-home"),
    (
        "drduh/YubiKey-Guide#341",
        "\u276f gpg --card-status\nReader ...........: Yubico YubiKey OTP FIDO CCID\nApplication ID ...: <appid>\n"
        "Application type .: OpenPGP\nVersion ..........: 1.0\nManufacturer .....: ?\nSerial number ....: <serial>\n"
        "Signature PIN ....: not forced\nMax. PIN lengths .: 3 -2 0\nPIN retry counter : 0 0 0\nSignature counter : 0",
        "other-known-versions",
    ),
    ("yawn/ykoath#14", "failed to connect to reader: scard: Sharing violation.", "GD201 GD203"),
    (
        "martinpaljak/esteid.js#3",
        "Card in OMNIKEY CardMan 1021 matches (3bfe1800008031fe45803180664090a4162a00830f9000ef)!\n"
        "Error: SCardConnect error: Sharing violation.(0x8010000b)\n    at Error (native)",
        "GD201 GD203",
    ),
    ("Yubico/Yubico.NET.SDK#72", "8010000B SCARD_E_SHARING_VIOLATION", "GD201 GD203"),
    (
        "Nitrokey/pynitrokey#592",
        "    raise CardConnectionException(\nsmartcard.Exceptions.CardConnectionException: Unable to connect with "
        "protocol: T0 or T1. Sharing violation.: Sharing violation. (0x8010000B)",
        "GD201",
    ),
    (
        "OpenSC/OpenSC#976",
        "05102770 ccid_usb.c:638:WriteUSB() write failed (3/2): -7 Success\n"
        "00000026 ifdhandler.c:135:IFDHCreateChannelByName() failed\n"
        "00000085 readerfactory.c:965:RFInitializeReader() Open Port 0x200000 Failed (usb:08e6/3437:libusb-1.0:3:2:0)\n"
        "00000015 readerfactory.c:276:RFAddReader() Gemalto GemPC Twin init failed.",
        "GD502 GD505",
    ),
    (
        "LudovicRousseau/PCSC#139",
        "Jun 20 05:27:53 kali pcscd[4133]: 00000000 ccid_usb.c:993:ReadUSB() read failed (1/3): LIBUSB_ERROR_TIMEOUT",
        "GD505 GD502",
    ),
    (
        "LudovicRousseau/PCSC#56",
        "00000000 ccid_usb.c:1322:InterruptRead() libusb_submit_transfer failed: LIBUSB_ERROR_IO\n"
        "00003713 ccid_usb.c:898:ReadUSB() read failed (1/23): -1 LIBUSB_ERROR_IO",
        "GD505 GD502",
    ),
    (
        "LudovicRousseau/PCSC#85",
        "sep 17 10:18:25 wisbix-laptop pcscd[6601]: 22076261 ccid_usb.c:857:WriteUSB() write failed (4/13): -4 "
        "LIBUSB_ERROR_NO_DEVICE",
        "GD505 other-suspend",
    ),
    (
        "LudovicRousseau/pcsc-tools#59",
        "Jun 23 20:40:39 raspberrypi pcscd[606]: 00158269 ccid_usb.c:898:ReadUSB() read failed (1/3): -7 "
        "LIBUSB_ERROR_TIMEOUT\nJun 23 20:40:39 raspberrypi pcscd[606]: 00000032 readerfactory.c:376:RFAddReader() "
        "ACS ACR122U PICC Interface init failed.",
        "GD502 GD505",
    ),
    (
        "openwrt/packages#8390",
        "00000828 hotplug_libusb.c:141:HPReadBundleValues() Cannot open PC/SC drivers directory: "
        "/usr/lib/pcsc/drivers\n00000098 hotplug_libusb.c:142:HPReadBundleValues() Disabling USB support for pcscd.",
        "GD314",
    ),
    (
        "drduh/YubiKey-Guide#148",
        "sign_and_send_pubkey: signing failed: agent refused operation\nuser@host: Permission denied (publickey)",
        "other-agent-refused",
    ),
    (
        "FiloSottile/yubikey-agent#105",
        'sign_and_send_pubkey: signing failed for ECDSA "YubiKey #XXXXXXXX PIV Slot 9a" from agent: '
        "agent refused operation",
        "other-agent-refused",
    ),
    (
        "FiloSottile/yubikey-agent#142",
        "could not reach YubiKey: selecting piv applet: command failed: transmitting request: an attempt was made "
        "to end a non-existent transaction",
        "other-suspend GD602",
    ),
    (
        "FiloSottile/yubikey-agent#142",
        "could not reach YubiKey: connecting to smart card: the smart card cannot be accessed because of other "
        "connections outstanding",
        "GD201 GD203 other-suspend",
    ),
    (
        "OpenSC/OpenSC#2162",
        'Could not add card "/usr/local/lib/opensc-pkcs11.so": agent refused operation',
        "other-agent-refused",
    ),
    (
        "rupor-github/win-gpg-agent#19",
        "gpg: can't connect to the gpg-agent: IPC connect call failed\n"
        "gpg: OpenPGP card not available: No agent running",
        "GD111",
    ),
    (
        "git-for-windows/git#2888",
        "scdaemon[1084]: detected reader 'Windows Hello for Business 1'\n"
        "scdaemon[1084]: no supported card application found: Card error",
        "GD506 GD602",
    ),
    ("str4d/age-plugin-yubikey#83", "Cause: The Smart card resource manager is not running", "GD301"),
    ("bluetech/pcsc-rust#11", "No readers are connected", "GD501 GD502"),
    (
        "jnasmartcardio/jnasmartcardio#3",
        'Exception in thread "main" io.github.yonran.jna2pcsc.Smartcardio$JnaPCSCException: SCardEstablishContext '
        "got response 0x8010001d (SCARD_E_NO_SERVICE: The Smart card resource manager is not running.)",
        "GD301",
    ),
    (
        "LudovicRousseau/pyscard#87",
        "smartcard.Exceptions.ListReadersException: ('Failed to list readers', -2146435043)",
        "GD301",
    ),
    (
        "martinpaljak/apdu4j#2",
        'Exception in thread "main" javax.smartcardio.CardException: list() failed\n'
        "\tat sun.security.smartcardio.PCSCTerminals.list(PCSCTerminals.java:126)\n"
        "Caused by: sun.security.smartcardio.PCSCException: SCARD_E_NO_READERS_AVAILABLE",
        "GD501 GD502",
    ),
    (
        "sparrowwallet/sparrow#1143",
        "2023-09-28 08:37:43,976 ERROR [Thread-6029] c.s.s.i.CardApi [null:-1] Error detecting card terminals\n"
        "javax.smartcardio.CardException: list() failed",
        "GD301 GD501",
    ),
    (
        "LudovicRousseau/pyscard#43",
        "> ListReadersException: 'Failure to list readers: Service not available.'",
        "GD301",
    ),
    (
        "PeculiarVentures/webcrypto-local#208",
        '0x8010001d - SCARD_E_NO_SERVICE - "The Smart card resource manager is not running."',
        "GD301",
    ),
    (
        "hvfrancesco/SLE4442-card-manager#1",
        "Exception: Failed to establish context : Service not available.",
        "GD301",
    ),
    (
        "gnupg-users 2020-12 064416",
        "gpg: public key decryption failed: Hardware problem\ngpg: decryption failed: No secret key",
        "GD504",
    ),
    (
        "gnupg-users 2020-12 064420",
        "2020-12-06 16:26:24 scdaemon[4732] verify CHV2 failed: Hardware problem\n"
        "2020-12-06 16:26:24 scdaemon[4732] operation decipher result: Hardware problem",
        "GD504",
    ),
    (
        "forum.yubico.com 2242",
        "gpg: sending command `SCD PASSWD' to agent failed: ec=6.131\nError changing the PIN: general error",
        "other-wrong-pin",
    ),
    (
        "Yubico/yubikey-manager#624",
        "WARNING: PC/SC not available. Smart card (CCID) protocols will not function.\n"
        "ERROR: Unable to list devices for connection",
        "GD401",
    ),
    (
        "Yubico/yubico-piv-tool#504",
        "Failed to connect to yubikey.\nTry removing and reconnecting the device.",
        "GD401",
    ),
    (
        "NixOS/nixpkgs#290926",
        "Nov 30 15:08:23 bat.localdomain pcscd[2481]: 00000000 ../src/auth.c:145:IsClientAuthorized() Process 2605 "
        "(user: 987) is NOT authorized for action: access_pcsc\nNov 30 15:08:23 bat.localdomain pcscd[2481]: 00000096 "
        "../src/winscard_svc.c:357:ContextThread() Rejected unauthorized PC/SC client",
        "GD401",
    ),
    ("Yubico/yubikey-manager#19", "Error: Failed connecting to the YubiKey.", "GD201 GD301"),
    ("FiloSottile/yubikey-agent#149", "error fetching identities: agent refused operation", "GD401"),
    (
        "Yubico/yubikey-manager#630",
        "WARNING: PC/SC not available. Smart card (CCID) protocols will not function.\nERROR: No YubiKey detected!",
        "GD401",
    ),
    (
        "LedgerHQ/app-openpgp#21",
        "gpg: selecting openpgp failed: Operation not supported by device\n"
        "gpg: la carte OpenPGP n'est pas disponible : Operation not supported by device",
        "GD205 GD502",
    ),
    (
        "NixOS/nixpkgs#155629",
        "> gpg --card-status\ngpg: error reading symlink '/proc/curproc/file': No such file or directory\n"
        "gpg: selecting card failed: Operation not supported by device\n"
        "gpg: OpenPGP card not available: Operation not supported by device",
        "GD205",
    ),
    ("LedgerHQ/app-openpgp#35", "ERR 100696144 Operation not supported by device <SCD>", "GD502 GD205"),
    (
        "ish-app/ish#405",
        "gpg: WARNING: unsafe ownership on homedir '/root/.gnupg'\ngpg: starting migration from earlier GnuPG versions\n"
        "gpg: can't connect to the agent: IPC connect call failed\n"
        "gpg: error: GnuPG agent unusable. Please check that a GnuPG agent can be started.",
        "GD111",
    ),
    ("romanz/trezor-agent#343", "gpg: can't connect to the agent: IPC connect call failed", "GD111"),
    (
        "hpk42/muacrypt#2",
        "gpg: can't connect to the agent: IPC connect call failed\ngpg: agent_genkey failed: No agent running\n"
        "gpg: key generation failed: No agent running",
        "GD111",
    ),
    (
        "sobolevn/git-secret#806",
        "gpg-agent[2661]: error binding socket to '/shared/.gitsecret/keys/S.gpg-agent': I/O error",
        "GD111",
    ),
    (
        "str4d/age-plugin-yubikey#82",
        'Could not open YubiKey. Please insert YubiKey with serial XXX (press [1] for "YubiKey is plugged in" or [2] '
        'for "Skip this YubiKey")',
        "GD201",
    ),
    (
        "FreeRDP/FreeRDP#3686",
        "[15:49:13:226] [17972:18522] [ERROR][com.freerdp.channels.smartcard.client] - SCardEndTransaction failed "
        "with error -2146434968",
        "GD602 other-suspend",
    ),
    (
        "OpenSC/OpenSC#816",
        "Line 14942: 0x7fff725be000 13:09:14.229 [opensc-pkcs11] reader-pcsc.c:228:pcsc_internal_transmit: Gemalto Prox "
        "Dual USB PC Link Reader(1):SCardTransmit/Control failed: 0x80100016",
        "other-suspend GD602",
    ),
    (
        "drduh/YubiKey-Guide#355",
        "gpg: key operation not possible: not an OpenPGP card",
        "other-known-versions",
    ),
    (
        "gnupg.org card howto, chapter 3",
        "gpg: ccid_transceive failed: (0x1000a) gpg: apdu_send_simple(0) failed: card I/O error",
        "GD505 other-suspend",
    ),
    (
        "support.nitrokey.com 1450",
        "gpg: key generation failed: Kartenfehler\nSchl\u00fcsselerzeugung fehlgeschlagen: Kartenfehler",
        "GD602 GD504",
    ),
    (
        "LudovicRousseau/PCSC#125",
        "GPG: selecting card failed: End of file\nGPG: OpenPGP card not available: End of file",
        "other-broken-pipe other-known-versions",
    ),
    (
        "MeneDev/yubi-oath-vpn#5",
        "Using reader: Lenovo Integrated Smart Card Reader 00 00\nError Connect: scard: No smart card inserted.",
        "GD506",
    ),
    (
        "OpenSC/OpenSC#2980",
        "gpg: selecting card failed: No such device\ngpg: OpenPGP card not available: No such device",
        "GD202",
    ),
    (
        "go-piv/piv-go#180",
        "Jul 08 21:30:17 XX pcscd[1095161]: 10780747 ../PCSC/src/winscard_svc.c:404:ContextThread() Communication "
        "protocol mismatch!\nJul 08 21:30:17 XX pcscd[1095161]: 00000007 ../PCSC/src/winscard_svc.c:406:ContextThread() "
        "Client protocol is 4:4",
        "GD312",
    ),
    (
        "status-im/status-app#8622",
        "Dec 06 10:52:18 xps-franck pcscd[2303558]: 00000058 winscard_svc.c:384:ContextThread() Client protocol is 4:3",
        "GD312 GD304",
    ),
    (
        "LudovicRousseau/PCSC#68",
        "***00000025 [1955591040] winscard_svc.c:385:ContextThread() Server protocol is 4:4",
        "GD304",
    ),
    (
        "LudovicRousseau/pyscard#72",
        "NoCardException: ('Unable to connect to card or no cardin reader', 'Unable to connect: No smart card "
        "inserted.')",
        "GD503 GD506",
    ),
    (
        "LudovicRousseau/pyscard#72",
        "CardConnectionException: Unable to connect with protocol: T0 or T1. Card is unpowered.",
        "GD504",
    ),
    (
        "OpenSC/OpenSC#546",
        "Failed to connect to card: Unresponsive card (correctly inserted?)",
        "GD504",
    ),
    (
        "LudovicRousseau/pcsc-tools#31",
        "Reader 0: SCM Microsystems Inc. SCR 3310 [CCID Interface] (53311850713070) 00 00\n"
        "  Card state: Card inserted, Unresponsive card,",
        "GD504",
    ),
    (
        "gitbutlerapp/gitbutler#8345",
        "[GNUPG:] PINENTRY_LAUNCHED 93545 curses 1.3.1 not a tty xterm-256color - ? 501/20 0\n"
        "gpg: signing failed: No such file or directory\n[GNUPG:] FAILURE sign 83918929",
        "GD113",
    ),
    (
        "music-brain88/dotfiles#533",
        "[GNUPG:] PINENTRY_LAUNCHED 145770 gnome3 1.3.3 /dev/tty1 xterm-256color :0 ...\ngpg: signing failed: Timeout",
        "other-agent-refused",
    ),
    (
        "jorgelbg/pinentry-touchid#20",
        'gpg: using "..." as default secret key for signing\ngpg: signing failed: Operation cancelled',
        "other-agent-refused",
    ),
    (
        "tmux/tmux#1271",
        "roman@debian:~/Dev/OFS$ git commit\nerror: gpg failed to sign the data\nfatal: failed to write commit object",
        "other-agent-refused",
    ),
    (
        "open-eid/osx-installer#20",
        "$ gpg --card-status\ngpg: selecting openpgp failed: Operation not supported by device\n"
        "gpg: OpenPGP card not available: Operation not supported by device",
        "GD202 GD203",
    ),
]

# (thread, the symptom in words, the pages)
IN_WORDS = [
    ("drduh/YubiKey-Guide#188", "have to enter my pin for each git commit", "GD601"),
    ("github/smimesign#111", "smartcard pin is not cached between signatures", "GD601"),
    ("drduh/YubiKey-Guide#256", "since brew upgrade gnupg 2.3 the yubikey is gone on macos", "GD205"),
    ("drduh/YubiKey-Guide#341", "gpg 2.3.7 shows an empty card with no keys", "other-known-versions"),
    ("drduh/YubiKey-Guide#355", "keytocard says not an openpgp card with gnupg 2.3.7", "other-known-versions"),
    (
        "Yubico/yubioath-flutter#654",
        "authenticator shows insert your yubikey after I used the key for ssh",
        "GD201 GD208",
    ),
    ("Yubico/yubioath-flutter#89", "gpg stops working as long as yubico authenticator is open", "GD202 GD203"),
    ("Yubico/yubico-piv-tool#504", "yubico-piv-tool only works as root on ubuntu 24.04", "GD401"),
    ("Yubico/yubikey-manager#630", "ykman needs sudo", "GD401"),
    ("FiloSottile/yubikey-agent#81", "have to restart pcscd after every boot", "GD202 GD205"),
    ("drduh/YubiKey-Guide#188", "evolution on the other computer has no key until I run fetch", "other-no-public-key"),
    ("drduh/YubiKey-Guide#404", "ykman detects the key but gpg acts as if it is not plugged in", "GD205 GD202"),
    ("LudovicRousseau/pcsc-tools#59", "reader only detected after I replug it", "GD502 GD205"),
    ("FiloSottile/yubikey-agent#142", "yubikey broken after the laptop was asleep", "other-suspend"),
    ("desultory/ugrd#3", "yubikey works only on every second try after resume", "other-suspend"),
    ("drduh/YubiKey-Guide#19", "gpg wants the other yubikey though both have the same key", "GD603 other-card-serial"),
    ("tmux/tmux#1271", "signing does not work in tmux", "other-agent-refused GD113"),
    ("music-brain88/dotfiles#533", "pinentry opens on the wrong screen", "other-agent-refused GD113"),
    ("drduh/YubiKey-Guide#212", "card-status does not work on the remote host with a forwarded agent", "GD308"),
    ("MeneDev/yubi-oath-vpn#5", "laptop has a built in card reader and the program takes that one", "GD506"),
    ("OpenSC/OpenSC#2980", "gnome loads opensc and gpg cannot use my card", "GD202"),
    ("str4d/age-plugin-yubikey#82", "age cannot open the yubikey after decrypting with gpg", "GD201"),
    ("Yubico/yubikey-manager#35", "killing scdaemon makes ykman work again", "GD201 GD208"),
    ("LudovicRousseau/PCSC#85", "thunderbird hangs and gpg --card-status prints nothing", "GD303 GD204"),
    ("go-piv/piv-go#180", "static binary cannot talk to pcscd after pcsc-lite update", "GD312"),
    ("git-secret#806", "gpg-agent does not start on a shared volume in docker", "GD111"),
    ("NixOS/nixpkgs#15960", "gnupg home is on a fat usb stick", "GD111"),
    ("hpk42/muacrypt#2", "gnupghome path is too long for the agent socket", "GD111"),
    (
        "keybase/keybase-issues#3378",
        "app does not see the key because GNUPGHOME is only set in my shell",
        "other-wrong-home",
    ),
    ("pcsc-tools#31", "pcsc_scan says unresponsive card", "GD504"),
]

# What is no matter of cards, or may well be none: no page, or a list that says so.
FOREIGN = [
    "Command 'fetch' failed: Not implemented",
    "docker: Error response from daemon: driver failed: Permission denied.",
    "nginx.service: Start request repeated too quickly.",
    "nginx.service: Failed with result 'exit-code'.",
    "adb: error: device unauthorized.",
    "mysql: ERROR 1045 (28000): Access denied for user 'root'@'localhost'",
    "error: open device: LIBUSB_ERROR_ACCESS",
    "dfu-util: Cannot open DFU device 0483:df11 found on devnum 4 (LIBUSB_ERROR_ACCESS)",
    "libusb: error [get_usbfs_fd] libusb couldn't open USB device /dev/bus/usb/001/004, errno=13",
    "usb.core.USBError: [Errno 16] Resource busy",
    "ALSA lib confmisc.c:767:(parse_card) cannot find card '0'",
    "sd card not detected",
    "graphics card not recognized after update",
    "my printer does not work",
    "wifi card stops working after suspend",
    "the bluetooth keyboard is not detected",
    "error: Timeout was reached",
    "write error: Broken pipe",
    "tar: Unexpected end of file",
    "ls: cannot access '/mnt': Input/output error",
    "Segmentation fault (core dumped)",
    "fatal: unable to access 'https://example.org/': Connection refused",
    "npm ERR! code EACCES",
    "apt: E: Unable to locate package gnupg3",
    "sudo: 3 incorrect password attempts",
]
