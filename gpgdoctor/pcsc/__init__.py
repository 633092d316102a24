"""pcsc-lite as it looks from outside: the names of its constants, and what goes over its socket."""
