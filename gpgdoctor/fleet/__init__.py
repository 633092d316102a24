"""Many machines: an Ansible collection that asks and cures them, and one report out of their documents."""
