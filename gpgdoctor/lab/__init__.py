"""A virtual machine room: real pcscd, gpg and scdaemon, virtual readers and cards, in private namespaces."""
