"""A forest laid out flat predicts what scikit-learn's does, to the last bit."""

import resource

import joblib
import numpy as np
import pytest
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
