"""A diagnosis in, a string out: text, JSON, Markdown, Nagios. Nothing here looks at the machine."""
