"""What happens over time: trace shows the PC/SC calls of a program as they are made."""
