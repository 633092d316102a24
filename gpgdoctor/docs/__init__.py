"""Man pages and shell completions, generated from the command line itself, as files."""
