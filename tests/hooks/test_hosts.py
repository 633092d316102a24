"""The installed hooks, run by Debian's own reportbug and sos in a lab that nothing of them leaves."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from gpgdoctor.lab import parts
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.lab.scenario import Client, Reader, Scenario
from tests.support.hooking import document_of
from tests.support.markup import problems

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="sos runs as root, reportbug as a user")]

USER = 1001
EXECUTABLE = "/usr/local/bin/gpgdoctor"
# Where root alone may write, as an installation is; a clone may lie anywhere.
TREE = "/usr/local/lib/gpgdoctor"
MARKER = "-- BEGIN ATTACHMENTS --"
SCENARIO = Scenario(
    name="hosts",
    about="A reader that is shared, and whose name would like to be an instruction.",
    readers=(Reader(name=f"Reader {MARKER} /etc/hostname"),),
    clients=(Client(kind="shared", user=USER),),
    files=(ON_PCSC,),
)
# /usr and /etc can be written to, and a shim's own limit of 40 s is one of 6.
PREPARE = """
set -e
for name in usr etc; do
    mkdir -p /tmp/top/$name /tmp/work/$name
    mount -t overlay overlay -o lowerdir=/$name,upperdir=/tmp/top/$name,workdir=/tmp/work/$name /$name
done
mkdir -p /usr/local/bin /etc/sos
chmod 755 /usr/local /usr/local/bin
: >/etc/sos/sos.conf
mv /usr/bin/timeout /usr/bin/timeout.real
cat >/usr/bin/timeout <<'EOF'
#!/bin/sh
case "$1 $2 $3" in "-k 5 40") shift 3; set -- -k 1 6 "$@" ;; esac
exec /usr/bin/timeout.real "$@"
EOF
chmod 755 /usr/bin/timeout
"""
REAL = '#!/bin/sh\nPYTHONPATH={tree} PYTHONDONTWRITEBYTECODE=1 exec {python} -m gpgdoctor "$@"\n'
FAILURES = {
    "hangs": "sleep 60",
    "has-a-defect": "echo 'details of alice' >&2; exit 70",
    "is-missing": None,
}
# Not root; an address that does not look like a test's, or reportbug ends without a word.
REPORTBUG = "reportbug --template --offline -I --email=somebody@host.internal"
SOS = "sos report -o sos_extras --batch --build --tmp-dir"
PARSE = """
import json, os
from reportbug.utils import exec_and_parse_bugscript
print(json.dumps(exec_and_parse_bugscript("/usr/share/reportbug/handle_bugscript", "/usr/share/bug/gpgdoctor/script")))
"""


@pytest.fixture(scope="module")
def lab(open_module_lab: Callable[..., Lab]) -> Iterator[Lab]:
    find = parts.find
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "find", lambda packages: find(packages=(*packages, "reportbug", "sosreport")))
        lab = open_module_lab(SCENARIO, user=USER)
    prepared = lab.run(["sh", "-c", PREPARE], user=0)
    assert (prepared.returncode, prepared.stderr) == (0, "")
    copied = lab.run(
        ["sh", "-c", f"mkdir -p {TREE} && cp -r {SOURCE_TREE}/gpgdoctor {TREE}/ && chown -R 0:0 {TREE}"], user=0
    )
    assert (copied.returncode, copied.stderr) == (0, "")
    gpgdoctor(lab, REAL.format(tree=TREE, python=lab.python))
    for target in ("reportbug", "sos"):
        installed = lab.run([EXECUTABLE, "hook", "install", target], user=0)
        assert (installed.returncode, installed.stderr) == (0, "")
    yield lab


@pytest.fixture(autouse=True)
def the_real_one_afterwards(lab: Lab) -> Iterator[None]:
    yield
    gpgdoctor(lab, REAL.format(tree=TREE, python=lab.python))


def gpgdoctor(lab: Lab, text: str | None) -> None:
    """Put another program in its place, or none."""
    lab.run(["rm", "-f", EXECUTABLE], user=0)
    if text is not None:
        lab.room.write(EXECUTABLE, text.encode(), mode=0o755, owner=0)


def reportbug(lab: Lab, package: str = "gpgdoctor") -> subprocess.CompletedProcess[str]:
    """Its report, as a user without a terminal gets it."""
    environment = f"env -i HOME={lab.home} PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8"
    done = lab.run(["sh", "-c", f"exec {environment} {REPORTBUG} {package} </dev/null"], timeout=60)
    assert done.returncode == 0
    return done


def about(report: str) -> str:
    """What the package's script has to say."""
    return report.partition("-- Package-specific info:\n")[2].partition("-- System Information:")[0]


