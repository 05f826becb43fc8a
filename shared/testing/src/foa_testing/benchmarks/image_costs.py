"""The costs of images: their sizes, and the start of a stage against that in its environment.

`python -m foa_testing.benchmarks.image_costs SITE IMAGES`: the environments are those of the site.
The last line gives the size of all images and the largest ratio of the times.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from foa.pipeline import JobService, job_services
from foa.runtime import Environment, Image, runtime_of
from foa.site import Images, Site, read_site

TRIES = 5
MIB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """The costs of one image."""

    size_mib: int
    start_s: float
    environment_start_s: float

    @property
    def ratio(self) -> float:
        """Return how many times longer a start takes than in the environment."""
        return self.start_s / self.environment_start_s

    def __str__(self) -> str:
        starts = f"start {self.start_s:5.2f} s, from its environment {self.environment_start_s:.2f}"
        return f"{self.size_mib:4} MiB   {starts} s: ratio {self.ratio:.2f}"


def median_s(command: tuple[str, ...]) -> float:
    """Return how long a stage takes to load everything and refuse a senseless request."""
    times, quiet = [], subprocess.DEVNULL
    for _ in range(TRIES):
        begun = time.perf_counter()
        subprocess.run(command, stdout=quiet, stderr=quiet, check=False)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure(site: Site, service: JobService) -> Cost:
    """Measure the image of a service of a site with images.

    Raises
    ------
    FoaError
        If the image is missing.
    """
    image = runtime_of(site, service)
    assert isinstance(image, Image)
    environment = Environment(service, site.environments / service.name)
    with tempfile.TemporaryDirectory(dir=site.tree) as scratch:
        request = Path(scratch) / "stage" / "key" / "request.json"
        request.parent.mkdir(parents=True)
        request.write_text("{}")
        starts = [median_s(one.command(request, Path(scratch))) for one in (image, environment)]
    return Cost(image.path.stat().st_size // MIB, *starts)


def main(site_path: Path, directory: Path) -> None:
    """Print the costs of every service's image, then of all."""
    images = Images(directory=directory.resolve(), public_key=directory / "key.pub")
    site = read_site(site_path).model_copy(update={"images": images})
    site.tree.mkdir(parents=True, exist_ok=True)
    costs = []
    for service in job_services():
        if service.on_daemon_host:  # it has no image
            continue
        costs.append(measure(site, service))
        sys.stdout.write(f"{service.name:14} {costs[-1]}\n")
        sys.stdout.flush()
    size, ratio = sum(cost.size_mib for cost in costs), max(cost.ratio for cost in costs)
    sys.stdout.write(f"size_mib={size} start_ratio={ratio:.2f}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
