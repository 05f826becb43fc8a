"""A forest laid out flat predicts what scikit-learn's does, to the last bit."""

import resource

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor

from foa_dl2_converter.forest import Classifier, Forest
from foa_dl2_converter.layout import Unsupported, flatten, load

N_FEATURES = 5


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(4000, N_FEATURES))
    # as coarse as zeniths, and both zeros
    values[:, 3] = rng.choice([0.25, 0.5, -0.0, 0.0], size=len(values))
    return values


@pytest.fixture(scope="module")
def target(events):
    return events[:, 0] + np.sin(3 * events[:, 1]) + events[:, 3]


@pytest.fixture(scope="module", params=range(3))
def regressor(request, events, target):
    depth = 4 + 6 * request.param
    forest = RandomForestRegressor(n_estimators=7, max_depth=depth, random_state=request.param)
    return forest.fit(events, target)


@pytest.fixture(scope="module")
def classifier(events, target):
    labels = np.where(target > 0, 101, 0)
    return RandomForestClassifier(n_estimators=9, random_state=1).fit(events, labels)


@pytest.mark.parametrize("n_events", [1, 7, 8, 9, 4000])
def test_means_are_those_of_scikit_learn(regressor, events, tmp_path, n_events):
    joblib.dump(regressor, tmp_path / "model.sav")
    forest = load(tmp_path / "model.sav", tmp_path / "cache")
    assert isinstance(forest, Forest)
    some = events[:n_events]
    with joblib.parallel_config(backend="sequential"):
        assert np.array_equal(forest.predict(some), regressor.predict(some))


def test_events_at_the_thresholds_go_the_same_way(regressor):
    trees = [estimator.tree_ for estimator in regressor.estimators_]
    thresholds = np.concatenate([tree.threshold[tree.feature == 0] for tree in trees])
    near = np.concatenate([thresholds, np.nextafter(thresholds, -9), np.nextafter(thresholds, 9)])
    events = np.zeros((len(near), N_FEATURES))
    events[:, 0] = near
    assert np.array_equal(flatten(regressor).predict(events), regressor.predict(events))


def test_shares_of_classes_are_those_of_scikit_learn(classifier, events):
    forest = flatten(classifier)
    assert isinstance(forest, RandomForestClassifier)  # as lstchain tells
    assert list(forest.classes_) == [0, 101]
    assert np.array_equal(forest.predict_proba(events), classifier.predict_proba(events))


def test_two_targets_are_predicted_at_once(events, target):
    vectors = RandomForestRegressor(n_estimators=3, max_depth=6, random_state=0).fit(
        events, np.stack([target, -target], 1)
    )
    assert np.array_equal(flatten(vectors).predict(events), vectors.predict(events))


ALTITUDE = 3
"""Number of the feature that takes two values."""
CUTS = {
    "never": lambda near, other: near + other,
    "at the root": lambda near, other: 100 * near + other,
    "deep": lambda near, other: 9 * np.round(other) + np.where(other > 1, near, 0),
    "everywhere": lambda near, other: np.sin(7 * near) * other,
}
"""Targets whose forests cut on that feature in different places."""


@pytest.fixture(scope="module", params=CUTS)
def cut(request, events):
    """A forest of scikit-learn and the places where it cuts on the altitude."""
    values = events.copy()
    values[:, ALTITUDE] = 0 if request.param == "never" else np.arange(len(events)) % 5 / 4 - 0.5
    target = CUTS[request.param](values[:, ALTITUDE], values[:, 0])
    forest = RandomForestRegressor(n_estimators=5, min_samples_leaf=3, random_state=1)
    return request.param, forest.fit(values, target)


def features_of_cuts(forest):
    return [estimator.tree_.feature for estimator in forest.estimators_]


def test_the_forests_cut_on_the_altitude_where_they_are_said_to(cut):
    where, forest = cut
    features = features_of_cuts(forest)
    assert any(ALTITUDE in tree for tree in features) == (where != "never")
    assert all(tree[0] == ALTITUDE for tree in features) == (where == "at the root")


