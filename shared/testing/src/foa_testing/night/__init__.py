"""A synthetic night in the telescope's own formats, made with lstchain's own writers.

It is no simulation of LST-1: images are drawn at the level of their parameters, with the
correlations that the Random Forests need, and rates that are right to a factor of two.  Its use is
to run the whole chain and compare what comes out with what was injected.
"""
