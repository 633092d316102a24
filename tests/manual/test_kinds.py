"""What no fixed text is: the same failure in the words of several programs, libraries and languages."""

from __future__ import annotations

import pytest

from gpgdoctor.manual import signs
from gpgdoctor.manual.search import answer
from gpgdoctor.manual.speakers import line as line_of
from tests.support.explaining import certain, first_pages


@pytest.mark.parametrize("call", ["SCardEstablishContext", "SCardEstablishContext()", "pcsc: SCardEstablishContext"])
@pytest.mark.parametrize(
    "error",
    [
        "RPC transport error.",
        "SCARD_F_COMM_ERROR",
        "0x80100013",
        "-2146435053",
        "An internal communications error has been detected.",
    ],
)
def test_an_exchange_that_pcscd_ends_at_once_may_be_a_refusal(call: str, error: str) -> None:
    assert set(first_pages(f"{call}: {error}")[:3]) == {"GD401", "GD304", "GD312"}


@pytest.mark.parametrize(
    "text",
    ["SCARD_F_COMM_ERROR", "0x80100013", "connecting to pcsc: an internal communications error has been detected"],
)
def test_a_comm_error_of_no_known_call_may_be_a_refusal_or_a_reader(text: str) -> None:
    assert {"GD401", "GD505"} <= set(first_pages(text)[:3])


@pytest.mark.parametrize(
    "text", ["SCardTransmit: 0x80100013", "Failed to transmit. An internal communications error has been detected."]
)
def test_a_comm_error_amid_an_exchange_with_the_card_is_the_readers(text: str) -> None:
    assert first_pages(text)[0] == "GD505"


@pytest.mark.parametrize(
    "text",
    [
        "Failed to establish context: Unable to load external module",
        "opensc-tool: Failed to create a context: Unable to load external module",
        "sc_context_create: Unable to load external module (-1414)",
        "[opensc-tool] reader-pcsc.c:822:pcsc_init: returning with: -1414",
        "Failed to establish context: Cannot load module libpcsclite.so.1",
    ],
)
def test_a_module_that_opensc_cannot_load_is_the_library_of_pcsc(text: str) -> None:
    assert first_pages(text)[0] == "GD305"


NOT_RUN = [
    'ERROR exec: "{}": executable file not found in $PATH',
    "fork/exec /usr/bin/{}: no such file or directory",
    "FileNotFoundError: [Errno 2] No such file or directory: '{}'",
    "Errno::ENOENT: No such file or directory - {}",
    "OSError: Unable to run {} (/usr/bin/x) - it may not be available.",
    'java.io.IOException: Cannot run program "{}": error=2, No such file or directory',
    "Error: spawn {} ENOENT",
    "env: \u2018{}\u2019: No such file or directory",
    "make[1]: {}: No such file or directory",
    "bash: /opt/bin/{}: No such file or directory",
    "sudo: {}: command not found",
    "Command '{}' not found, but can be installed with:",
    "fish: Unknown command: {}",
    "'{}' is not recognized as an internal or external command,",
    "which: no {} in (/usr/bin:/bin)",
    "Could not find {} executable",
]


@pytest.mark.parametrize("text", NOT_RUN)
@pytest.mark.parametrize(("program", "page"), [("gpg", "GD307"), ("gpg2", "GD307"), ("scdaemon", "GD306")])
def test_a_program_that_could_not_be_run_is_not_installed(text: str, program: str, page: str) -> None:
    pasted = text.format(program)
    assert first_pages(pasted)[0] == page
    assert first_pages(f"The key was generated, but at the end I got this:\n{pasted}\n")[0] == page
    assert certain(pasted) is None


@pytest.mark.parametrize("program", ["mygpg", "gpg-zip", "libgpg", "gpg.conf", "S.scdaemon"])
@pytest.mark.parametrize("text", NOT_RUN)
def test_another_name_with_that_of_gnupg_in_it_is_no_program_of_gnupg(text: str, program: str) -> None:
    assert not signs.in_line(line_of(text.format(program)))


def test_an_agent_whose_program_is_missing_decides_before_what_follows_from_it() -> None:
    for what in ("agent", "gpg-agent"):
        cause = f"gpg: failed to start {what} '/usr/bin/gpg-agent': No such file or directory"
        found = answer(f"{cause}\ngpg: can't connect to the agent: No such file or directory")
        assert found.deciding is not None and found.deciding.text == cause
        assert found.matches[0].page.id == "GD307"


@pytest.mark.parametrize("cannot", ["Cannot", "Can't", "Could not", "Couldn't", "Unable to", "Failed to"])
@pytest.mark.parametrize("context", ["context", "a context", "PC/SC context", "a PC/SC context"])
@pytest.mark.parametrize("reason", ["", ": Service not available."])
def test_no_context_means_that_pcscd_does_not_serve_it(cannot: str, context: str, reason: str) -> None:
    for prefix in ("", "TypeError: ", "Error: "):
        text = f"{prefix}{cannot} establish {context}{reason}"
        assert set(first_pages(text)) == {"GD301", "GD302", "GD401"}
        assert not answer(text).by_likeness


@pytest.mark.parametrize("text", ["tls: could not establish context of trust", "kerberos: cannot establish context"])
def test_a_context_of_something_else_is_none_of_pcsc(text: str) -> None:
    assert answer(text).by_likeness


def test_no_identities_is_mostly_the_wrong_agent() -> None:
    for text in ("The agent has no identities.", "ssh-add -l\nThe agent has no identities."):
        assert first_pages(text)[0] == "other-ssh-auth-sock"


def test_a_pinentry_without_terminal_keeps_its_place_beside_what_ssh_says() -> None:
    error = "agent 13: pin prompt: unexpected response: ERR 83918950 Inappropriate ioctl for device <Pinentry>"
    for text in (error, f'I got "agent refused operation" and the log had\n{error}'):
        assert {"GD113", "other-agent-refused"} <= set(first_pages(text))


@pytest.mark.parametrize("setting", ["sun.security.smartcardio.library=/usr/lib/libpcsclite.so", "-version"])
def test_no_reader_is_about_readers_whatever_java_was_told(setting: str) -> None:
    assert first_pages(f"# {setting}\nCaused by: PCSCException: SCARD_E_NO_READERS_AVAILABLE")[0] == "GD501"


def test_a_status_that_asks_for_the_pin_is_about_the_pin() -> None:
    assert first_pages("security status not satisfied")[0] == "other-wrong-pin"
    assert certain("opensc-tool: Security status not satisfied") is None


@pytest.mark.parametrize(
    "text",
    [
        "My SD card is not seen. The reader is not detected at all.",
        "I bought a new graphics card. The card is not detected by the system.",
        "The printer does not print. It says the reader cannot find the card.",
        "I put the SD card in the reader and nothing happens. lsusb shows the reader but no card.",
        "cannot establish context: SSL",
        "could not establish context with bluetooth",
    ],
)
def test_another_kind_of_card_or_context_has_no_page(text: str) -> None:
    assert first_pages(text) == []


@pytest.mark.parametrize("text", ["gpg: Can't check signature: No public key", "gpg: foo: skipped: No public key"])
def test_a_key_that_is_missing_for_a_signature_of_others_is_not_certain(text: str) -> None:
    assert "other-no-public-key" in first_pages(text)
    assert certain(text) is None


@pytest.mark.parametrize("line", ["crash " * 330, "scdaemon " * 220, "docker: the x " + "reader " * 280])
def test_lines_of_one_word_are_read_in_linear_time(line: str) -> None:
    """One that is quadratic takes minutes for as much, which ends the test run."""
    answer("\n".join([line] * 300))
