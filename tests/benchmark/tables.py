"""Tables of what was measured, and of the budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.benchmark.timing import Timings

TITLE_WIDTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    title: str
    value: float | None  # None: it could not be measured
    limit: float
    unit: str  # "x" for a ratio

    @property
    def met(self) -> bool:
        return self.value is not None and self.value <= self.limit


def ratio(title: str, one: Timings, other: Timings, limit: float) -> Budget:
    """How much longer one takes than the other."""
    known = bool(one.seconds and other.seconds)
    return Budget(title=title, value=one.median_s / other.median_s if known else None, limit=limit, unit="x")


def times(heading: str, rows: Iterable[Timings], unit: Timings) -> Iterator[str]:
    """Medians, and their ratio to one of the rows."""
    yield ""
    yield f"{heading:<{TITLE_WIDTH}} median    ratio  processor  peak"
    for row in rows:
        title = f"{row.title:<{TITLE_WIDTH}}"
        if not row.seconds:
            yield f"{title} {row.failed or 'not run'}"
            continue
        scale = f"{row.median_s / unit.median_s:5.2f} x" if unit.seconds else ""
        processor_ms = sorted(row.processor_s)[len(row.processor_s) // 2] * 1000
        yield f"{title}{row.median_s * 1000:7.1f} ms{scale:>8}{processor_ms:8.0f} ms{row.peak_mb:6.0f} MB"


def budgets(rows: Iterable[Budget]) -> Iterator[str]:
    yield ""
    yield f"{'Budgets':<{TITLE_WIDTH}}measured   at most"
    for row in rows:
        measured = "not measured" if row.value is None else f"{row.value:7.2f} {row.unit}"
        yield f"{row.title:<{TITLE_WIDTH}}{measured}{row.limit:8.2f} {row.unit}   {'met' if row.met else 'MISSED'}"
