"""What stands in the files, and what is in force of it."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import CARD_STATUS, DISABLE_CCID, ON_PCSC, SHARED_OPTIONS, scdaemon_conf
from gpgdoctor.lab.layout import HOME
from gpgdoctor.lab.scenario import File, Scenario, Step

# Longer than the 2 s by which a file must be newer than scdaemon to count as changed since.
CHANGE_LATER = f"sleep 2.2 && printf 'disable-ccid\\npcsc-shared\\n' >{HOME}/.gnupg/scdaemon.conf"
ENCRYPTED = b"age-encryption.org/v1\n-> X25519 \x00\xff\xfe\x93\n--- \x8f\x02\x99\n\xd1\x00\x07\xe9"

# As an upgrade leaves it: the installed scdaemon is not the running one, by the last digit of its version.
UPGRADE = """
set -e
installed=$(gpgconf --list-components | sed -n 's/^scdaemon:.*://p')
version=$("$installed" --version | sed -n '1s/.* //p')
digit=${version#"${version%?}"}
other=$(( (digit + 1) % 10 ))
pattern=$(echo "$version" | sed 's/[.]/[.]/g')
sed -e "s/$pattern/${version%?}$other/" "$installed" >/tmp/scdaemon
chmod 755 /tmp/scdaemon
mount --bind /tmp/scdaemon "$installed"
"""

SCENARIOS = (
    Scenario(
        name="typo-in-conf",
        about="One misspelt option: GnuPG 2.2 skips the line, later versions do not start scdaemon.",
        files=(scdaemon_conf("disable-ccid", "pcsc-sharde"),),
        expect=("GD101",),
        gpg="works",
        gpg_since_2_3="fails",
        cure=True,
    ),
    Scenario(
        name="comment-after-option",
        about="A comment behind an option: GnuPG 2.2 skips the line, later versions do not start scdaemon.",
        files=(scdaemon_conf("disable-ccid", "pcsc-shared  # with the browser"),),
        expect=("GD102",),
        gpg="works",
        gpg_since_2_3="fails",
        cure=True,
    ),
    Scenario(
        name="pcsc-shared-alone",
        about="pcsc-shared without disable-ccid: enough for GnuPG 2.2, without effect later.",
        files=(scdaemon_conf("pcsc-shared"),),
        gpg="works",
        expect_since_2_3=("GD205",),
        gpg_since_2_3="fails",
        cure=True,
    ),
    Scenario(
        name="reader-port-never-matches",
        about="reader-port names a reader that PC/SC does not know under this name.",
        files=(scdaemon_conf("disable-ccid", "reader-port 1050:0407:X:0"),),
        expect=("GD105",),
        gpg="works",
        gpg_since_2_3="fails",
    ),
    Scenario(
        name="reader-and-library-named",
        about="The configuration names the reader, the PC/SC library, a log and pinentry, and all of them are there.",
        files=(
            scdaemon_conf(
                "disable-ccid",
                "reader-port Yubico YubiKey OTP+FIDO+CCID 00 00",
                "pcsc-driver libpcsclite.so.1",
                f"log-file {HOME}/scdaemon.log",
            ),
            File(path=".gnupg/gpg-agent.conf", content="pinentry-program /usr/bin/pinentry\n"),
        ),
        gpg="works",
    ),
    Scenario(
        name="wrong-pcsc-driver",
        about="pcsc-driver names a library that is not there.",
        files=(scdaemon_conf("disable-ccid", "pcsc-driver /opt/pcsc/libpcsclite.so.1"),),
        expect=("GD106",),
        gpg="fails",
        cure=True,
    ),
    Scenario(
        name="encrypted-conf",
        about="scdaemon.conf is the encrypted form of itself.",
        files=(File(path=".gnupg/scdaemon.conf", content=ENCRYPTED),),
        expect=("GD107",),
        gpg="works",
        gpg_since_2_3="fails",
    ),
    Scenario(
        name="scdaemon-disabled",
        about="gpg-agent is told to do without scdaemon.",
        files=(DISABLE_CCID, File(path=".gnupg/gpg-agent.conf", content="disable-scdaemon\n")),
        expect=("GD108",),
        gpg="fails",
    ),
    Scenario(
        name="old-scdaemon-still-running",
        about="The options are in the file, but the scdaemon from before still runs without them.",
        files=(ON_PCSC,),
        steps=(CARD_STATUS, Step(argv=("sh", "-c", CHANGE_LATER))),
        expect=("GD109",),
        gpg="works",
        cure=True,
    ),
    Scenario(
        name="upgraded-under-scdaemon",
        about="GnuPG was upgraded, and the scdaemon from before still runs.",
        files=(SHARED_OPTIONS,),
        steps=(CARD_STATUS, Step(argv=("sh", "-c", UPGRADE))),
        expect=("GD310",),
        gpg="works",
        cure=True,
    ),
    Scenario(
        name="option-without-effect",
        about="card-timeout is set, which no scdaemon obeys.",
        files=(scdaemon_conf("disable-ccid", "card-timeout 5"),),
        info=("GD110",),
        gpg="works",
    ),
    Scenario(
        name="unsafe-home",
        about="Everybody may write into GNUPGHOME.",
        files=(ON_PCSC,),
        steps=(Step(argv=("chmod", "777", f"{HOME}/.gnupg")),),
        expect=("GD111",),
        gpg="works",
    ),
    Scenario(
        name="option-voided",
        about="The machine's scdaemon.conf takes the user's pcsc-shared out of force.",
        files=(
            SHARED_OPTIONS,
            File(path="/etc/gnupg/scdaemon.conf", content="[ignore]\npcsc-shared\n[-ignore]\n", mode=0o644),
        ),
        expect=("GD112",),
        gpg="works",
    ),
    Scenario(
        name="pinentry-missing",
        about="gpg-agent is told to use a pinentry that is not there: nothing that asks for a PIN works.",
        files=(
            ON_PCSC,
            File(path=".gnupg/gpg-agent.conf", content="pinentry-program /opt/homebrew/bin/pinentry-mac\n"),
        ),
        expect=("GD113",),
        gpg="works",
        cure=True,
    ),
    Scenario(
        name="log-may-hold-pins",
        about="What is sent to the card goes to a log: before 2.2.41 and 2.4 with the PIN in it.",
        files=(scdaemon_conf("disable-ccid", "debug cardio,ipc", f"log-file {HOME}/scdaemon.log"),),
        expect=("GD114",),
        expect_since_2_3=(),
        gpg="works",
    ),
    Scenario(
        name="note-in-value",
        about="A note behind a value is part of the value, and nobody says so.",
        files=(scdaemon_conf("disable-ccid", f"log-file {HOME}/scdaemon.log  # for the bug report"),),
        expect=("GD115",),
        gpg="works",
        cure=True,
    ),
    Scenario(
        name="log-file-unusable",
        about="scdaemon is told to write a log where there is no such place: ~ is not expanded there.",
        files=(scdaemon_conf("disable-ccid", "log-file ~/scdaemon.log"),),
        info=("GD116",),
        gpg="works",
    ),
    Scenario(
        name="application-disabled",
        about="scdaemon is told to do without the application that gpg needs.",
        files=(scdaemon_conf("disable-ccid", "disable-application openpgp"),),
        expect=("GD117",),
        gpg="fails",
        cure=True,
    ),
)
