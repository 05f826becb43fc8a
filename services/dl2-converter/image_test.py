"""Check the image of the dl2-converter: its science stack works, and its stage loads."""

import numpy as np
import pandas as pd
from lstchain.reco.utils import get_effective_time
from sklearn.ensemble import RandomForestRegressor

from foa_dl2_converter.layout import flatten
from foa_dl2_converter.plan import Dl2Request
from foa_dl2_converter.stage import STAGE

assert STAGE.request is Dl2Request
time = np.cumsum(np.random.default_rng(0).exponential(1e-3, 1000))
delays = np.diff(time, prepend=0)
events = pd.DataFrame({"event_type": 32, "dragon_time": time, "delta_t": delays})
effective, elapsed = get_effective_time(events)
assert 0 < effective <= elapsed
forest = RandomForestRegressor(n_estimators=3, random_state=0).fit(time[:, None], time)
assert (flatten(forest).predict(time[:, None]) == forest.predict(time[:, None])).all()
