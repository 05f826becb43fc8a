"""The declaration of the selector."""

from foa.pipeline import JobService
from foa_selector.plan import NAME, announce, plan
from foa_stage.jobs import Resources
from foa_stage.manifests import RequestFailed, RequestSubmitted, RunFailed, RunSelected

SERVICE = JobService(
    name=NAME,
    title="finds and grades the runs of a request, and chooses their models",
    consumes=(RequestSubmitted,),
    announces=(RunSelected, RunFailed),
    fails_with=RequestFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=2000, time_limit_s=900),
    priority=5,
    per_run=False,
)
