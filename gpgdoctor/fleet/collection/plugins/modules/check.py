#!/usr/bin/python
# Copyright (c) The gpgdoctor authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: check
short_description: Look why GnuPG's scdaemon cannot reach a smart card
version_added: "0.1.0"
description:
  - Runs C(gpgdoctor check) on the host and returns its documents. Nothing is changed, and no daemon is started.
  - As root it looks for each account of O(users), with that account's rights.
options:
  users:
    description:
      - The accounts to look for; V(all) for people with a log-in, a session or a running daemon of GnuPG.
      - Without it, the account that the task runs as. Only root can look for other accounts.
    type: list
    elements: str
  redact:
    description: Whether names, serial numbers and homes are replaced by aliases before a document leaves the host.
    type: bool
    default: true
  fail_on:
    description: The lowest severity of a finding that makes the task fail; V(none) never lets it fail for a finding.
    type: str
    choices: [none, info, warning, error]
    default: none
  ignore:
    description: Findings that are reported and do not count.
    type: list
    elements: str
    default: []
  probe:
    description: Whether readers that are in use may be connected to, to learn whether a transaction is held.
    type: bool
    default: true
  timeout:
    description: Seconds that the look for one account may take.
    type: int
    default: 5
  executable:
    description: The gpgdoctor that is run. Root runs only one that nobody else can change.
    type: path
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: There is nothing to differ.
author:
  - The gpgdoctor authors (@gpgdoctor)
seealso:
  - module: gpgdoctor.fleet.fix
"""

EXAMPLES = r"""
- name: Look for everybody on this machine
  gpgdoctor.fleet.check:
    users: all
  become: true
  register: look

- name: Fail where alice's card cannot be reached
  gpgdoctor.fleet.check:
    users: [alice]
    fail_on: error
  become: true
"""

RETURN = r"""
documents:
  description:
    - What C(gpgdoctor check --json) prints, one for each account that could be looked for.
    - In each, C(account) is the account's name, or a number in its place where the document is redacted.
  returned: always
  type: list
  elements: dict
  sample:
    - account: account 1
      complete: true
      findings:
        - id: GD202
          name: shared-holder-blocks-scdaemon
          severity: error
      verdict: findings
accounts:
  description: The same in short.
  returned: always
  type: list
  elements: dict
  sample:
    - account: account 1
      verdict: findings
      findings: [GD202]
not_looked_at:
  description: Accounts for which there is no document, with the reason.
  returned: always
  type: list
  elements: dict
  sample: []
accounts_left_out:
  description: How many accounts were beyond the limit of 50.
  returned: always
  type: int
  sample: 0
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gpgdoctor.fleet.plugins.module_utils.accounts import (
    ARGUMENTS,
    OUTPUT_LIMIT_BYTES,
    CannotRun,
    Doctor,
    chosen,
    decoded,
    printable,
)

GRACE_S = 15


def look(module, doctor, account, path):
    params = module.params
    arguments = ["check", "--json", "--timeout", str(params["timeout"])]
    for id in params["ignore"]:
        arguments += ["--ignore", id]
    if not params["probe"]:
        arguments.append("--no-probe")
    if params["fail_on"] != "none":
        arguments += ["--fail-on", params["fail_on"]]
    if not params["redact"]:
        return doctor.document(account, arguments, params["timeout"] + GRACE_S)[1]
    code, out, err = doctor.ask(account, arguments + ["--save", path], params["timeout"] + GRACE_S)
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as snapshot:
            return decoded(snapshot.read(OUTPUT_LIMIT_BYTES), "exit code %d" % code)
    except OSError:
        decoded(out, "exit code %d, %s" % (code, printable(err.strip().split("\n")[-1])))
        raise CannotRun("gpgdoctor did not save the document")


def in_short(document):
    findings = [it for it in document.get("findings") or [] if isinstance(it, dict) and not it.get("ignored")]
    ids = {str(it.get("id")) for it in findings}
    return {"account": document["account"], "verdict": document.get("verdict"), "findings": sorted(ids)}


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            redact={"type": "bool", "default": True},
            fail_on={"type": "str", "choices": ["none", "info", "warning", "error"], "default": "none"},
            ignore={"type": "list", "elements": "str", "default": []},
            probe={"type": "bool", "default": True},
            timeout={"type": "int", "default": 5},
        ),
        supports_check_mode=True,
    )
    if not 0 < module.params["timeout"] <= 3600:
        module.fail_json(msg="timeout: more than 0 and at most 3600 seconds are expected")
    doctor = Doctor(module)
    accounts, left_out = chosen(module)
    documents, missing = [], []
    for number, account in enumerate(accounts, 1):
        name = "account %d" % number if module.params["redact"] else account.pw_name
        try:
            document = look(module, doctor, account, os.path.join(module.tmpdir, "look-%d.json" % number))
        except CannotRun as error:
            missing.append({"account": name, "reason": str(error)})
        else:
            documents.append(dict(document, account=name))
    result = {
        "changed": False,
        "documents": documents,
        "accounts": [in_short(document) for document in documents],
        "not_looked_at": missing,
        "accounts_left_out": left_out,
    }
    sick = [it for it in result["accounts"] if it["verdict"] == "findings"]
    if module.params["fail_on"] != "none" and sick:
        summary = "; ".join("%s: %s" % (it["account"], ", ".join(it["findings"])) for it in sick)
        module.fail_json(msg="found: %s" % summary, **result)
    if missing and not documents:
        module.fail_json(msg=missing[0]["reason"], **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
