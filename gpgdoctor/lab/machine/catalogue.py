"""The scenarios that boot a machine; their names begin with "usb-"."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import CARD_STATUS, CARD_STATUS_FAILS, DISABLE_CCID, SHARED_OPTIONS
from gpgdoctor.lab.machine.machine_lab import STATES
from gpgdoctor.lab.machine.scenario import MachineScenario, MachineStep, Plugged
from gpgdoctor.lab.scenario import Client, Step

# As after a boot: a unit that is masked while it runs leaves its socket's file behind.
MASKED = "systemctl -q mask --now pcscd.socket pcscd.service && rm /run/pcscd/pcscd.comm"
POLICY = "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"
RULES = "/etc/polkit-1/rules.d/10-lab.rules"
CARD_REFUSED = f"""
cat >{RULES} <<'END'
polkit.addRule(function(action, subject) {{
    if (action.id == "org.debian.pcsc-lite.access_pcsc") return polkit.Result.YES;
    if (action.id == "org.debian.pcsc-lite.access_card") return polkit.Result.NO;
}});
END
chmod 755 /etc/polkit-1/rules.d && chmod 644 {RULES} && systemctl restart polkit
"""
# The rule that GD401's page has, for bob.
EXPLAINED_RULE = """
gpgdoctor explain GD401 | sed -n '/polkit.addRule/,/^ *});/p' | sed s/LOGIN/bob/ >/etc/polkit-1/rules.d/40-pcscd.rules
chmod 755 /etc/polkit-1/rules.d && chmod 644 /etc/polkit-1/rules.d/40-pcscd.rules && systemctl restart polkit
"""
# A user other than root may ask polkit about others' processes only as the owner of the action.
OWNER = '<annotate key="org.freedesktop.policykit.owner">unix-user:pcscd</annotate>'
PCSCD_MAY_ASK = f"sed -i 's|</defaults>|&{OWNER}|' {POLICY} && systemctl restart polkit"
SECOND_HOME = "mkdir -p -m 700 ~/second && gpg --homedir ~/second --card-status"
# The same program, that says it is of the next version: a package that was upgraded while scdaemon ran.
SCDAEMON = "/usr/lib/gnupg/scdaemon"
UPGRADE = f"LC_ALL=C sed 's/2[.]4[.]7/2.4.8/g' {SCDAEMON} >/root/scdaemon && install /root/scdaemon {SCDAEMON}"
# The kernel finds after a while that the device it knew is gone, and gives the new one another number.
NUMBERS = "cat /sys/bus/usb/devices/*-*/devnum"
SUSPEND = f"""
before=$({NUMBERS}) && rtcwake -m mem -s 5 &&
for second in $(seq 20); do now=$({NUMBERS} 2>/dev/null) && [ "$now" != "$before" ] && break; sleep 1; done
echo "devices: $before, then $now" && udevadm settle
"""
SWITCH_AWAY = "python3 -c \"import fcntl; fcntl.ioctl(open('/dev/tty0', 'w'), 0x5606, 2)\" && sleep 2"  # VT_ACTIVATE


def drop_in(text: str, name: str = "lab") -> str:
    """A shell command that changes pcscd's unit."""
    folder = "/etc/systemd/system/pcscd.service.d"
    return f"mkdir -p {folder} && printf '[Service]\\n{text}\\n' >{folder}/{name}.conf && systemctl daemon-reload"


# Any program that only asks which readers there are; systemd starts pcscd for it. That stays then: in an emulated
# machine the rest may take longer than the minute after which it would end.
STAYS = drop_in("ExecStart=\\nExecStart=/usr/sbin/pcscd --foreground", name="stays")
SOMEBODY_ASKS = MachineStep(argv=("sh", "-c", f"{STAYS} && exec /usr/bin/python3 {STATES}"), who="root")