def at(events, altitudes):
    changed = events.copy()
    changed[:, ALTITUDE] = altitudes
    return changed


def predict_twice(forest, events, altitudes):
    """Predict for both columns of altitudes as lstchain's interpolation does."""
    interpolating = forest.interpolating(ALTITUDE)
    return [
        interpolating.predict(np.hstack([at(events, column), altitudes])) for column in altitudes.T
    ]


ALTITUDES = st.sampled_from([-1.0, -0.5, -0.25, -0.0, 0.0, 0.125, 0.25, 0.5, 1.0])


@settings(max_examples=40, deadline=None)
@given(pairs=st.lists(st.tuples(ALTITUDES, ALTITUDES), min_size=1, max_size=4))
def test_both_altitudes_are_evaluated_as_by_scikit_learn(cut, events, pairs):
    _, forest = cut
    some = events[:50]
    altitudes = np.resize(pairs, (len(some), 2))
    means = predict_twice(flatten(forest), some, altitudes)
    for ours, column in zip(means, altitudes.T, strict=True):
        assert np.array_equal(ours, forest.predict(at(some, column)))


def test_shares_of_classes_are_evaluated_at_both_altitudes(classifier, events):
    altitudes = np.tile([0.5, 0.25], (len(events), 1))
    shares = predict_twice(flatten(classifier), events, altitudes)
    for ours, column in zip(shares, altitudes.T, strict=True):
        assert np.array_equal(ours, classifier.predict_proba(at(events, column)))


def test_altitudes_that_change_back_and_forth_are_evaluated_anew(regressor, events):
    forest = flatten(regressor)
    for pair in ([0.0, 0.25], [0.25, 0.5], [0.5, 0.0], [0.0, 0.25]):
        altitudes = np.tile(pair, (len(events), 1))
        for ours, column in zip(predict_twice(forest, events, altitudes), altitudes.T, strict=True):
            assert np.array_equal(ours, regressor.predict(at(events, column)))


def test_a_value_that_is_not_finite_is_refused(regressor, events):
    with pytest.raises(ValueError, match="not finite"):
        flatten(regressor).predict(np.full((1, N_FEATURES), np.nan))


def test_a_model_that_is_no_plain_forest_stays_as_it_is(events, target, tmp_path):
    other = ExtraTreesRegressor(n_estimators=2, random_state=0).fit(events, target)
    joblib.dump(other, tmp_path / "model.sav")
    with pytest.raises(Unsupported, match="ExtraTreesRegressor"):
        flatten(other)
    assert isinstance(load(tmp_path / "model.sav", tmp_path / "cache"), ExtraTreesRegressor)


def test_a_layout_that_fails_leaves_nothing_behind(regressor, tmp_path):
    joblib.dump(regressor, tmp_path / "model.sav")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            load(tmp_path / "model.sav", tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("part", ["nodes.npy", "values.npy", "facts.json"])
def test_a_damaged_layout_is_made_anew(regressor, events, tmp_path, part):
    joblib.dump(regressor, tmp_path / "model.sav")
    load(tmp_path / "model.sav", tmp_path / "cache")
    [damaged] = (tmp_path / "cache").glob(f"*/{part}")
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-9] + bytes(9))
    forest = load(tmp_path / "model.sav", tmp_path / "cache")
    assert damaged.read_bytes() == content
    assert np.array_equal(forest.predict(events), regressor.predict(events))


def test_another_content_under_the_same_name_is_another_forest(regressor, classifier, tmp_path):
    path = tmp_path / "model.sav"
    for model, kind in ((regressor, Forest), (classifier, Classifier)):
        joblib.dump(model, path)
        assert type(load(path, tmp_path / "cache")) is kind
    assert len(list((tmp_path / "cache").iterdir())) == 2
