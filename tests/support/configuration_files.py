"""Random configuration files for scdaemon: right, wrong and odd."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FLAGS = (
    *("disable-ccid", "pcsc-shared", "deny-admin", "allow-admin", "disable-pinpad", "enable-pinpad-varlen", "verbose"),
    *("quiet", "debug-all", "debug-log-tid", "disable-keypad"),
)
WITH_VALUE = (
    *("reader-port", "pcsc-driver", "ctapi-driver", "disable-application", "application-priority", "log-file", "debug"),
    *("options", "card-timeout", "listen-backlog", "debug-assuan-log-cats", "debug-level"),
)
NOT_FOR_FILES = ("Monitor", "Configuration", "help", "version", "no-options", "dump-options")
TYPOS = (
    *(
        "pcsc-sharedd",
        "Disable-CCID",
        "disable-cc",
        "shared-access",
        "no-disable-ccid",
        "disable\u2013ccid",
        "foo",
        "--",
    ),
)
VALUES = """\
foo|0|5|-5| -5|+3|9x|08|077|0x1f|2147483647|2147483648|-2147483649|18446744073709551615|18446744073709551616
Yubico Yubi|1050:0407:X:0|= foo|foo # bar|'x'|"|""|"a b"|" a "|"a|a"|"a"b"|"-3"|a:b%c,d|\u00fc|$x|${y}
none|guru|help|?""".replace("\n", "|").split("|")
BLANKS = st.sampled_from(["", " ", "\t", "  ", "\v", "\f", "\r", " \t "])
GAPS = st.sampled_from([" ", "\t", "  ", "\r", " \f"])
NAMES = st.sampled_from((*FLAGS, *WITH_VALUE, *NOT_FOR_FILES, *TYPOS))
META = st.sampled_from(
    """\
[force]|[-force]|[+force]|[force] # why|[force] x|[force x]|[force|[ignore]|[-ignore]|[ignore-all]
[user]|[user *]|[user root]|[user ROOT]|[ user  root ]|[user nobody]|[verbose]|[-verbose]|[echo x y]|[info $_user]
[expand]|[-expand]|[let]|[let x 1]|[let x disable]|[-let x]|[else]|[fi]|[if]|[if $x]|[if $x = 1]
[command-mode]|[-command-mode]|[scdaemon]|[]|[ ]|[]x""".replace("\n", "|").split("|")
)


def text(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    return strategy.map(lambda line: line.encode())


WELL_FORMED = st.one_of(
    st.builds("{}{}{}".format, BLANKS, st.sampled_from(FLAGS), BLANKS),
    st.builds("{}{}{}{}{}".format, BLANKS, st.sampled_from(WITH_VALUE), GAPS, st.sampled_from(VALUES), BLANKS),
)
MALFORMED = st.one_of(
    st.builds(
        "{}{}".format,
        st.sampled_from(FLAGS),
        st.sampled_from([" # note", "=1", " yes", "\u00a0", ";", "x", "\0x", "\0 x"]),
    ),
    st.builds(
        "{}{}{}".format,
        BLANKS,
        st.sampled_from(WITH_VALUE),
        st.sampled_from(["", " ", "=x", "\u00a0x", " \0x", " x\0y "]),
    ),
    st.builds("{}{}".format, st.sampled_from(["--", "-", "; ", "\0", "\ufeff", "\u00a0"]), NAMES),
    st.builds("{}{}{}".format, NAMES, BLANKS, st.text(max_size=12)),
)
ODD = st.one_of(
    st.sampled_from(
        ["", "#", "# disable-ccid", "  # x", "#[force]", "alias", "alias ", "alias x y", "alias x " + "y" * 97]
    ),
    st.builds("alias {}{}".format, st.text(alphabet="ab \t", min_size=94, max_size=104), st.just("")),
    st.lists(NAMES, max_size=3).map(lambda names: " ".join(["ignore-invalid-option", *names])),
    st.builds(
        "{}{}".format, st.text(alphabet="xy[", min_size=96, max_size=104), st.sampled_from(["", " ", "] ", " y"])
    ),
    st.builds("[{}{}".format, st.text(alphabet="xy ", min_size=94, max_size=104), st.sampled_from(["", "]", "] #"])),
)
LINES = st.one_of(
    text(WELL_FORMED),
    text(WELL_FORMED),
    text(MALFORMED),
    text(ODD),
    text(META),
    st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
)
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\n\n"])


def sharing() -> st.SearchStrategy[bytes]:
    return text(st.builds("{}pcsc-shared{}".format, BLANKS, st.one_of(BLANKS, st.sampled_from([" #", "\0", "=1"]))))


@st.composite
def files(draw: st.DrawFn, real_option: st.SearchStrategy[bytes] = text(WELL_FORMED)) -> bytes:  # noqa: B008
    """Half of them contain a real option."""
    lines = [line + draw(ENDS) for line in draw(st.lists(LINES, max_size=8))]
    if draw(st.booleans()):
        place = draw(st.integers(min_value=0, max_value=len(lines)))
        lines.insert(place, draw(real_option) + draw(st.sampled_from([b"\n", b"\r\n"])))
    content = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])) + b"".join(lines)
    return content.rstrip(b"\r\n") if draw(st.booleans()) else content


# Few options, so that both files speak of the same ones.
FAMILIAR = text(
    st.builds(
        "{}{}{}".format,
        BLANKS,
        st.sampled_from(("disable-ccid", "pcsc-shared", "verbose", "reader-port a", "reader-port b", "card-timeout 5")),
        st.sampled_from(["", "", "", " ", "\r", " # note", "x"]),
    )
)
SECTIONS = st.sampled_from(
    b"[force]|[-force]|[ignore]|[-ignore]|[ignore-all]|[user *]|[user root]|[user nobody]"
    b"|[if $x]|[let x 1]|[else]|[fi]|[verbose]".split(b"|")
)
SECTIONED_FILES = st.lists(st.one_of(FAMILIAR, SECTIONS), max_size=10).map(b"\n".join)
USER_FILES = st.one_of(files(), files(FAMILIAR), SECTIONED_FILES)
GLOBAL_FILES = st.one_of(st.none(), files(), SECTIONED_FILES, SECTIONED_FILES)


def often(cases: int) -> settings:
    """For tests that run a program for each case, and share a directory."""
    return settings(
        max_examples=cases,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