SCENARIOS: tuple[MachineScenario, ...] = (
    MachineScenario(
        name="usb-own-driver",
        about="A USB token, and pcscd is masked: scdaemon's own driver has the reader, and gpg works.",
        before=(MASKED,),
        steps=(CARD_STATUS,),
        gpg="works",
    ),
    MachineScenario(
        name="usb-pcscd-first",
        about="Some program asked pcscd first: pcscd has the token, and scdaemon's own driver does not get it.",
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD205",),
        gpg="fails",
        cure=True,
        by_hand=("sudo systemctl disable --now pcscd.socket pcscd.service",),  # the smaller change
    ),
    MachineScenario(
        name="usb-scdaemon-first",
        about="scdaemon's own driver has the token, and pcscd, started later, does not get it: gpg alone works.",
        steps=(CARD_STATUS, SOMEBODY_ASKS),
        expect=("GD208",),
        gpg="works",
    ),
    MachineScenario(
        name="usb-gpg-alone",
        about="scdaemon's own driver has the token, and pcscd, which nobody has asked yet, would not get it.",
        steps=(CARD_STATUS,),
        info=("GD208", "GD309"),
        gpg="works",
        cure=True,
        cure_ids=("GD208",),
    ),
    MachineScenario(
        name="usb-fresh-login",
        about="alice has just logged in: systemd holds gpg-agent's sockets and pcscd's, and neither has run yet.",
        info=("GD309",),
        gpg="works",
    ),
    MachineScenario(
        name="usb-upgraded",
        about="scdaemon was upgraded while it ran, and the old one goes on.",
        before=(MASKED,),
        steps=(CARD_STATUS, MachineStep(argv=("sh", "-c", UPGRADE), who="root")),
        expect=("GD310",),
        gpg="works",
        cure=True,
    ),
    MachineScenario(
        name="usb-resumed",
        about="The machine slept and woke up: the token is a new device to the kernel, and gpg works as before.",
        before=(MASKED,),
        steps=(CARD_STATUS, MachineStep(argv=("sh", "-c", SUSPEND), who="root"), CARD_STATUS),
        gpg="works",
    ),
    MachineScenario(
        name="usb-second-scdaemon",
        about="The scdaemon of another GNUPGHOME has the token by its own driver.",
        before=(MASKED,),
        steps=(Step(argv=("sh", "-c", SECOND_HOME)), CARD_STATUS_FAILS),
        expect=("GD206",),
        gpg="fails",
        by_hand=("gpgconf --homedir /home/alice/second --kill scdaemon",),
    ),
    MachineScenario(
        name="usb-roots-scdaemon",
        about="Root's scdaemon has the token by its own driver.",
        before=(MASKED,),
        steps=(MachineStep(argv=("gpg", "--card-status"), who="root"), CARD_STATUS_FAILS),
        expect=("GD206",),
        gpg="fails",
        mended=("gpgconf --kill scdaemon",),
    ),
    MachineScenario(
        name="usb-shared-holder",
        about="Another program shares the token through pcscd, and scdaemon wants it alone.",
        files=(DISABLE_CCID,),
        clients=(Client(kind="shared"),),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD202",),
        gpg="fails",
        cure=True,
    ),
    MachineScenario(
        name="usb-exclusive-holder",
        about="Another program holds the token exclusively.",
        files=(DISABLE_CCID,),
        clients=(Client(kind="exclusive", program="yubikey-agent"),),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD203",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-polkit-refuses-ssh",
        about="pcscd's polkit policy lets in who sits at the machine, and bob has come by ssh.",
        who="bob",
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD401",),
        gpg="fails",
        mended=(EXPLAINED_RULE,),
    ),
    MachineScenario(
        name="usb-polkit-refuses-inactive",
        about="The screen was switched to another session: polkit refuses the one that is not active.",
        files=(DISABLE_CCID,),
        after=(SWITCH_AWAY,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD401",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-polkit-refuses-card",
        about="A polkit rule allows to talk to pcscd, and refuses the card.",
        who="bob",
        before=(CARD_REFUSED,),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD401",),
        gpg="fails",
        expect_as_user=(),  # polkit answers no to a user's question, but would also where a rule names the reader
    ),
    MachineScenario(
        name="usb-polkit-policy-missing",
        about="pcscd's polkit policy is not installed: polkit knows no such action, and refuses.",
        before=(f"mv {POLICY} /root/ && systemctl restart polkit",),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD401",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-ssh-beside-seat",
        about="alice's shell by ssh is refused by polkit; her scdaemon, below her user manager, is let in.",
        who="ssh",
        files=(SHARED_OPTIONS,),
        steps=(CARD_STATUS,),
        gpg="works",
    ),
    MachineScenario(
        name="usb-node-closed",
        about="The token's device node is root's alone, and scdaemon's own driver needs it.",
        before=(MASKED,),
        after=("setfacl -b {node} && chmod 600 {node}",),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD402",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-not-authorised",
        about="The kernel was told not to use the token, as USBGuard does.",
        before=(MASKED,),
        after=("echo 0 >{device}/authorized",),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD404",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-pcscd-own-user",
        about="pcscd runs as a user of its own, who may not open the token.",
        before=(drop_in("User=pcscd"), PCSCD_MAY_ASK),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD402",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-pcscd-asleep",
        about="systemd starts pcscd as soon as somebody asks it, and nobody has yet.",
        files=(DISABLE_CCID,),
        info=("GD309",),
        gpg="works",
        incomplete=True,
    ),
    MachineScenario(
        name="usb-pcscd-masked",
        about="scdaemon is told to use pcscd, and its units are masked.",
        before=(MASKED,),
        files=(DISABLE_CCID,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD301",),
        gpg="fails",
        by_hand=("sudo systemctl unmask pcscd.socket pcscd.service", "sudo systemctl enable --now pcscd.socket"),
    ),
    MachineScenario(
        name="usb-pcscd-cannot-start",
        about="pcscd's service fails at its start, and systemd has given up on it.",
        before=(drop_in("ExecStart=\\nExecStart=/usr/bin/false\\n[Unit]\\nStartLimitIntervalSec=1h"),),
        files=(DISABLE_CCID,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD313",),
        gpg="fails",
        mended=("rm /etc/systemd/system/pcscd.service.d/lab.conf && systemctl daemon-reload",),
        by_hand=("sudo systemctl reset-failed pcscd.service pcscd.socket", "sudo systemctl restart pcscd.socket"),
    ),
    MachineScenario(
        name="usb-reader-unknown",
        about="pcscd's driver does not know the reader; scdaemon is told to use pcscd.",
        devices=(Plugged(model="unknown"),),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD502",),
        gpg="fails",
        cure=True,
    ),
    MachineScenario(
        name="usb-no-drivers",
        about="pcscd has no driver for USB readers.",
        before=("mv /usr/lib/pcsc/drivers /root/",),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        expect=("GD314",),
        gpg="fails",
        cure=True,
    ),
    MachineScenario(
        name="usb-two-readers",
        about="An empty reader and a token: scdaemon since 2.3 looks at both.",
        devices=(Plugged(model="reader", card="absent"), Plugged()),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS,),
        gpg="works",
    ),
    MachineScenario(
        name="usb-empty-reader",
        about="No card is in the reader.",
        devices=(Plugged(model="reader", card="absent"),),
        files=(DISABLE_CCID,),
        steps=(SOMEBODY_ASKS, CARD_STATUS_FAILS),
        info=("GD503",),
        gpg="fails",
    ),
    MachineScenario(
        name="usb-claim-failed",
        about="scdaemon was first, was then told to use pcscd, and pcscd lists nothing until the token is replugged.",
        steps=(
            CARD_STATUS,
            SOMEBODY_ASKS,
            Step(argv=("sh", "-c", "echo disable-ccid >~/.gnupg/scdaemon.conf && gpgconf --kill gpg-agent")),
            CARD_STATUS_FAILS,
        ),
        expect=("GD502",),
        gpg="fails",
        by_hand=("sudo systemctl restart pcscd.service",),
    ),
    MachineScenario(
        name="usb-nothing-plugged",
        about="Nothing is plugged in.",
        devices=(),
        before=(MASKED,),
        steps=(CARD_STATUS_FAILS,),
        expect=("GD501",),
        gpg="fails",
    ),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
