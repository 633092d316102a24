"""What the support scripts of distributions run: short shims, and the code that answers them. All policy is here."""
