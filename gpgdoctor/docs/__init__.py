"""What packagers and shells get out of the command line itself: man pages and completions, written as files."""
