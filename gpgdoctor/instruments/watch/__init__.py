"""Who takes which card when: pcscd asked many times a second, and what its threads did in between.

poll.py looks, attribution.py concludes, naming.py finds the programs, timeline.py keeps what happened,
lines.py and table.py print it.
"""
