"""Manifests are admitted only if their files lie where this site keeps such files."""

import errno
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foa.admission import fixed_part
from foa.pipeline import job_services
from foa.site import Site, read_site
from foa_stage.manifests import FileStamp, ManifestRejected, Product
from foa_stage.tree import RunTree
from foa_testing.fakes import factories

OPENING = {"open", "os.listdir", "os.scandir", "os.link", "os.rename", "os.remove", "os.symlink"}
"""Audit events of whatever reads or changes the file system."""


@pytest.fixture
def home(tmp_path):
    """A tree and an archive, with links that lead from both to a third place, and back."""
    tree, archive, elsewhere = (tmp_path / name for name in ("tree", "archive", "elsewhere"))
    for directory in (tree, archive / "models", elsewhere):
        directory.mkdir(parents=True)
    (elsewhere / "secret").write_text("secret")
    for place in (tree, archive):
        (place / "out").symlink_to(elsewhere)
        (place / "file").write_text("")
        (place / "link").symlink_to(elsewhere / "secret")
        (place / "circle").symlink_to(place / "circle")
    (tree / "to-archive").symlink_to(archive)
    (archive / "to-tree").symlink_to(tree)
    (archive / "to-models").symlink_to(archive / "models")
    return tmp_path


@pytest.fixture
def site(home):
    return make_site(home)


def make_site(home, **changes):
    archive = factories.make_archive(home / "archive")
    return Site(name="here", tree=home / "tree", environments=home, archive=archive, **changes)


def about(home):
    """The fields of a manifest on a run of the archive."""
    request = factories.make_request(archive=factories.make_archive(home / "archive"))
    return {"request": request, "run": make_run(home)}


def make_run(home, **changes):
    stamp = factories.make_stamp(f"{home}/archive/file")
    models = {"directory": home / "archive/models", "config": stamp, "files": (stamp,)}
    fields = {
        "dl1": stamp,
        "models": factories.make_models().model_copy(update=models),
        "nodes": make_nodes("node_a", stamp),
    }
    return factories.make_run().model_copy(update=fields | changes)


def make_nodes(name, stamp):
    (node,) = factories.make_run().nodes
    return (node.model_copy(update={"name": name, "dl2": stamp}),)


def selected(home, **changes):
    return factories.run_selected().model_copy(
        update=about(home) | {"run": make_run(home, **changes)}
    )


def converted(home, path, **changes):
    product = Product(role="dl2", path=path, size=1, sha256="a").model_copy(update=changes)
    return factories.dl2_ready(dl2=product).model_copy(update=about(home))


def with_archive(home, **changes):
    archive = factories.make_archive(home / "archive").model_copy(update=changes)
    request = factories.make_request(archive=archive)
    return factories.request_submitted().model_copy(update={"request": request})


def test_what_lies_where_it_should_is_admitted(site, home):
    for manifest in (selected(home), converted(home, home / "tree/file"), with_archive(home)):
        site.reject_foreign_paths(manifest)


def test_a_link_within_the_archive_is_admitted(site, home):
    stamp = factories.make_stamp(f"{home}/archive/to-models/file")
    site.reject_foreign_paths(selected(home, dl1=stamp))


@pytest.mark.parametrize("name", ["out/secret", "link", "to-archive/file"])
def test_a_link_in_the_tree_that_leads_out_is_refused_and_said_where_it_leads(site, home, name):
    with pytest.raises(ManifestRejected) as refusal:
        site.reject_foreign_paths(converted(home, home / "tree" / name))
    assert str(home / "tree" / name) in str(refusal.value)
    assert str((home / "tree" / name).resolve()) in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["out/secret", "link", "to-tree/file", "circle", "a\0b", "x" * 300]
)
def test_a_path_in_the_archive_that_leads_elsewhere_is_refused(site, home, name):
    with pytest.raises(ManifestRejected):
        site.reject_foreign_paths(
            selected(home, dl1=FileStamp(path=f"{home}/archive/{name}/x", size=1, mtime_ns=1))
        )


def test_a_product_in_the_archive_is_refused(site, home):
    with pytest.raises(ManifestRejected, match="in the archive of site here, not in its run tree"):
        site.reject_foreign_paths(converted(home, home / "archive/file"))


