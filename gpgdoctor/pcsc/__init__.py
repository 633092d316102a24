"""pcsc-lite as seen from outside: the names of its constants, and the messages on its socket."""
