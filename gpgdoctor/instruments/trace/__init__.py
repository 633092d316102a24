"""PC/SC calls, read along on their way: a proxy on pcscd's socket, what the calls were, and what they mean."""
