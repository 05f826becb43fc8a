"""The HTML report and the wiki page, made from the results alone."""

import html
import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from foa_analyzer.results import Results
from foa_analyzer.tables import spell, tables_of

REPORTS = ("report.html", "report.wiki")
PLAIN = re.compile(r"(?:[^\W_]|[ .,:;()°±–%²⁻¹+-])*")
"""Text without anything that is markup in a wiki."""
ILLEGAL_IN_TITLES = re.compile(r"[^\w.-]+")


def write_reports(results: Results, directory: Path) -> None:
    """Render every report beside `results.json`."""
    environment = Environment(
        loader=PackageLoader("foa_analyzer"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": spell, "wiki": escape_wiki, "file": spell_file}
    tables = tables_of(results)
    for name in REPORTS:
        text = environment.get_template(f"{name}.j2").render(results=results, tables=tables)
        (directory / name).write_text(text)


def escape_wiki(text: object) -> str:
    """Write plain text in MediaWiki's markup: nothing in it becomes a tag, template, link or row.

    Braces and brackets are escaped although `<nowiki>` disarms them, for pages that are
    transcluded or sent through other parsers.
    """
    plain = " ".join(str(text).split())
    if PLAIN.fullmatch(plain):
        return plain
    escaped = html.escape(plain, quote=False)
    for character in "{}[]|":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return f"<nowiki>{escaped}</nowiki>"


def spell_file(name: str) -> str:
    """Write the name of an uploaded file, of characters that titles of wiki pages may have."""
    return ILLEGAL_IN_TITLES.sub("-", name)
