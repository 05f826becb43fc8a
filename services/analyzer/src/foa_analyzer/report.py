"""The HTML report and the wiki page, made from the results alone."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from foa_analyzer.results import Results

REPORTS = ("report.html", "report.wiki")


def write_reports(results: Results, directory: Path) -> None:
    """Render every report beside `results.json`."""
    environment = Environment(
        loader=PackageLoader("foa_analyzer"), autoescape=select_autoescape(["html.j2"]), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = _spell
    for name in REPORTS:
        text = environment.get_template(f"{name}.j2").render(results=results)
        (directory / name).write_text(text)


def _spell(value: float | None, pattern: str = "{:.2f}") -> str:
    """A number for people; a dash where there is none."""
    return "–" if value is None else pattern.format(value)
