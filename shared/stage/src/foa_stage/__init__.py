"""The stage library: all that a stage process loads besides its own package."""
