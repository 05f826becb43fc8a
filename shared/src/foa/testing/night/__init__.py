"""A synthetic night in the telescope's own formats, made with lstchain's own writers.

It is no simulation of LST-1: images are drawn at the level of their parameters, with the correlations the Random
Forests need, good to a factor of two.  The chain closes on what was injected, and that is what it is for.
"""
