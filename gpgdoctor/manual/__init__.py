"""The pages that `explain` prints, and the search for the right one: by id, by a pasted error, by plain words."""

from gpgdoctor.manual.pages import Page, called, pages

__all__ = ["Page", "called", "pages"]
