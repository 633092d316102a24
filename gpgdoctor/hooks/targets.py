"""The programs that gpgdoctor answers, the form of answer each wants, and the files that make them ask."""

from __future__ import annotations

from typing import Literal

from gpgdoctor.system.record import Record

Form = Literal["text", "markdown", "json", "text-and-json", "nagios", "html"]


class Shim(Record):
    """A file of a hook: its source below shims/, and where its host looks for it."""

    source: str
    path: str
    mode: int = 0o644

    @property
    def names_program(self) -> bool:
        """Whether it names the path of gpgdoctor, instead of using the search path of its user."""
        return b"@EXE@" in template(self.source)


class Target(Record):
    name: str
    about: str
    form: Form
    host: str | None = None  # the program that runs the hook
    findings_first: bool = False  # in a document that people open
    shims: tuple[Shim, ...] = ()

    @property
    def names_program(self) -> bool:
        return any(shim.names_program for shim in self.shims)


TARGETS: tuple[Target, ...] = (
    Target(
        name="reportbug",
        about="Debian's reportbug, as the user who reports",
        form="markdown",
        host="reportbug",
        shims=(
            Shim(source="reportbug/script", path="/usr/share/bug/gpgdoctor/script", mode=0o755),
            Shim(source="reportbug/control", path="/usr/share/bug/gpgdoctor/control"),
            Shim(source="reportbug/presubj", path="/usr/share/bug/gpgdoctor/presubj"),
        ),
    ),
    Target(
        name="sos",
        about="sos report (Red Hat, SUSE, Debian, Ubuntu), as root for all users",
        form="json",
        host="sos",
        findings_first=True,
        shims=(Shim(source="sos/extras", path="/etc/sos/extras.d/gpgdoctor"),),
    ),
    Target(
        name="supportconfig",
        about="SUSE's supportconfig, as root for all users",
        form="text-and-json",
        host="supportconfig",
        # Its name becomes part of a shell variable: neither dash nor dot.
        shims=(Shim(source="supportconfig/plugin", path="/usr/lib/supportconfig/plugins/gpgdoctor", mode=0o755),),
    ),
    Target(
        name="apport",
        about="Ubuntu's apport, as the user who reports: package hook and symptom",
        form="markdown",
        host="apport-cli",
        shims=(
            Shim(source="apport/package_hook", path="/usr/share/apport/package-hooks/gpgdoctor.py"),
            Shim(source="apport/symptom", path="/usr/share/apport/symptoms/smartcard_gpg.py"),
        ),
    ),
    Target(
        name="nagios",
        about="Nagios, Icinga, Naemon: one line and a code from 0 to 3",
        form="nagios",
        shims=(Shim(source="nagios/check", path="/usr/lib/nagios/plugins/check_gpgdoctor", mode=0o755),),
    ),
    Target(
        name="ansible-fact",
        about="ansible_local.gpgdoctor; the same file serves facter",
        form="json",
        host="ansible",
        shims=(Shim(source="ansible-fact/fact", path="/etc/ansible/facts.d/gpgdoctor.fact", mode=0o755),),
    ),
    Target(name="text", about="for people", form="text"),
    Target(name="json", about="the document of check --json", form="json"),
    Target(
        name="html",
        about="a page with a part for each user; sos takes it along",
        form="html",
        host="sos",
        shims=(Shim(source="html/extras", path="/etc/sos/extras.d/gpgdoctor-page"),),
    ),
)

BY_NAME = {target.name: target for target in TARGETS}


def template(source: str) -> bytes:
    """The shim as it is in the package."""
    from importlib.resources import files

    return files("gpgdoctor.hooks").joinpath("shims", *source.split("/")).read_bytes()
