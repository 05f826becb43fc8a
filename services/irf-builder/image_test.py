"""Check the image of the irf-builder: its science stack works, and its stage loads."""

import astropy.units as u
import numpy as np
from pyirf.irf import effective_area

from foa_irf_builder.plan import IrfRequest
from foa_irf_builder.stage import STAGE

assert STAGE.request is IrfRequest
area = effective_area(np.array([5, 50]), np.array([100, 100]), 1e6 * u.m**2)
assert np.allclose(area.to_value("m2"), [5e4, 5e5])
