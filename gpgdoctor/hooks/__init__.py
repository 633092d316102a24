"""What the support scripts of distributions run: short shims, and what serves them. All policy is here, not in them."""
