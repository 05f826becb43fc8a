"""Check the image of the selector: its science stack works, and its stage loads."""

import numpy as np

from foa_selector.model_choice import choose_line
from foa_selector.plan import SelectionRequest
from foa_selector.quality import steadiness
from foa_selector.stage import STAGE

assert STAGE.request is SelectionRequest
assert choose_line({"dec_2276", "dec_3476"}, 22.0) == "dec_2276"
assert steadiness(np.full(20, 5.0), 0.15) == 1.0
