"""The lab: real pcscd, gpg and scdaemon on virtual readers and cards, in namespaces of their own.

``with Lab(catalogue.BY_NAME["shared-holder"]) as lab: lab.run(["gpg", "--card-status"])``
"""

from __future__ import annotations
