"""Whether a page is whole, and holds nothing that acts: told by a parser, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br"}
HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "main", "footer", "article", "figure", "h1", "h2", "h3", "h4"),
    *("p", "br", "pre", "code", "span", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
    *(
        "section",
        "div",
        "a",
        "details",
        "summary",
        "svg",
        "desc",
        "rect",
        "polyline",
        "text",
        "g",
        "circle",
        "path",
        "line",
    ),
}
LEADING_OUT = {"href", "src", "srcset", "action", "xlink:href", "data", "style", "http-equiv", "ping", "background"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS:
            self.problems.append(f"<{tag}>")
        for name, value in attributes:
            is_policy = (tag, name, value) == ("meta", "http-equiv", "Content-Security-Policy")
            is_within = (tag, name) == ("a", "href") and (value or "").startswith("#")
            if (name in LEADING_OUT and not is_policy and not is_within) or name.startswith("on"):
                self.problems.append(f"<{tag} {name}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> within <{self.open[-1] if self.open else 'nothing'}>")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.problems.append("a comment")


def problems(page: str) -> list[str]:
    """Everything about its markup that is not as it should be."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return [*reader.problems, *(f"<{tag}> is not closed" for tag in reader.open)]


def text_of(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    return "".join(reader.text)
