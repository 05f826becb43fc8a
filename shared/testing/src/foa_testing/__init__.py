"""Fakes that are products: nothing at run time depends on them."""
