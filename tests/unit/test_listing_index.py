"""The index of finished requests is used while it is true, and is never needed."""

import pytest

from foa import __version__
from foa.cli.listing import list_requests
from foa_stage.tree import RunTree, product_of
from foa_testing.fakes import factories

REQUEST = factories.make_request().id


@pytest.fixture
def tree(tmp_path):
    tree = RunTree(tmp_path)
    path = tmp_path / "work/analyzer/a/products/results.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    tree.record(factories.request_submitted())
    tree.record(factories.run_selected())
    tree.record(factories.analysis_ready("final", product_of("results.json", path)))
    return tree


@pytest.fixture
def index(tree):
    return tree.root / "cache/listing.json"


def test_a_finished_request_is_listed_from_the_index(tree, index):
    before = list_requests(tree)
    index.write_text(index.read_text().replace('"Crab"', '"from the index"'))
    assert [row["target"] for row in list_requests(tree)] == ["from the index"]
    index.unlink()
    assert list_requests(tree) == before


def test_what_is_recorded_afterwards_is_seen(tree, index):
    list_requests(tree)
    tree.record(factories.request_submitted(minute=1))
    assert [row["phase"] for row in list_requests(tree)] == ["selecting"]
    assert "final" in index.read_text()


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", '{"version": "0", "rows": {}}', '{"rows": 1}'),
        *(f'{{"version": "{__version__}", "rows": {rows}}}' for rows in ("null", '{"crab": 1}')),
    ],
)
def test_an_index_that_cannot_be_used_is_made_again(tree, index, content):
    before = list_requests(tree)
    index.write_text(content)
    assert list_requests(tree) == before
    assert REQUEST in index.read_text()


def test_a_tree_that_cannot_be_written_is_listed_all_the_same(tree, index):
    index.parent.parent.joinpath("cache").write_text("a file in the way")
    assert [row["phase"] for row in list_requests(tree)] == ["final"]