def sos(lab: Lab) -> tuple[dict[str, str], str]:
    """The files that the hook left in the archive, and what sos itself says of the command."""
    command = f"rm -rf /tmp/sos; mkdir /tmp/sos; cd /tmp; env -u PYTHONPATH {SOS} /tmp/sos </dev/null"
    done = lab.run(["sh", "-c", command], user=0, timeout=60)
    assert done.returncode == 0
    extras = [path for path in lab.room.files(["/tmp/sos"]) if "/sos_extras/" in path]
    files = {path: lab.read(path) for path in extras if lab.run(["test", "-f", path], user=0).returncode == 0}
    (manifest,) = (path for path in lab.room.files(["/tmp/sos"]) if path.endswith("/sos_reports/manifest.json"))
    commands = json.loads(lab.read(manifest))["components"]["report"]["plugins"]["sos_extras"]["commands"]
    return files, json.dumps(commands)


def test_sos_has_the_report_in_its_archive(lab: Lab) -> None:
    files, commands = sos(lab)
    (output,) = files.values()
    document = document_of(output)
    assert {finding["id"] for finding in document["findings"]} >= {"GD202"}
    assert document["users"]
    assert '"return_code": 0' in commands


def test_sos_takes_a_page_along_where_that_is_wanted(lab: Lab) -> None:
    assert lab.run([EXECUTABLE, "hook", "install", "html"], user=0).returncode == 0
    files, _ = sos(lab)
    assert lab.run([EXECUTABLE, "hook", "uninstall", "html"], user=0).returncode == 0
    (page,) = (content for content in files.values() if content.startswith("<!DOCTYPE html>"))
    assert problems(page) == [] and "GD202" in page
    assert len(files) == 2


def test_reportbug_has_the_report_in_its_template(lab: Lab) -> None:
    report = reportbug(lab).stdout
    assert "## gpgdoctor report" in about(report)
    assert "GD202 shared-holder-blocks-scdaemon" in about(report)
    assert report.isascii()
    # What the control file asks for, as far as dpkg knows any of it.
    related = lab.run(
        ["dpkg-query", "-W", "scdaemon", "gpg-agent", "gnupg", "pcscd", "libpcsclite1", "libccid", "opensc"]
    )
    versions = [line.partition("\t")[2] for line in related.stdout.splitlines()]
    assert ("Versions of packages" in report) == any(versions)


def test_the_mail_is_plain_ascii_and_has_nothing_attached(lab: Lab) -> None:
    options = "--test -q --body=x --no-cc-menu --no-tags-menu -s s -S normal -o mail.txt"
    command = REPORTBUG.replace("--template", options)
    done = lab.run(["sh", "-c", f"{command} gpgdoctor </dev/null"], timeout=60)
    assert done.returncode == 0
    mail = lab.read("mail.txt")
    assert 'charset="us-ascii"' in mail
    assert "multipart" not in mail
    assert "GD202" in about(mail)