@pytest.mark.parametrize("field", ["directory", "files", "config"])
def test_models_are_read_from_the_archive_only(site, home, field):
    stamp = factories.make_stamp(f"{home}/tree/file")
    value = {"directory": home / "tree", "files": (stamp,), "config": stamp}[field]
    models = make_run(home).models.model_copy(update={field: value})
    with pytest.raises(ManifestRejected, match="in the run tree of site here, not in its archive"):
        site.reject_foreign_paths(selected(home, models=models))


def test_models_in_a_tree_below_the_archive_are_refused(home):
    site = make_site(home).model_copy(update={"tree": home / "archive/tree"})
    stamp = factories.make_stamp(f"{home}/archive/tree/file")
    with pytest.raises(ManifestRejected, match="not in its archive"):
        site.reject_foreign_paths(selected(home, dl1=stamp))


@pytest.mark.parametrize(
    ("field", "template"),
    [
        ("tailcuts", "{home}/archive/*/../../../etc/passwd"),
        ("dl1", "{home}/archive/../elsewhere/*"),
        ("dl1", "{home}/archive/out/*"),
        ("dl1", "{home}/tree/*"),
        ("dl1", "archive/*"),
        ("datacheck", "/{{night}}"),
        ("models", "/etc"),
        ("run_summary", "{home}/archive/{{night.__class__}}"),
        ("run_catalog", "{home}/archive/{{night:>99999999}}"),
        ("test_dl2", "{home}/archive/**/*"),
        ("production", "../../../../etc/"),
        ("production", ".."),
    ],
)
def test_an_archive_that_leads_elsewhere_is_refused(site, home, field, template):
    with pytest.raises(ManifestRejected):
        site.reject_foreign_paths(with_archive(home, **{field: template.format(home=home)}))


@pytest.mark.parametrize("name", ["../../x", "/x", "..", "a\0b"])
def test_a_name_that_paths_are_made_with_is_no_path(site, home, name):
    run = make_run(home)
    nodes = make_nodes(name, run.dl1)
    named = [run.models.model_copy(update={field: name}) for field in ("production", "line")]
    for changes in ({"nodes": nodes}, *({"models": models} for models in named)):
        with pytest.raises(ManifestRejected):
            site.reject_foreign_paths(selected(home, **changes))


@pytest.mark.parametrize("role", ["../x", "/x", "all/../../x"])
def test_a_role_of_a_product_leads_nowhere_else(site, home, role):
    with pytest.raises(ManifestRejected, match="role"):
        site.reject_foreign_paths(converted(home, home / "tree/file", role=role))


def test_a_tree_and_an_archive_behind_links_are_admitted(home):
    (home / "alias").symlink_to(home)
    site = make_site(home / "alias")
    for place in (home, home / "alias"):
        site.reject_foreign_paths(selected(place))
        site.reject_foreign_paths(converted(place, place / "tree/file"))


def test_a_site_says_where_else_links_in_its_archive_lead(home):
    site = make_site(home, archive_leads_to=(home / "elsewhere",))
    stamp = factories.make_stamp(f"{home}/archive/link")
    site.reject_foreign_paths(selected(home, dl1=stamp))
    assert home / "elsewhere" in site.archive_roots()


def test_where_links_lead_may_be_relative_to_the_site_file(tmp_path, repository):
    text = (repository / "deploy/sites/demo.yaml").read_text()
    (tmp_path / "site.yaml").write_text(text + "archive_leads_to: [other/place]\n")
    assert read_site(tmp_path / "site.yaml").archive_leads_to == (tmp_path / "other/place",)


def test_a_template_is_fixed_down_to_the_first_directory_that_varies():
    for varies in ("{night}", "v*", "v?", "run_[0-9]"):
        assert fixed_part(f"/archive/DL1/{varies}/file") == Path("/archive/DL1")
    assert fixed_part("/archive/models") == Path("/archive/models")


def test_a_path_of_endless_parts_is_refused(site, home):
    with pytest.raises(ManifestRejected, match="cannot be resolved"):
        site.reject_foreign_paths(converted(home, home / "tree" / ("x/" * 5000)))


def test_a_file_system_that_does_not_answer_rejects_nothing(site, home, monkeypatch):
    def hang_up(path):
        raise OSError(errno.ESTALE, "stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_symlink", hang_up)
        with pytest.raises(OSError, match="stale"):
            site.reject_foreign_paths(selected(home))


