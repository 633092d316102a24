#!/usr/bin/python
# Copyright (c) The gpgdoctor authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: fix
short_description: Cure what keeps GnuPG's scdaemon from a smart card
version_added: "0.1.0"
description:
  - Runs C(gpgdoctor fix --yes) on the host. Cures are tried, applied, verified, and put back where they do not help.
  - A second run changes nothing.
  - As root it acts for each account of O(users), with that account's rights.
options:
  ids:
    description:
      - The findings to cure, as ids or names. Without it, every safe or costly cure of a finding at warning or above.
    type: list
    elements: str
    default: []
  users:
    description:
      - The accounts to cure; V(all) for people with a log-in, a session or a running daemon of GnuPG.
      - Without it, the account that the task runs as. Only root can act for other accounts.
    type: list
    elements: str
  keep_agent:
    description: Whether scdaemon is restarted alone, so that gpg-agent keeps its cached passphrases.
    type: bool
    default: false
  timeout:
    description: Seconds that the fix for one account may take. At the end it is interrupted, and puts back what it did.
    type: int
    default: 120
  executable:
    description: The gpgdoctor that is run. Root runs only one that nobody else can change.
    type: path
attributes:
  check_mode:
    support: full
    description: The plan is made as by C(gpgdoctor fix --dry-run); nothing is tried and nothing written.
  diff_mode:
    support: full
    description: The diffs are those of the plan, with the lines and paths as they are on the host.
author:
  - The gpgdoctor authors (@gpgdoctor)
seealso:
  - module: gpgdoctor.fleet.check
  - module: gpgdoctor.fleet.undo
"""

EXAMPLES = r"""
- name: Cure one finding for everybody on this machine
  gpgdoctor.fleet.fix:
    ids: [GD202]
    users: all
  become: true
  register: cured

- name: Take it back
  gpgdoctor.fleet.undo:
    fixes: "{{ cured.results }}"
  become: true
"""

RETURN = r"""
results:
  description: What became of each account, by its name.
  returned: always
  type: list
  elements: dict
  contains:
    account:
      description: The account.
      type: str
    changed:
      description: Whether something was changed and stays changed.
      type: bool
    failed:
      description: Whether a step was refused, an error is left, or the cure was put back.
      type: bool
    result:
      description: The last line of C(gpgdoctor fix).
      type: str
    refused:
      description: Steps that were refused, with the reason.
      type: list
      elements: dict
    left:
      description: Findings that are left.
      type: list
      elements: str
    verified:
      description: Whether the cure is proved.
      type: bool
    undo:
      description: The number for M(gpgdoctor.fleet.undo).
      type: int
  sample:
    - account: alice
      changed: true
      failed: false
      left: []
      refused: []
      result: "Fixed and verified: GD202. To take it back: gpgdoctor undo 1"
      undo: 1
      verified: true
accounts_left_out:
  description: How many accounts were beyond the limit of 50.
  returned: always
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gpgdoctor.fleet.plugins.module_utils.accounts import (
    ARGUMENTS,
    CannotRun,
    Doctor,
    chosen,
    printable,
)

FIXED = 0
PUT_BACK = 4
INTERRUPTED = 130


def fix(module, doctor, account, diffs):
    arguments = ["fix", "--json", "--dry-run" if module.check_mode else "--yes"]
    if module.params["keep_agent"]:
        arguments.append("--keep-agent")
    result = {"account": account.pw_name, "changed": False, "failed": True, "undo": None, "verified": None}
    try:
        code, document = doctor.document(account, arguments + ["--"] + module.params["ids"], module.params["timeout"])
    except CannotRun as error:
        return dict(result, refused=[], left=[], result=str(error))
    plan = [step for step in document.get("plan") or [] if isinstance(step, dict)]
    steps = [step for step in plan if step.get("kind") in ("edit", "restart")]
    applied = document.get("applied") is True and code not in (PUT_BACK, INTERRUPTED)
    result["changed"] = bool(steps) if module.check_mode else applied
    result["failed"] = code != FIXED
    if result["changed"]:
        diffs += [{"prepared": str(step.get("diff"))} for step in steps if step["kind"] == "edit"]
    for name in ("refused", "left", "undo", "verified"):
        result[name] = document.get(name)
    result["result"] = printable(str(document.get("result")))
    return result


def failure_of(result):
    """Why it failed, for people who read one line for each host."""
    refused = ["%s: %s" % (it.get("id"), it.get("reason")) for it in result["refused"] or [] if isinstance(it, dict)]
    return "%s: %s" % (result["account"], printable("; ".join(refused) or result["result"]))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            ids={"type": "list", "elements": "str", "default": []},
            keep_agent={"type": "bool", "default": False},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    doctor = Doctor(module)
    accounts, left_out = chosen(module)
    diffs = []
    results = [fix(module, doctor, account, diffs) for account in accounts]
    answer = {
        "changed": any(result["changed"] for result in results),
        "results": results,
        "accounts_left_out": left_out,
    }
    # Lines of somebody's file, which only those who ask for the diff are to see.
    if module._diff and diffs:
        answer["diff"] = diffs
    failed = [failure_of(result) for result in results if result["failed"]]
    if failed:
        module.fail_json(msg=". ".join(failed), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
