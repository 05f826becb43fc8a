"""Declaration of the analyzer."""

from foa.pipeline import JobService
from foa_analyzer.plan import NAME, announce, plan
from foa_analyzer.tables import show
from foa_stage.jobs import Resources
from foa_stage.manifests import AnalysisReady, Dl2Ready, Dl3Ready, RequestFailed, RunFailed

SERVICE = JobService(
    name=NAME,
    title="analyses DL3 files: significance, sky maps, spectrum, light curve, report",
    consumes=(Dl2Ready, Dl3Ready, RunFailed),
    announces=(AnalysisReady,),
    fails_with=RequestFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=16000, time_limit_s=3600),
    priority=4,
    per_run=False,
    tables=show,
)
