"""The daemons on real servers under random faults, with a check that uses none of their code."""
