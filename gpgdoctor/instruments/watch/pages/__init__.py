"""The template of the page, beside what fills it (page.py)."""
