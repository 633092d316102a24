"""Many machines: an Ansible collection that checks and cures them, and one report from their documents."""
