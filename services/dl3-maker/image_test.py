"""Check the image of the dl3-maker: its science stack works, and its stage loads."""

import numpy as np
from lstchain.high_level import get_pointing_params
from pyirf.interpolation import GridDataInterpolator

from foa_dl3_maker.nodes import Interpolated, locate
from foa_dl3_maker.plan import Dl3Request
from foa_dl3_maker.stage import STAGE

assert STAGE.request is Dl3Request
assert callable(get_pointing_params)
nodes = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
assert isinstance(locate(np.array([0.2, 0.2]), nodes, ("a", "b", "c")), Interpolated)
middle = GridDataInterpolator(nodes, np.array([[0.0], [3.0], [6.0]]))(np.array([[1 / 3, 1 / 3]]))
assert np.allclose(middle, 3.0)
