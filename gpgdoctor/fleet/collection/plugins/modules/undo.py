#!/usr/bin/python
# Copyright (c) The gpgdoctor authors
# SPDX-License-Identifier: MIT
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: undo
short_description: Put back what a fix of gpgdoctor changed
version_added: "0.1.0"
description:
  - Runs C(gpgdoctor undo) on the host, which puts files back byte for byte, and refuses where they were changed since.
  - As root it acts for each account, with that account's rights.
options:
  fixes:
    description:
      - What is taken back, as M(gpgdoctor.fleet.fix) returned it in RV(gpgdoctor.fleet.fix#module:results). Where it was
        taken back before, nothing is changed.
    type: list
    elements: dict
  number:
    description: The number of the fix, instead of O(fixes). Without both, the last fix that is not undone yet.
    type: int
  users:
    description:
      - The accounts, where O(fixes) does not name them; V(all) as in M(gpgdoctor.fleet.fix).
      - Without it, the account that the task runs as. Only root can act for other accounts.
    type: list
    elements: str
  timeout:
    description: Seconds that it may take for one account.
    type: int
    default: 120
  executable:
    description: The gpgdoctor that is run. Root runs only one that nobody else can change.
    type: path
attributes:
  check_mode:
    support: full
    description: Says what would be put back.
  diff_mode:
    support: none
    description: The journal of the host has the files as they were.
author:
  - The gpgdoctor authors (@gpgdoctor)
seealso:
  - module: gpgdoctor.fleet.fix
"""

EXAMPLES = r"""
- name: Take back what a task before has done
  gpgdoctor.fleet.undo:
    fixes: "{{ cured.results }}"
  become: true

- name: Take back alice's last fix
  gpgdoctor.fleet.undo:
    users: [alice]
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
      description: Whether something was put back.
      type: bool
    failed:
      description: Whether it was refused.
      type: bool
    undone:
      description: The number of the fix that was put back.
      type: int
    result:
      description: What gpgdoctor says.
      type: str
  sample:
    - account: alice
      changed: true
      failed: false
      result: Fix 1 is undone.
      undone: 1
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gpgdoctor.fleet.plugins.module_utils.accounts import (
    ARGUMENTS,
    CannotRun,
    Doctor,
    chosen,
    first_line,
    printable,
)

# A line of gpgdoctor undo --list: number, time, state, findings.
ENTRY = re.compile(r"^ *(\d+)  \d{4}-\d\d-\d\d \d\d:\d\d  (\S+)")
UNDOABLE = ("applied", "interrupted")


def undo(module, doctor, account, number):
    result = {"account": account.pw_name, "changed": False, "failed": False, "undone": None}
    try:
        code, out, err = doctor.ask(account, ["undo", "--list"], module.params["timeout"])
        if code != 0:
            raise CannotRun(first_line(err))
        states = {int(found[1]): found[2] for found in map(ENTRY.match, out.splitlines()) if found}
        if number is None:
            number = max((it for it, state in states.items() if state in UNDOABLE), default=None)
        if number is None or states.get(number) not in UNDOABLE:
            known = number is None or number in states
            why = "Nothing is to be undone." if known else "The journal has no fix number %d." % number
            return dict(result, failed=not known, result=why)
        if module.check_mode:
            return dict(result, changed=True, undone=number, result="Fix %d would be undone." % number)
        code, out, err = doctor.ask(account, ["undo", str(number)], module.params["timeout"])
    except CannotRun as error:
        return dict(result, failed=True, result=str(error))
    said = first_line(out if code == 0 else err)
    return dict(result, changed=code == 0, failed=code != 0, undone=number if code == 0 else None, result=said)


def wanted(module):
    """Accounts, and which fix of each."""
    fixes = module.params["fixes"]
    if fixes is None:
        return [(account, module.params["number"]) for account in chosen(module)[0]]
    numbers = {}
    for fix in fixes:
        name, number = fix.get("account"), fix.get("undo")
        if not isinstance(name, str):
            module.fail_json(msg="fixes: each needs the name of an account")
        if isinstance(number, int):
            numbers[name] = number
    module.params["users"] = list(numbers)
    return [(account, numbers[account.pw_name]) for account in chosen(module)[0]] if numbers else []


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            fixes={"type": "list", "elements": "dict"},
            number={"type": "int"},
            timeout={"type": "int", "default": 120},
        ),
        mutually_exclusive=[("fixes", "number"), ("fixes", "users")],
        supports_check_mode=True,
    )
    doctor = Doctor(module)
    results = [undo(module, doctor, account, number) for account, number in wanted(module)]
    answer = {"changed": any(result["changed"] for result in results), "results": results}
    failed = ["%s: %s" % (it["account"], printable(it["result"])) for it in results if it["failed"]]
    if failed:
        module.fail_json(msg=". ".join(failed), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
