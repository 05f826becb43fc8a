"""The counter, as it declares itself."""

from foa.pipeline import JobService
from foa_counter.plan import announce, plan
from foa_stage.jobs import Resources
from foa_stage.manifests import AnalysisReady

SERVICE = JobService(
    name="counter",
    title="counts results",
    consumes=(AnalysisReady,),
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=200, time_limit_s=60),
    priority=5,
    per_run=False,
    on_daemon_host=True,
)
