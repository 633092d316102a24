"""PC/SC calls as they happen: a proxy on pcscd's socket, a decoder, and what the calls mean."""
