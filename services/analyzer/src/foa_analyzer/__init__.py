"""The analyzer: significance, sky maps, spectrum, light curve and report."""
