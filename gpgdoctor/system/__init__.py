"""The primitives that every room shares: processes, sockets, files, children, deadlines."""
