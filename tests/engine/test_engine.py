"""What the engine makes of rules, shown with rules that are made up: folding, order, verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gpgdoctor.diagnosis import Diagnosis, Verdicts, diagnose
from gpgdoctor.facts import Facts, NotKnown, Unknown, known
from gpgdoctor.rules.rule import (
    Cause,
    Explained,
    Found,
    Holds,
    NotApplicable,
    Rule,
    Severity,
    Subject,
    headed_by,
    hidden_by,
)
from gpgdoctor.rules.rule import readers as each_reader
from gpgdoctor.system.record import replace
from gpgdoctor.wording import text
from tests.support.build import IN_USE, NITROKEY, YUBIKEY, machine

TWO_READERS = machine(readers=(IN_USE, replace(IN_USE, name=NITROKEY)))


def a_rule(id: str, judge: Callable[..., Found | None], *causes: Cause, **more: Any) -> Rule:
    parts: dict[str, Any] = {
        "worst": "error",
        "each": None,
        "earlier": (),
        "no_subject": text("there is nothing"),
        **more,
    }
    return Rule(id=id, name=id.lower(), title=f"{id} holds.", judge=judge, causes=causes, **parts)


def finds(severity: Severity = "error", **more: Any) -> Callable[..., Found]:
    return lambda *_: Found(severity=severity, summary=text("It is so."), because=(), **more)


def finds_on(name: str) -> Callable[[Facts, int], Found | None]:
    return lambda facts, index: finds()() if known(facts.readers)[index].name == name else None


def passes(*_: Any) -> None:
    return None


def must_not_be_judged(*_: Any) -> None:
    raise AssertionError("it was judged")


def fails_to_know(*_: Any) -> None:
    raise NotKnown(Unknown.because("nobody looked"))


def judged(*rules: Rule, facts: Facts = TWO_READERS, **how: Any) -> Diagnosis:
    return diagnose(facts, rules={rule.id: rule for rule in rules}, **how)


def outcome(diagnosis: Diagnosis) -> list[tuple[str, str | None, str, str | None]]:
    return [(it.rule.id, it.subject, it.status, str(it.reason) if it.reason else None) for it in diagnosis.checks]


# -- folding -----------------------------------------------------------------------------------------------------


def test_a_cause_hides_a_rule_that_stands_before_it() -> None:
    diagnosis = judged(a_rule("A", must_not_be_judged, *hidden_by("B")), a_rule("B", finds()))
    assert outcome(diagnosis) == [("A", None, "skipped", "explained by B"), ("B", None, "fail", None)]
    assert diagnosis.checks[0].explained_by == "B"


def test_what_is_not_found_hides_nothing() -> None:
    for judge in (passes, fails_to_know):
        diagnosis = judged(a_rule("A", finds(), *hidden_by("B")), a_rule("B", judge))
        assert [it.id for it in diagnosis.findings] == ["A"]


def test_a_cause_that_is_too_mild_hides_nothing() -> None:
    for severity, status in (("info", "fail"), ("warning", "skipped"), ("error", "skipped")):
        diagnosis = judged(
            a_rule("A", finds(), *hidden_by("B", at_least="warning")),
            a_rule("B", finds(severity)),  # type: ignore[arg-type]
        )
        assert diagnosis.checks[0].status == status


def test_what_is_for_information_explains_nothing_worse() -> None:
    for severity, expected in (("info", ["B"]), ("warning", ["A", "B"]), ("error", ["A", "B"])):
        for each in (None, each_reader):
            worse = a_rule("A", finds(severity), *hidden_by("B"), each=each)  # type: ignore[arg-type]
            diagnosis = judged(worse, a_rule("B", finds("info")))
            assert sorted({it.id for it in diagnosis.findings}) == expected
    for judge in (passes, fails_to_know):
        diagnosis = judged(a_rule("A", judge, *hidden_by("B")), a_rule("B", finds("info")))
        assert outcome(diagnosis)[0] == ("A", None, "skipped", "explained by B")


def test_it_does_where_gpg_goes_another_way_because_of_it() -> None:
    diagnosis = judged(a_rule("A", finds(), *hidden_by("B")), a_rule("B", finds("info", diverts=True)))
    assert [it.id for it in diagnosis.findings] == ["B"]


def test_the_worst_of_several_causes_explains() -> None:
    causes = (a_rule("B", finds("info")), a_rule("C", finds("error")))
    diagnosis = judged(a_rule("A", finds(), *hidden_by("B", "C")), *causes)
    assert outcome(diagnosis)[0] == ("A", None, "skipped", "explained by C")


def test_a_rule_may_name_an_earlier_finding_that_explains_what_it_would_find() -> None:
    def explained(_: Facts, verdicts: Verdicts) -> Found | None:
        raise Explained("B") if verdicts.found("B") else AssertionError

    diagnosis = judged(a_rule("A", explained, earlier=("B",)), a_rule("B", finds()))
    assert outcome(diagnosis)[0] == ("A", None, "skipped", "explained by B")
    assert diagnosis.checks[0].explained_by == "B"


def test_a_cause_that_keeps_a_daemon_from_starting_is_told_from_one_that_does_not() -> None:
    relation = hidden_by("B", stopping="scdaemon")
    for stops, status in ((None, "fail"), ("gpg-agent", "fail"), ("scdaemon", "skipped")):
        diagnosis = judged(a_rule("A", finds(), *relation), a_rule("B", finds(stops=stops)))
        assert diagnosis.checks[0].status == status


def test_a_fault_of_one_reader_says_nothing_about_another() -> None:
    relations = hidden_by("B")
    diagnosis = judged(
        a_rule("A", finds(), *relations, each=each_reader), a_rule("B", finds_on(NITROKEY), each=each_reader)
    )
    assert [(it.id, it.subject) for it in diagnosis.findings] == [("A", YUBIKEY), ("B", NITROKEY)]


def test_a_fault_of_something_else_concerns_every_reader_and_a_readers_fault_the_machine() -> None:
    def file(_: Facts) -> list[Subject]:
        return [Subject(name=text("a file"))]

    of_a_file = judged(a_rule("A", finds(), *hidden_by("B"), each=each_reader), a_rule("B", finds(), each=file))
    assert [it.id for it in of_a_file.findings] == ["B"]
    of_a_reader = judged(a_rule("A", finds(), *hidden_by("B")), a_rule("B", finds_on(NITROKEY), each=each_reader))
    assert [it.id for it in of_a_reader.findings] == ["B"]


def test_what_is_hidden_hides_nothing() -> None:
    diagnosis = judged(
        a_rule("A", finds(), *hidden_by("B")), a_rule("B", finds(), *hidden_by("C")), a_rule("C", finds())
    )
    assert [it.id for it in diagnosis.findings] == ["A", "C"]


def test_a_cause_heads_its_consequence_whichever_is_judged_first() -> None:
    both = judged(a_rule("A", finds(), *headed_by("B")), a_rule("B", finds("info"), *hidden_by("A", at_least="error")))
    assert [(it.id, it.consequence_of) for it in both.findings] == [("A", None)]
    both = judged(a_rule("A", finds(), *headed_by("B")), a_rule("B", finds("info")))
    assert [(it.id, it.consequence_of) for it in both.findings] == [("B", None), ("A", "B")]


def test_the_first_cause_is_the_one_that_is_named() -> None:
    rules = a_rule("A", finds(), *hidden_by("C", "B")), a_rule("B", finds()), a_rule("C", finds())
    assert judged(*rules).checks[0].explained_by == "C"


# -- subjects ----------------------------------------------------------------------------------------------------


def test_where_there_is_no_subject_the_rule_is_skipped_and_where_it_holds_without_any_it_passes() -> None:
    diagnosis = judged(
        a_rule("A", must_not_be_judged, each=lambda _: []),
        a_rule("B", must_not_be_judged, each=lambda _: Holds(why=text("nobody is there"))),
        a_rule("C", must_not_be_judged, each=fails_to_know),
    )
    assert outcome(diagnosis) == [
        ("A", None, "skipped", "there is nothing"),
        ("B", None, "pass", "nobody is there"),
        ("C", None, "unknown", "nobody looked"),
    ]


def test_what_does_not_apply_is_told_from_what_was_switched_off() -> None:
    def not_applicable(*_: Any) -> None:
        raise NotApplicable(text("there is no card"))

    def switched_off(*_: Any) -> None:
        raise NotApplicable(text("the caller does not want it"), switched_off=True)

    diagnosis = judged(a_rule("A", not_applicable), a_rule("B", switched_off))
    assert [(it.status, it.switched_off) for it in diagnosis.checks] == [("skipped", False), ("skipped", True)]


# -- verdicts of earlier rules -----------------------------------------------------------------------------------


def test_a_rule_is_given_the_verdicts_it_asks_for() -> None:
    def if_found(_: Facts, verdicts: Verdicts) -> Found | None:
        return finds()() if verdicts.found("B") and verdicts.status("C") == {"unknown"} else None

    others = a_rule("B", finds("info")), a_rule("C", fails_to_know)
    assert "A" in {it.id for it in judged(a_rule("A", if_found, earlier=("B", "C")), *others).findings}


def test_a_verdict_that_was_not_asked_for_is_refused() -> None:
    def curious(_: Facts, verdicts: Verdicts) -> None:
        verdicts.found("C")

    with pytest.raises(KeyError, match="C is not in `earlier`"):
        judged(a_rule("A", curious, earlier=("B",)), a_rule("B", passes), a_rule("C", passes))


# -- order and verdict -------------------------------------------------------------------------------------------


def test_findings_stand_in_the_order_of_their_severity_and_checks_in_that_of_their_ids() -> None:
    diagnosis = judged(
        a_rule("A", finds("info")),
        a_rule("B", finds("error"), *headed_by("D")),
        a_rule("C", finds("warning")),
        a_rule("D", finds("error")),
    )
    assert [it.id for it in diagnosis.findings] == ["D", "C", "A", "B"]
    assert [it.rule.id for it in diagnosis.checks] == ["A", "B", "C", "D"]


def test_a_finding_may_stand_after_another_that_is_as_severe() -> None:
    order = [("A", finds(after="B")), ("B", finds()), ("C", finds("warning", after="B"))]
    assert [it.id for it in judged(*(a_rule(id, judge) for id, judge in order)).findings] == ["B", "A", "C"]


@pytest.mark.parametrize(
    ("rules", "how", "verdict", "complete"),
    [
        ([a_rule("A", passes)], {}, "healthy", True),
        ([a_rule("A", finds("info"))], {}, "healthy", True),
        ([a_rule("A", finds("info"))], {"fail_on": "info"}, "findings", True),
        ([a_rule("A", finds("warning"))], {}, "findings", True),
        ([a_rule("A", finds("warning"))], {"fail_on": "error"}, "healthy", True),
        ([a_rule("A", finds())], {"ignore": ["A"]}, "healthy", True),
        ([a_rule("A", finds(), *headed_by("B")), a_rule("B", finds())], {"ignore": ["B"]}, "healthy", True),
        ([a_rule("A", fails_to_know)], {}, "incomplete", False),
        ([a_rule("A", fails_to_know, worst="info")], {}, "healthy", True),
        ([a_rule("A", fails_to_know)], {"ignore": ["A"]}, "healthy", True),
        ([a_rule("A", fails_to_know), a_rule("B", finds())], {}, "findings", False),
    ],
)
def test_the_verdict(rules: list[Rule], how: dict[str, Any], verdict: str, complete: bool) -> None:
    diagnosis = judged(*rules, **how)
    assert (diagnosis.verdict, diagnosis.complete) == (verdict, complete)
