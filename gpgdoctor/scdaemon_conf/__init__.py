"""scdaemon.conf, gpg-agent.conf and common.conf as the installed programs read them. No input, no output.

Import from the modules themselves: most machines have little to read, and nothing to change.
"""
