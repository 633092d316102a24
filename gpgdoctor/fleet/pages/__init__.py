"""Templates of the fleet's page, on the base of gpgdoctor/report/pages."""
