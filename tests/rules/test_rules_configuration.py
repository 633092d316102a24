"""GD101-GD103, GD107, GD110: what the configuration files say."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import SelfTest, Unknown
from tests.support.build import AGENT_CONF, CONF, IN_USE, client, machine, with_file
from tests.support.judging import causes, changed_lines, checks, finding, severity, status

REFUSED = SelfTest(code=2, messages=(f"{CONF}:2: invalid option",))
TYPO = "disable-ccid\npcsc-sharde\n"


# -- GD101 -------------------------------------------------------------------------------------------------------


def test_no_file_has_no_mistake() -> None:
    assert status(machine(), "GD101") == status(machine(), "GD102") == "skipped"


def test_options_that_are_known_pass() -> None:
    assert status(machine(conf="# a note\n\ndisable-ccid\nreader-port Yubico\n"), "GD101") == "pass"


def test_gnupg_2_2_skips_an_unknown_option() -> None:
    found = finding(machine(conf=TYPO), "GD101")
    assert (found.subject, found.found.severity) == (CONF, "warning")
    assert 'line 2 "pcsc-sharde"' in found.found.summary.clear()
    assert [it.value for it in found.because] == [2, "pcsc-sharde"]


def test_gnupg_2_4_does_not_start_for_it() -> None:
    assert severity(machine(version="2.4.7", conf=TYPO), "GD101") == "error"


def test_the_word_of_scdaemon_beats_its_version() -> None:
    taken = {"self_test": SelfTest(code=0, messages=())}
    assert severity(machine(version="2.4.7", conf=TYPO, gnupg=taken), "GD101") == "warning"
    assert severity(machine(conf=TYPO, gnupg={"self_test": REFUSED}), "GD101") == "error"


def test_a_scdaemon_that_could_not_run_has_said_nothing() -> None:
    no_library = {"self_test": SelfTest(code=127, messages=("cannot open shared object file",))}
    assert severity(machine(conf=TYPO, gnupg=no_library), "GD101") == "warning"


@pytest.mark.parametrize("line", ["[force]", "[scdaemon]", "[]"])
def test_a_section_that_is_not_known_is_as_an_option(line: str) -> None:
    assert causes(machine(conf=f"{line}\n")) == {"GD101"}


def test_a_line_that_stops_every_version_explains_the_refusal() -> None:
    facts = machine(conf=f"{TYPO}debug-level loud\n", gnupg={"self_test": REFUSED})
    assert (severity(facts, "GD101"), severity(facts, "GD102")) == ("warning", "error")


def test_a_near_match_is_rewritten_and_anything_else_commented_out() -> None:
    assert changed_lines(machine(conf="shared-acces\npcsc-sharde\nfoo bar\n"), "GD101") == {
        1: None,
        2: "pcsc-shared",
        3: None,
    }


def test_what_comes_of_it_is_said() -> None:
    effects = [
        finding(facts, id).found.effect
        for facts, id in (
            (machine(conf=TYPO), "GD101"),
            (machine(conf=f"{TYPO}foo\n"), "GD101"),
            (machine(version="2.4.7", conf=TYPO), "GD101"),
            (machine(conf="reader-port = X\n"), "GD102"),
        )
    ]
    assert [str(effect).split(",")[0].split(":")[0] for effect in effects] == [
        "Such a line is skipped in silence",
        "Each is skipped in silence",
        "scdaemon does not start",
        "The value is not the one that was meant.",
    ]


def test_what_a_rewritten_line_brings_is_said() -> None:
    cures = [finding(machine(conf=conf), "GD101").found.cure for conf in (TYPO, "disable-cicd\n")]
    assert [any("PIN" in cost.value for cost in cure.costs) for cure in cures if cure] == [True, False]


def test_many_lines_are_told_in_a_few_words() -> None:
    found = finding(machine(conf="".join(f"nonsense-{number}\n" for number in range(100))), "GD101")
    assert "and 97 more" in found.found.summary.clear() and len(found.because) == 40


def test_gpg_agents_file_is_its_own_subject() -> None:
    facts = machine(version="2.4.7", conf="disable-ccid\n", agent_conf="default-cache-ttl 60\npinentri x\n")
    assert {check.subject: check.status for check in checks(facts, "GD101")} == {CONF: "pass", AGENT_CONF: "fail"}
    assert finding(facts, "GD101").found.summary.clear().startswith("gpg-agent does not know")
    assert "No agent running" in str(finding(facts, "GD101").found.effect)


def test_scdaemons_word_says_nothing_about_gpg_agents_file() -> None:
    taken = {"self_test": SelfTest(code=0, messages=())}
    assert severity(machine(version="2.4.7", agent_conf="pinentri x\n", gnupg=taken), "GD101") == "error"


def test_common_conf_stops_every_scdaemon_that_reads_it() -> None:
    assert severity(machine(version="2.4.7", common_conf="use-keybox\n"), "GD101") == "error"
    assert status(machine(version="2.2.40", common_conf="use-keybox\n"), "GD101") == "skipped"
    taken = {"self_test": SelfTest(code=0, messages=())}
    assert severity(machine(version="2.4.7", common_conf="brand-new-option\n", gnupg=taken), "GD101") is None


def test_without_the_options_that_scdaemon_knows_nothing_is_known() -> None:
    facts = machine(conf=TYPO, gnupg={"scdaemon_options": Unknown.because("scdaemon does not list its options")})
    assert status(facts, "GD101") == "unknown"


def test_a_file_of_gpg_agent_that_nobody_judged_is_unknown() -> None:
    facts = machine(agent_conf="foo\n", configuration={"agent_in_force": Unknown.because("no table")})
    assert status(with_file(facts, AGENT_CONF, lines=()), "GD101") == "unknown"
    assert status(facts, "GD101") == "fail"
    assert (
        status(machine(version="2.4.7", common_conf="", configuration={"agent_in_force": Unknown.because("")}), "GD101")
        == "pass"
    )


def test_where_scdaemon_does_not_start_nobody_is_blamed_for_the_reader() -> None:
    holder: dict[str, Any] = {"readers": (IN_USE,), "clients": (client("keepassxc"),)}
    assert causes(machine(version="2.4.7", conf="disable-ccid\nfoo\n", **holder)) == {"GD101"}
    assert causes(machine(version="2.4.7", conf="foo\n", **holder)) == {"GD101"}
    assert causes(machine(version="2.4.7", conf="disable-ccid\n", common_conf="foo\n", **holder)) == {"GD101"}
    assert causes(machine(version="2.2.40", conf="foo\n", **holder)) == {"GD101", "GD202"}
    assert causes(machine(version="2.4.7", conf="disable-ccid\n", agent_conf="foo\n", **holder)) == {"GD101", "GD202"}


# -- GD102 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("disable-ccid # a note", "disable-ccid"),
        ("disable-ccid yes", "disable-ccid"),
        ("disable-ccid=1", "disable-ccid"),
        ("--disable-ccid", "disable-ccid"),
        ("disable-ccid\u00a0", "disable-ccid"),
        ("disable\u2013ccid", "disable-ccid"),
        ("Disable-CCID", "disable-ccid"),
        ("reader-port = Yubico", "reader-port Yubico"),
        ("reader-port 'Yubico'", "reader-port Yubico"),
        ("reader-port", None),
    ],
)
def test_a_malformed_line_is_found_and_mended(line: str, meant: str | None) -> None:
    facts = machine(conf=f"{line}\n")
    assert severity(facts, "GD101") is None
    assert (finding(facts, "GD102").subject, finding(facts, "GD102").found.severity) == (CONF, "warning")
    assert changed_lines(facts, "GD102") == {1: meant}


def test_a_line_that_is_no_option_at_all_can_be_malformed() -> None:
    assert causes(machine(conf=f"{'x' * 120}\n")) == causes(machine(conf="alias x y\n")) == {"GD102"}


def test_well_formed_lines_pass() -> None:
    assert status(machine(conf='disable-ccid\t\nreader-port "Yubico Yubi"\n[verbose]\n'), "GD102") == "pass"


def test_a_malformed_line_stops_2_4_but_a_value_that_is_taken_literally_does_not() -> None:
    assert severity(machine(version="2.4.7", conf="disable-ccid yes\n"), "GD102") == "error"
    assert severity(machine(version="2.4.7", conf="reader-port = Yubico\n"), "GD102") == "warning"


def test_a_bad_debug_level_stops_every_version() -> None:
    assert severity(machine(conf="debug-level loud\n"), "GD102") == "error"
    assert severity(machine(conf="debug-level guru\n"), "GD102") is None


def test_a_wrong_value_of_an_option_that_does_nothing_is_no_matter() -> None:
    assert severity(machine(conf="card-timeout = 5\n"), "GD102") is None


def test_a_refusal_that_no_line_explains_is_not_passed_over() -> None:
    facts = machine(gnupg={"self_test": REFUSED})
    found = finding(facts, "GD102").found
    assert (found.severity, found.summary.clear()) == (
        "error",
        f"scdaemon refuses its configuration: {CONF}:2: invalid option.",
    )
    assert severity(machine(gnupg={"self_test": SelfTest(code=0, messages=())}), "GD102") is None
    assert severity(machine(conf=TYPO, gnupg={"self_test": REFUSED}), "GD102") is None
    assert severity(machine(gnupg={"self_test": SelfTest(code=127, messages=("libusb",))}), "GD102") is None
    encrypted = with_file(machine(conf="", gnupg={"self_test": REFUSED}), CONF, status="encrypted")
    assert severity(encrypted, "GD102") is None


# -- GD103 -------------------------------------------------------------------------------------------------------


def test_pcsc_shared_is_too_new_for_2_2_27() -> None:
    facts = machine(version="2.2.27", conf="disable-ccid\npcsc-shared\n")
    assert causes(facts) == {"GD103"}
    assert finding(facts, "GD103").found.severity == "warning"
    assert "skipped" in str(finding(facts, "GD103").found.effect)


def test_before_2_2_26_the_line_stops_scdaemon() -> None:
    facts = machine(version="2.2.19", conf="pcsc-shared\n")
    assert "does not start" in str(finding(facts, "GD103").found.effect)


def test_pcsc_shared_is_known_to_2_2_28() -> None:
    assert status(machine(version="2.2.28", conf="disable-ccid\npcsc-shared\n"), "GD103") == "pass"
    assert status(machine(version="2.2.27", conf="disable-ccid\n"), "GD103") == "pass"
    assert causes(machine(version="2.2.28", conf="disable-ccid\npcsc-shared # a note\n")) == {"GD102"}


def test_what_else_2_2_27_does_not_know_is_no_news() -> None:
    assert causes(machine(version="2.2.27", conf="pcsc-sharing\ndisable-ccid yes\n")) == {"GD101", "GD102"}
    assert causes(machine(version="2.2.27", conf="pcsc-shared # a note\n")) == {"GD103"}
    assert causes(machine(version="2.2.27", agent_conf="pcsc-shared\n")) == {"GD101"}


def test_whether_an_unlisted_scdaemon_knows_it_is_unknown() -> None:
    facts = machine(conf="pcsc-shared\n", gnupg={"scdaemon_options": Unknown.because("it took too long")})
    assert status(facts, "GD103") == "unknown"
