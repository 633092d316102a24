"""The commands: parse, call, choose a renderer, return the exit code. No logic."""

# ruff: noqa: UP045 - typer 0.7, which Debian 12 has, does not know "str | None"
from __future__ import annotations

import sys
from enum import Enum
from typing import Any, Optional

import typer

from gpgdoctor import __version__
from gpgdoctor.commands.parameters import alike
from gpgdoctor.crash import NAGIOS_UNKNOWN, wanted_format

USAGE, INTERRUPTED = 2, 130
SLOWEST_HZ, FASTEST_HZ, LONGEST_WATCH_S = 0.1, 100.0, 366 * 86400

# Since 0.22 typer brings its own click; this name is the same in both.
_UsageError: type[Any] = typer.BadParameter.__bases__[0]


class Severity(str, Enum):
    __str__ = str.__str__  # in --help

    error = "error"
    warning = "warning"
    info = "info"


class Format(str, Enum):
    __str__ = str.__str__  # in --help

    text = "text"
    json = "json"
    nagios = "nagios"


app = typer.Typer(
    name="gpgdoctor",
    help="Finds out why GnuPG's scdaemon cannot reach a smart card, and cures it.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def run(arguments: list[str], early: object | None) -> int:
    """Run one command line and return its exit code; ``early`` are children that were started for it."""
    # The groups take 9 ms, which a check can do without.
    command = _parser() if arguments[:1] == ["check"] else command_tree()
    try:
        code = command.main(arguments, prog_name="gpgdoctor", standalone_mode=False, obj=early)
    except _UsageError as error:
        error.show()
        return USAGE if wanted_format(arguments) != "nagios" else NAGIOS_UNKNOWN
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return INTERRUPTED
    except SystemExit:  # how typer reports a closed pipe: the reader has seen enough
        return 0
    return code if isinstance(code, int) else 0


def command_tree() -> Any:
    """All commands, as typer parses them."""
    if not app.registered_groups:
        from gpgdoctor.commands.docs_cli import docs
        from gpgdoctor.commands.fleet_cli import fleet
        from gpgdoctor.commands.hook_cli import hooks

        for group in (fleet, hooks, docs):
            app.add_typer(group)
    return _parser()


def _parser() -> Any:
    return alike(typer.main.get_command(app))


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    if version:
        typer.echo(f"gpgdoctor {__version__}")
        raise typer.Exit


@app.command()
def check(
    context: typer.Context,
    homedir: Optional[str] = typer.Option(None, metavar="DIR", help="The GnuPG home; default: what gpgconf says."),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    format: Format = typer.Option(Format.text, help="How the result is printed."),
    fail_on: Severity = typer.Option(Severity.warning, help="The lowest severity that makes the exit code 1."),
    ignore: list[str] = typer.Option([], metavar="ID", help="Report this finding, but do not count it. Repeatable."),
    no_probe: bool = typer.Option(False, "--no-probe", help="Do not connect to readers that are in use."),
    wake: bool = typer.Option(False, "--wake", help="Look even if that starts a sleeping pcscd."),
    timeout: float = typer.Option(5.0, metavar="S", help="Seconds that the whole run may take."),
    save: Optional[str] = typer.Option(None, metavar="FILE", help="Write a snapshot of the facts, redacted."),
    replay: Optional[str] = typer.Option(None, "--from", metavar="FILE", help="Judge a snapshot, not this machine."),
    no_redact: bool = typer.Option(False, "--no-redact", help="Save the facts as they are."),
    verbose: bool = typer.Option(False, "-v", "--verbose", help="List every check."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="Print the verdict only."),
    no_picture: bool = typer.Option(False, "--no-picture", help="Do not draw the way to the card."),
) -> int:
    """Look and judge. Changes nothing, starts nothing."""
    from gpgdoctor.commands.check import check
    from gpgdoctor.commands.check_options import CheckOptions

    return check(
        CheckOptions(
            homedir=homedir,
            format="json" if json else format.value,
            fail_on=fail_on.value,
            ignore=_ids(ignore),
            probe=not no_probe,
            wake=wake,
            timeout_s=_seconds(timeout),
            save=save,
            replay=replay,
            redact=not no_redact,
            verbose=verbose,
            quiet=quiet,
            picture=not no_picture,
        ),
        context.obj,
    )


def _seconds(timeout: float) -> float:
    if not 0 < timeout <= 3600:
        raise typer.BadParameter("more than 0 and at most 3600 seconds are expected", param_hint="--timeout")
    return timeout


def _ids(words: list[str]) -> tuple[str, ...]:
    """Finding ids, given as ids or names."""
    if not words:
        return ()
    from gpgdoctor.rules import catalogue

    names = {rule.name: rule.id for rule in catalogue().values()}
    ids = [names.get(word.lower(), word.upper()) for word in words]
    for word, id in zip(words, ids, strict=True):
        if id not in catalogue():
            from gpgdoctor.system.suggestions import did_you_mean

            meant = did_you_mean(word, [*catalogue(), *names], after=". ")
            raise typer.BadParameter(f"{_quoted(word)} is not a finding; see gpgdoctor explain --list{meant}")
    return tuple(ids)


def _quoted(word: str) -> str:
    from gpgdoctor.system.escape import printable

    return f"'{printable(word)}'"


@app.command()
def fix(
    ids: list[str] = typer.Argument(None, metavar="[ID]...", help="The findings to cure; default: all that count."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the plan. Nothing is tried, nothing written."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    homedir: Optional[str] = typer.Option(None, metavar="DIR", help="The GnuPG home; default: what gpgconf says."),
    keep_agent: bool = typer.Option(False, "--keep-agent", help="Restart scdaemon alone: gpg-agent keeps passphrases."),
    no_verify: bool = typer.Option(False, "--no-verify", help="Do not prove the cure afterwards."),
    timeout: float = typer.Option(5.0, metavar="S", help="Seconds for each look at the machine."),
) -> int:
    """Show the cure and its costs, ask, try it, apply it, prove it. What does not help is put back."""
    from gpgdoctor.commands.fix import fix
    from gpgdoctor.fix.work import FixOptions

    return fix(
        FixOptions(
            ids=_ids(ids or []),
            yes=yes,
            dry_run=dry_run,
            json=json,
            homedir=homedir,
            keep_agent=keep_agent,
            verify=not no_verify,
            timeout_s=_seconds(timeout),
        )
    )


@app.command()
def undo(
    number: Optional[int] = typer.Argument(None, metavar="[N]", help="The number of the fix; default: the last one."),
    listing: bool = typer.Option(False, "--list", help="List the fixes that can be undone."),
) -> int:
    """Put back, byte for byte, what a fix changed."""
    from gpgdoctor.commands.fix import undo

    return undo(number, listing=listing)


@app.command(
    short_help="Say what a finding means, how it is proved, and how it is cured.",
    context_settings={"ignore_unknown_options": True},  # an error's text may begin with a dash
)
def explain(
    words: list[str] = typer.Argument(
        None,
        metavar='ID|NAME|"ERROR TEXT"|-',
        help="What is to be explained; - reads a log from stdin. Without it: what check finds.",
    ),
    listing: bool = typer.Option(False, "--list", help="List every page."),
) -> int:
    """Say what a finding means, how it is proved, what its cure does and costs, and how to cure it by hand."""
    from gpgdoctor.commands.explain import explain

    if words and not "".join(words).strip():
        raise typer.BadParameter("an id, a name or the text of an error is expected; see gpgdoctor explain --list")
    return explain(words or [], listing=listing)


@app.command(
    short_help="Show the PC/SC calls of scdaemon, or of any program, as they happen.",
    context_settings={"allow_interspersed_args": False},  # what follows the first word is the command's own
)
def trace(
    command: list[str] = typer.Argument(None, metavar="[-- COMMAND...]", help="The program whose calls are shown."),
    gpg: bool = typer.Option(False, "--gpg", help="gpg's whole flow, with a gpg-agent of its own. Asks first."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    json: bool = typer.Option(False, "--json", help="Print JSON, one object a line."),
    file: Optional[str] = typer.Option(None, "-o", metavar="FILE", help="Write the trace there, not to stdout."),
    everything: bool = typer.Option(False, "--all", help="Leave out nothing that is repeated."),
) -> int:
    """Show the PC/SC calls of scdaemon, or of any program, as they happen.

    Without a command: those of a scdaemon of its own, with your options, which looks for a card and ends.
    Ends with 0 where it got the card, with 1 where it was refused.

    trace -- COMMAND: those of any program (ykman, pkcs11-tool, a browser), and of what it starts. Ends with the
    command's own exit code. stdout carries the trace, so the command's output goes to stderr; with -o FILE it goes
    where it always does, and can be piped on.

    trace --gpg [-- COMMAND]: those of gpg's real flow (gpg --sign, git commit -S, ssh; default: gpg
    --card-status). Your scdaemon is stopped, and the command runs with a temporary home of copies and a gpg-agent
    of its own. It shows what it would do and what that costs, and asks. Where a pinentry asks on the same terminal,
    -o FILE keeps the two apart. Afterwards your files and your agent are as before, also where the trace is killed.

    Nothing is patched, and no root is needed: the program is told of another socket (PCSCLITE_CSOCK_NAME), from
    where every byte is handed on to pcscd. Shown are names, codes and headers; never a PIN, never data. What
    libpcsclite does by itself is not seen: the code of SCardGetStatusChange, SCardIsValidContext.

    Ends with 3 where nothing can be traced, and says why.
    """
    from gpgdoctor.commands.trace import trace
    from gpgdoctor.instruments.trace.run import TraceOptions

    return trace(
        TraceOptions(gpg=gpg, yes=yes, json=json, file=file, everything=everything, command=tuple(command or ()))
    )


@app.command()
def report(
    homedir: Optional[str] = typer.Option(None, metavar="DIR", help="The GnuPG home; default: what gpgconf says."),
    no_probe: bool = typer.Option(False, "--no-probe", help="Do not connect to readers that are in use."),
    timeout: float = typer.Option(5.0, metavar="S", help="Seconds that the look may take."),
    replay: Optional[str] = typer.Option(None, "--from", metavar="FILE", help="Report a snapshot, not this machine."),
    html: Optional[str] = typer.Option(None, metavar="FILE", help="Write it as a page with the picture, instead."),
) -> int:
    """Print a report in Markdown to paste into a bug report, redacted. Changes nothing, starts nothing."""
    from gpgdoctor.commands.report import ReportOptions, report

    timeout_s = _seconds(timeout)
    return report(ReportOptions(homedir=homedir, probe=not no_probe, timeout_s=timeout_s, replay=replay, html=html))


@app.command(short_help="Show live who takes which card when.")
def watch(
    for_s: Optional[float] = typer.Option(None, "--for", metavar="S", help="End after that many seconds."),
    rate: float = typer.Option(20.0, metavar="HZ", help="How often it looks, a second; below 10 nothing is certain."),
    until_conflict: bool = typer.Option(False, "--until-conflict", help="End with exit code 1 at the first conflict."),
    stay: bool = typer.Option(False, "--stay", help="Stay connected, which keeps pcscd from its sleep."),
    json: bool = typer.Option(False, "--json", help="Print a line of JSON for each event."),
    html: Optional[str] = typer.Option(None, metavar="FILE", help="Write the timeline as a page, too, while it runs."),
) -> int:
    """Show live who takes which card, shared or alone, who lets go, and who waits; Ctrl-C ends it with a summary.

    For a card that is gone now and then: start it, use gpg as usual, and see who had the card when it failed. What
    comes again and again is told as one line. "certain" is said where every connection of pcscd is accounted for and
    one alone ran; a hold shorter than the time between two looks may be missed.

    It looks at pcscd many times a second, touches no card, and starts no daemon. Connected only while another program
    is, so that a pcscd that goes to sleep can (--stay: always). A program without a process number is another user's
    or hides its files: root sees more. With sudo pcscd is asked as the user who called it.

    A conflict is a program that waits for another's transaction or operation, or my scdaemon running without a card
    for a second while another program holds the reader that it wants. With --until-conflict the last line, on
    stderr, names both sides.

    --json: "t" is seconds since the start, "by" who it was; of a wait and a refusal first who wants the card, then
    who has it. Ends with 0, with 1 at a conflict it was to wait for, with 3 where nothing can be watched.
    """
    from gpgdoctor.commands.watch import WatchOptions, watch

    if for_s is not None and not 0 < for_s <= LONGEST_WATCH_S:
        raise typer.BadParameter("more than 0 and at most a year of seconds are expected", param_hint="--for")
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise typer.BadParameter("0.1 to 100 looks a second are expected", param_hint="--rate")
    return watch(
        WatchOptions(for_s=for_s, rate_hz=rate, until_conflict=until_conflict, stay=stay, json=json, html=html)
    )


@app.command()
def schema() -> int:
    """Print the JSON Schema of check --json."""
    from gpgdoctor.commands.schema import schema

    return schema()


@app.command(short_help="Play a conflict on a virtual reader and card.")
def demo(
    scenario: Optional[str] = typer.Argument(None, metavar="[SCENARIO]", help="One of --list; default: the classic."),
    listing: bool = typer.Option(False, "--list", help="List the scenarios."),
    shell: bool = typer.Option(False, "--shell", help="Open a shell inside the scenario."),
    html: Optional[str] = typer.Option(None, metavar="FILE", help="Write its report as a page, too."),
) -> int:
    """Play a conflict on a virtual reader and card, in private namespaces, with real pcscd and scdaemon."""
    from gpgdoctor.lab import demo as lab_demo
    from gpgdoctor.lab.catalogue import CLASSIC

    if listing:
        typer.echo(lab_demo.list_scenarios())
        return 0
    name = scenario or CLASSIC
    if shell:
        return lab_demo.run_shell(name)
    if html is None:
        return lab_demo.run_demo(name, out=sys.stdout, err=sys.stderr)
    from gpgdoctor.commands.demo import with_page

    return with_page(name, html)
