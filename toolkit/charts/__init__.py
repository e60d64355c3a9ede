"""Tidy frames -> ``alt.Chart``. Charts only draw: every number is computed elsewhere."""
