"""Check the image of the analyzer: its science stack works, and its stage loads."""

from baccmod import RadialAcceptanceMapCreator
from gammapy.stats import WStatCountsStatistic

from foa_analyzer.counting import count
from foa_analyzer.request import AnalysisRequest
from foa_analyzer.stage import STAGE

assert STAGE.request is AnalysisRequest
assert callable(RadialAcceptanceMapCreator)
significance = count(120, 300, 1 / 3).significance
assert significance is not None
assert abs(significance - WStatCountsStatistic(120, 300, 1 / 3).sqrt_ts) < 1e-9
