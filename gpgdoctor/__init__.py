"""gpgdoctor: finds out why GnuPG's scdaemon cannot reach a smart card, and cures it."""

__version__ = "0.2.0"
