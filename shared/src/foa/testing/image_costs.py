"""What images cost: their sizes, and starting a stage from one against starting it from its environment.

`python -m foa.testing.image_costs SITE IMAGES`: the environments are those of the site.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from foa.installation import Environment, installation_of
from foa.service.embedded import installed_services
from foa.site import Images, read_site

TRIES = 5
MIB = 1 << 20


def median_s(command: tuple[str, ...]) -> float:
    """Time of a stage that is asked for nothing sensible: it loads everything, and refuses."""
    times = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main(site_path: Path, directory: Path) -> None:
    """A line for each service."""
    images = Images(directory=directory.resolve(), public_key=directory / "key.pub")
    site = read_site(site_path).model_copy(update={"images": images})
    site.tree.mkdir(parents=True, exist_ok=True)
    for service in installed_services():
        image = installation_of(site, service.name, service.stage)
        environment = Environment(service.name, site.environments / service.name, service.stage)
        with tempfile.TemporaryDirectory(dir=site.tree) as scratch:
            request = Path(scratch) / "stage" / "key" / "request.json"
            request.parent.mkdir(parents=True)
            request.write_text("{}")
            of_image, of_environment = (median_s(one.command(request, Path(scratch))) for one in (image, environment))
        size = images.path(service.name, None).stat().st_size // MIB
        starts = f"start {of_image:5.2f} s, from its environment {of_environment:.2f} s"
        sys.stdout.write(f"{service.name:14} {size:4} MiB   {starts}: ratio {of_image / of_environment:.2f}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
