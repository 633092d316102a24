"""Turns a diagnosis into text, JSON, Markdown, HTML or a line for Nagios. Nothing here looks at the machine."""
