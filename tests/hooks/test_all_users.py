"""Root asks about every user: each is looked at with that user's rights alone, and is believed no further."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gpgdoctor.hooks import users
from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import GNUPG_2_3, Client, File, Scenario
from gpgdoctor.system import mounts
from gpgdoctor.system.mounts import Mount
from tests.support.hooking import document_of, run_hook
from tests.support.markup import problems

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="a lab with several users needs root")]

SHADOW = "root:$6$PlantedHashOfRoot:19000:0:99999:7:::\n"
PEOPLE = {"alice": 1001, "bertram": 1002, "clothilde": 1003, "dagobert": 1004}
PASSWD = "".join(
    f"{name}:x:{uid}:{uid}:{name.title()} Realname:/home/{name}:/bin/bash\n" for name, uid in PEOPLE.items()
)
SYSTEM = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
HOMES = """
set -e
cd /home
for name in bertram clothilde dagobert; do mkdir -m 700 $name $name/.gnupg; done
chmod 700 bertram/.gnupg clothilde/.gnupg dagobert/.gnupg
ln -s /etc/shadow bertram/.gnupg/scdaemon.conf
mkfifo clothilde/.gnupg/scdaemon.conf
truncate -s 1G dagobert/.gnupg/scdaemon.conf
chown -hR 1002:1002 bertram; chown -R 1003:1003 clothilde; chown -R 1004:1004 dagobert
"""


@pytest.fixture(scope="module")
def lab(open_module_lab: Callable[..., Lab]) -> Iterator[Lab]:
    """alice shares a reader with firefox; the three others are hostile."""
    scenario = Scenario(
        name="several",
        about="",
        clients=(Client(kind="shared", user=PEOPLE["alice"]),),
        files=(
            ON_PCSC,
            File(path="/etc/passwd", content=SYSTEM + PASSWD, mode=0o644),
            File(path="/etc/shadow", content=SHADOW, mode=0o600),
            File(path="/etc/login.defs", content="UID_MIN 1000\nUID_MAX 60000\n", mode=0o644),
        ),
    )
    lab = open_module_lab(scenario, user=PEOPLE["alice"])
    made = lab.run(["sh", "-c", HOMES], user=0)
    assert (made.returncode, made.stderr) == (0, "")
    yield lab


@pytest.fixture(scope="module")
def document(lab: Lab) -> dict[str, Any]:
    return document_of(run_hook(lab, "sos", "--all-users", user=0))


def test_the_report_covers_all_and_shows_nothing_of_shadow(document: dict[str, Any], lab: Lab) -> None:
    assert [entry["user"] for entry in document["users"]] == ["user1", "user2", "user3", "user4"]
    statuses = []
    for entry in document["users"]:
        files = entry["facts"]["configuration"]["files"]
        statuses.append(next(file["status"] for file in files if file["path"].endswith("/.gnupg/scdaemon.conf")))
    hers = "regular" if lab.gnupg_version >= GNUPG_2_3 else "absent"
    assert statuses == [hers, "unreadable", "not-regular", "too-large"]
    assert "Planted" not in json.dumps(document)


def test_a_finding_names_whom_it_concerns(document: dict[str, Any], lab: Lab) -> None:
    unreadable = [finding for finding in document["findings"] if finding["id"] == "GD107"]
    assert sorted(user for finding in unreadable for user in finding["users"]) == ["user2", "user3", "user4"]
    (shared,) = (
        finding for finding in document["findings"] if finding["id"] == "GD202" and "user1" in finding["users"]
    )
    (culprit,) = shared["culprits"]
    (client,) = (it for it in document["facts"]["processes"] if it["program"] == culprit["program"])
    assert (culprit["pid"], culprit["user"]) == (client["pid"], "user1")
    assert client["pid"] != lab.client().pid, "numbers of processes leave as aliases"
    assert document["verdict"] == "findings"
    assert {check["id"] for check in document["checks"]} >= {"GD101", "GD202", "GD501"}


def test_text_has_a_part_for_each_and_no_name(lab: Lab) -> None:
    text = run_hook(lab, "supportconfig", "--all-users", user=0)
    assert [line for line in text.splitlines() if line.startswith("===")] == [f"=== user{n} ===" for n in (1, 2, 3, 4)]
    for name in (*PEOPLE, "Realname", "Planted"):
        assert name not in text


def test_a_page_has_a_part_for_each_and_no_name(lab: Lab) -> None:
    page = run_hook(lab, "html", "--all-users", user=0)
    assert problems(page) == []
    assert re.findall(r'<h2 id="name-\d">(.*?)</h2>', page) == ["user1", "user2", "user3", "user4"]
    assert "GD202" in page and page.count("What was redacted") == 1
    for name in (*PEOPLE, "Realname", "Planted"):
        assert name not in page


def test_nothing_in_any_home_is_touched(lab: Lab) -> None:
    def seen() -> tuple[dict[str, tuple[int, int]], str]:
        modes = lab.run(["sh", "-c", "find /home -printf '%p %m %u %y %T@ %C@\\n' | sort"], user=0)
        return lab.room.files(["/home"]), modes.stdout

    before = seen()
    run_hook(lab, "sos", "--all-users", user=0)
    assert seen() == before


AUDITED = """
import sys
seen = []
def audit(event, arguments):
    if event.startswith(("open", "os.", "shutil", "subprocess")) and "/home/" in str(arguments[:2]):
        seen.append((event, str(arguments)))
