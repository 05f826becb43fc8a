"""The declaration of the dl2-converter."""

from foa.pipeline import JobService
from foa_dl2_converter.plan import NAME, announce, plan
from foa_stage.jobs import Resources
from foa_stage.manifests import Dl2Ready, RunFailed, RunSelected

SERVICE = JobService(
    name=NAME,
    title="reconstructs DL1 runs with the Random Forests of the nearest declination line",
    consumes=(RunSelected,),
    announces=(Dl2Ready,),
    fails_with=RunFailed,
    plan=plan,
    announce=announce,
    resources=Resources(memory_mib=16000, cores=4, time_limit_s=7200),
    priority=1,
)
