"""The only code that looks at the machine. One module per source; none raises outward, none outlives its deadline."""