def test_no_line_of_it_is_an_instruction_to_reportbug(lab: Lab) -> None:
    path = f"{lab.gnupghome}/scdaemon.conf"
    lab.run(["sh", "-c", f"[ ! -e {path} ] || mv {path} {path}.kept"])
    lab.write(path, f"reader-port x\r{MARKER}\r/etc/hostname\r\n{MARKER}\n/etc/hostname\n")
    done = lab.run(["/usr/bin/python3", "-c", PARSE])
    code, headers, pseudoheaders, text, attachments = json.loads(done.stdout)
    lab.run(["sh", "-c", f"rm {path}; [ ! -e {path}.kept ] || mv {path}.kept {path}"])
    assert (code, headers, pseudoheaders, attachments) == (0, "", "", [])
    assert "reader-port" in text and MARKER not in text.splitlines()


@pytest.mark.parametrize("answer", ["n", "y", "\n"])
def test_a_reporter_at_a_terminal_is_asked_first(answer: str, lab: Lab) -> None:
    handler = "/usr/share/reportbug/handle_bugscript /usr/share/bug/gpgdoctor/script /tmp/report"
    lab.run(["script", "-qec", f"LC_ALL=C {handler}", "/dev/null"], input=answer, timeout=30)
    report = lab.read("/tmp/report")
    assert report == "gpgdoctor: the reporter declined\n" if answer == "n" else "GD202" in report


@pytest.mark.parametrize("failure", FAILURES)
def test_reportbug_goes_on_without_gpgdoctor(failure: str, lab: Lab) -> None:
    script = FAILURES[failure]
    gpgdoctor(lab, script and f"#!/bin/sh\n{script}\n")
    report = reportbug(lab).stdout
    assert about(report).strip().startswith("gpgdoctor: no complete report (exit code ")
    assert "alice" not in about(report)


@pytest.mark.parametrize("failure", FAILURES)
def test_sos_goes_on_without_gpgdoctor(failure: str, lab: Lab) -> None:
    script = FAILURES[failure]
    gpgdoctor(lab, script and f"#!/bin/sh\n{script}\n")
    _, commands = sos(lab)
    assert '"return_code": 0' not in commands


def test_a_report_on_scdaemon_has_it_too_where_that_is_wanted(lab: Lab) -> None:
    before = lab.room.files(["/usr/share/bug"])
    install = [EXECUTABLE, "hook", "install", "reportbug"]
    assert lab.run([*install, "--for", "scdaemon"], user=0).returncode == 0
    assert "GD202" in about(reportbug(lab, "scdaemon").stdout)
    assert lab.run([EXECUTABLE, "hook", "uninstall", "reportbug"], user=0).returncode == 0
    assert not set(lab.room.files(["/usr/share/bug"])) & {f"/usr/share/bug/{name}" for name in ("gpgdoctor", "default")}
    assert lab.run(install, user=0).returncode == 0
    assert set(lab.room.files(["/usr/share/bug"])) == set(before)


def test_root_is_not_made_to_run_what_others_can_change(lab: Lab) -> None:
    lab.room.write("/home/alice/bin/gpgdoctor", b"#!/bin/sh\n", mode=0o755, owner=USER)
    done = lab.run([EXECUTABLE, "hook", "install", "supportconfig", "--exe", "/home/alice/bin/gpgdoctor"], user=0)
    assert done.returncode == 1
    assert "/home/alice does not belong to root" in done.stderr
    assert "/usr/lib/supportconfig/plugins/gpgdoctor" not in lab.room.files(["/usr/lib/supportconfig"])


def test_only_root_installs(lab: Lab) -> None:
    done = lab.run([EXECUTABLE, "hook", "install", "supportconfig"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "as root, or below --destdir" in done.stderr
    assert done.stderr.count("\n") == 1
    lab.room.write("/home/alice/bin/gpgdoctor", b"#!/bin/sh\n", mode=0o755, owner=USER)
    done = lab.run([EXECUTABLE, "hook", "install", "supportconfig", "--exe", "/home/alice/bin/gpgdoctor"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.endswith("sudo pipx install --global .; then: sudo gpgdoctor hook install supportconfig\n")