def test_every_directory_is_looked_at_once(site, home, monkeypatch):
    stamps = tuple(factories.make_stamp(f"{home}/archive/deep/{n}") for n in range(60))
    models = make_run(home).models.model_copy(update={"files": stamps})
    looked, is_symlink = [], Path.is_symlink
    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_symlink", lambda path: looked.append(path) or is_symlink(path))
        site.reject_foreign_paths(selected(home, models=models))
    assert len(looked) == len(set(looked))
    assert set(home.parents) < set(looked)


class Watch:
    """Notes which paths this process opens, lists or changes while it is told to."""

    def __init__(self):
        self.seen, self._on = [], False
        sys.addaudithook(self._note)

    def __enter__(self):
        self.seen.clear()
        self._on = True

    def __exit__(self, *_):
        self._on = False

    def _note(self, event, arguments):
        if self._on and event in OPENING and isinstance(arguments[0], str | bytes | Path):
            self.seen.append(Path(os.fsdecode(arguments[0])))


@pytest.fixture(scope="module")
def watch():
    return Watch()  # a hook stays for the life of the process: one for all examples


PARTS = ["..", ".", "*", "**", "?", "{night}", "{x}", "out", "link", "circle", "file", "models"]
PARTS += ["to-archive", "to-tree", "tree", "archive", "elsewhere", "secret", "etc", "passwd", "a\0"]
STARTS = ["{home}", "{home}/tree", "{home}/archive", "/", "/etc/passwd", "", "//etc", "~"]


@st.composite
def hostile_paths(draw):
    parts = draw(st.lists(st.sampled_from(PARTS), max_size=5))
    return "/".join([draw(st.sampled_from(STARTS)), *parts])


@st.composite
def hostile_manifests(draw):
    """Draw a function that returns a manifest with hostile paths below a directory."""
    paths = [draw(hostile_paths()) for _ in range(4)]
    good = [draw(st.booleans()) for _ in range(4)]
    kind = draw(st.sampled_from(["request", "selected", "dl2", "irf", "dl3", "analysis"]))
    field = draw(st.sampled_from(sorted(factories.make_archive().model_dump())))
    return lambda home: make_hostile(home, kind, field, paths, good)


def make_hostile(home, kind, field, paths, good):
    hostile = [path.replace("{home}", str(home)) for path in paths]
    stamps, products = (
        [f"{home}/{place}/file" if fine else path for fine, path in zip(good, hostile, strict=True)]
        for place in ("archive", "tree")
    )
    if kind == "request":
        return with_archive(home, **{field: hostile[0]})
    dl1, model, config, node = (factories.make_stamp(path) for path in stamps)
    models = make_run(home).models.model_copy(update={"files": (model,), "config": config})
    run = make_run(home, dl1=dl1, models=models, nodes=make_nodes(paths[0], node))
    product = Product(role="x", path=products[0], size=1, sha256="a")
    if kind == "analysis":
        return factories.analysis_ready().model_copy(update={"products": (product,)})
    make = {
        "selected": factories.run_selected,
        "dl2": lambda: factories.dl2_ready(dl2=product),
        "irf": lambda: factories.irf_ready().model_copy(update={"irfs": (product,)}),
        "dl3": lambda: factories.dl3_ready(dl3=product),
    }[kind]
    return make().model_copy(update=about(home) | {"run": run})


@given(make=hostile_manifests())
def test_admitting_and_planning_opens_nothing_outside_tree_and_archive(home, site, watch, make):
    manifest, tree = make(home), RunTree(site.tree)
    plans = [one.plan for one in job_services() if type(manifest) in one.consumes]
    with watch:
        admitted = is_admitted(site, manifest)
        for plan in plans if admitted else ():
            plan(manifest, tree)
    roots = (site.tree, home / "archive")
    assert [path for path in watch.seen if not lies_in(path, roots)] == []
    if admitted:
        assert [path for path in paths_in(manifest.model_dump()) if not lies_in(path, roots)] == []


def is_admitted(site, manifest):
    try:
        site.reject_foreign_paths(manifest)
    except ManifestRejected:
        return False
    return True


def lies_in(path, roots):
    return any(path.resolve().is_relative_to(root) for root in roots)


def paths_in(content):
    """Yield every path in plain data."""
    if isinstance(content, Path):
        yield content
    elif isinstance(content, dict | tuple | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from paths_in(value)