sys.addaudithook(audit)
from gpgdoctor.hooks.answer import answer
from gpgdoctor.hooks.survey import survey
from gpgdoctor.hooks.targets import BY_NAME
said = answer(BY_NAME["sos"], survey(True), 0)
print(len(said.output))
print(*[entry for entry in seen if entry[0] != "subprocess.Popen"])
"""


def test_the_parent_opens_nothing_under_any_home(lab: Lab) -> None:
    done = lab.run([lab.python, "-c", AUDITED], user=0)
    size, entries = done.stdout.split("\n", 1)
    assert int(size) > 1000
    assert entries.strip() == ""


GPGCONF = """#!/bin/sh
[ "$1" = --list-dirs ] || exit 0
field() { sed -n "s/^$1:[[:space:]]*//p" /proc/self/status | tr '\\t ' '--'; }
terminal=none; (: </dev/tty) 2>/dev/null && terminal=tty
echo "homedir:/uid=$(field Uid)/gid=$(field Gid)/groups=$(field Groups)/cap=$(field CapEff)/nnp=$(field NoNewPrivs)"
echo "socketdir:/$terminal/umask=$(umask)/fsize=$(ulimit -f)/env=$(env | sed 's/=.*//' | sort | tr '\\n' ',')"
"""
TELL = """
import json
from gpgdoctor.hooks.survey import survey
print(json.dumps([[str(facts.gnupg.homedir), str(facts.gnupg.socketdir)] for facts in survey(True).users]))
"""


def test_the_child_has_that_users_rights_and_nothing_else(lab: Lab) -> None:
    lab.room.write("/tmp/told/gpgconf", GPGCONF.encode(), mode=0o755, owner=0)
    path = {"PATH": f"/tmp/told:{os.defpath}", "GNUPGHOME": "/root/.gnupg", "SSH_AUTH_SOCK": "/run/planted"}
    lab.room.write("/tmp/told/tell.py", TELL.encode(), mode=0o644, owner=0)
    done = lab.run(["script", "-qec", f"{lab.python} /tmp/told/tell.py", "/dev/null"], user=0, env=path)
    first: list[str] = json.loads(done.stdout)[1]
    assert first[0] == f"/uid={'-'.join(['1002'] * 4)}/gid={'-'.join(['1002'] * 4)}/groups=1002-/cap={'0' * 16}/nnp=1"
    terminal, umask, fsize, environment = first[1].strip("/").split("/")
    assert (terminal, umask, fsize) == ("none", "umask=0077", "fsize=0")
    names = set(environment.removeprefix("env=").strip(",").split(","))
    assert names >= {"HOME", "LC_ALL", "LOGNAME", "PATH", "USER"}
    assert not names & {"GNUPGHOME", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "PYTHONPATH", "DISPLAY"}


@pytest.mark.parametrize("lie", ["yes", "sleep 60", "kill -9 $$", "head -c 400000 /dev/zero | tr '\\0' x"])
def test_whoever_lies_or_hangs_spoils_only_her_own_part(lie: str, lab: Lab) -> None:
    script = f'#!/bin/sh\n[ "$USER" != bertram ] || {{ {lie}; exit; }}\nexec /usr/bin/gpgconf "$@"\n'
    lab.room.write("/tmp/lying/gpgconf", script.encode(), mode=0o755, owner=0)
    before = sorted(process["pid"] for process in lab.processes())
    output = run_hook(lab, "sos", "--all-users", user=0, env={"PATH": f"/tmp/lying:{os.defpath}:/usr/sbin"})
    document = document_of(output)
    known: list[Any] = ["unknown" not in entry["facts"]["gnupg"].get("homedir", {}) for entry in document["users"]]
    assert known == [True, False, True, True]
    assert sorted(process["pid"] for process in lab.processes()) == before


def test_who_is_not_root_sees_only_herself(lab: Lab) -> None:
    document = document_of(run_hook(lab, "json", "--all-users"))
    assert "users" not in document
    assert document["facts"]["gnupg"]["homedir"] == "/home/user1/.gnupg"


CANDIDATES = """
import json, os
from gpgdoctor.hooks import users
found = users.candidates(os.environ, ())
print(json.dumps([[user.pw_uid for user in found.users], found.left_out, sorted(found.remote)]))
"""


def candidates(lab: Lab, **environment: str) -> Any:
    return json.loads(lab.run([lab.python, "-c", CANDIDATES], user=0, env=environment).stdout)


def test_people_are_found_and_services_are_not(lab: Lab) -> None:
    assert candidates(lab) == [[1001, 1002, 1003, 1004], 0, []]
    assert candidates(lab, SUDO_UID="9" * 30, PKEXEC_UID="x") == [[1001, 1002, 1003, 1004], 0, []]
    assert candidates(lab, SUDO_UID="65534", DOAS_USER="no-such-user") == [[1001, 1002, 1003, 1004, 65534], 0, []]


def test_a_crowd_is_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [f"u{uid}:x:{uid}:{uid}::/home/u{uid}:/bin/sh" for uid in range(1000, 1100)]
    monkeypatch.setattr(users, "_lines", lambda path: crowd if path == "/etc/passwd" else [])
    monkeypatch.setattr(users, "_uids_of_daemons", set)
    monkeypatch.setattr(users, "_with_runtime_directory", set)
    found = users.candidates({}, ())
    assert (len(found.users), found.left_out) == (users.USERS_LIMIT, 80)


def test_a_home_that_may_hang_is_not_entered_unless_its_user_has_a_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {
        "/etc/passwd": [
            "near:x:1000:1000::/home/near:/bin/sh",
            "far:x:1001:1001::/home/far:/bin/sh",
            "off:x:1002:1002::/home/off:/usr/sbin/nologin",
        ],
    }
    mounted = [Mount(1, (8, 1), "/", "ext4"), Mount(2, (0, 44), "/home/far", "nfs4")]
    monkeypatch.setattr(mounts, "mounts", lambda: mounted)
    monkeypatch.setattr(users, "_lines", lambda path: tables.get(path, []))
    monkeypatch.setattr(users, "_uids_of_daemons", set)
    monkeypatch.setattr(users, "_with_runtime_directory", set)
    found = users.candidates({}, ())
    assert [user.pw_uid for user in found.users] == [1000, 1001]
    assert set(found.remote) == {1001}
