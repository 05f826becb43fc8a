"""What is lost is made again, and nothing else; what is interrupted goes on where it was."""

import json
import signal
import subprocess
import time

import pytest


@pytest.fixture(scope="module")
def settled(hire):
    """An operator whose request of the empty field is through."""
    operator = hire("recovery")
    return operator, operator.run("too")["too"]


def stages(attempts):
    return sorted(attempt.split("/")[1] for attempt in attempts)


def find(operator, pattern):
    return next(iter(sorted(operator.tree.glob(pattern))))


@pytest.mark.parametrize(
    ("product", "made_again"),
    [
        ("requests/*/results/.002/results.json", ["analyzer"]),  # where they were made
        ("work/dl3-maker/*/products/dl3_LST-1.Run20001.fits", ["analyzer", "dl3-maker"]),
        (
            "work/dl2-converter/*/products/dl2_LST-1.Run20001.h5",
            ["analyzer", "dl2-converter", "dl3-maker"],
        ),
    ],
)
def test_deleting_a_product_makes_it_and_what_depends_on_it_again(
    settled, same, product, made_again
):
    operator, told = settled
    before = operator.attempts()
    find(operator, product).unlink()
    again = operator.run("too")["too"]
    assert stages(operator.attempts() - before) == made_again
    same(again["content"]["findings"], told["content"]["findings"])


def test_irfs_of_nodes_are_cached_one_by_one(settled):
    operator, _ = settled
    find(operator, "work/irf-node/*/products/irf_node_theta_10.000*.fits.gz").unlink()
    operator.run("too")
    report = json.loads(find(operator, "work/irf-builder/*/report.json").read_text())
    assert report["facts"] == {"built": 1, "nodes": 3}


MOMENTS = ("selector", "irf-builder", "dl2-converter", "dl3-maker", "analyzer")


def started(operator, stage):
    return list(operator.tree.glob(f"work/{stage}/*/attempt-1/started"))


def start(operator, **streams):
    """Run the request of the empty field in the background, as a shell in the foreground would."""
    command = operator.command("run", operator.request("too"))
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def heed_ctrl_c():  # the tests may have been started with SIGINT ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(command, **(silent | streams), preexec_fn=heed_ctrl_c)


def test_killed_at_any_moment_and_started_again_it_ends_the_same(hire, settled, same):
    operator = hire("killed")
    for stage in MOMENTS:
        process = start(operator)
        wait_until(lambda stage=stage: started(operator, stage))
        process.send_signal(signal.SIGKILL)
        process.wait()
    told = operator.run("too")["too"]
    same(told["content"]["findings"], settled[1]["content"]["findings"])
    assert not [attempt for attempt in operator.attempts() if not attempt.endswith("attempt-1")]


def wait_until(condition, limit=300):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ctrl_c_says_what_goes_on_and_loses_nothing(hire, settled, same):
    operator = hire("interrupted")
    process = start(operator, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: started(operator, "dl2-converter"))
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 130
    assert "go on by themselves" in said
    told = operator.run("too")["too"]
    same(told["content"]["findings"], settled[1]["content"]["findings"])
    assert not [attempt for attempt in operator.attempts() if not attempt.endswith("attempt-1")]


def test_two_at_once_in_one_tree_is_refused(hire):
    operator = hire("twice")
    first = start(operator)
    wait_until(lambda: started(operator, "selector"))
    second = operator.type("run", operator.request("too"), check=False)
    first.send_signal(signal.SIGINT)
    first.wait()
    assert second.returncode == 3
    assert "another `foa run` is at work" in second.stderr
