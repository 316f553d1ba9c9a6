import shlex

import numpy as np
import pandas as pd

from workbench.analysis.connectivity import Connection, Endpoint
from workbench.analysis.hessian import TraceEstimate
from workbench.cli import parser
from workbench.cli.run_spec import spec_of
from workbench.reports import connectivity

TABLE = pd.DataFrame(
    {
        "alpha": np.tile([0, 0.5, 1], 2),
        "split": np.repeat(["train", "dev"], 3),
        "loss": [1.0, 1.5, 1.0, 2.0, 1.0, 2.0],
        "error": [0.1, 0.2, 0.1, 0.3, 0.3, 0.3],
    }
)


def test_the_command_that_keeps_weights_is_one_that_the_shell_takes():
    words = shlex.split(connectivity.KEEP_WEIGHTS)
    options = parser().parse_args(words[1:])
    assert (words[0], options.keep_weights) == ("workbench", True)
    assert spec_of(options).engine.particles > 1


def test_barriers_are_compared_with_noise(finished_run):
    end = Endpoint(finished_run)
    train, dev = connectivity.barrier_sentences(Connection(end, end, TABLE, ()))
    assert "rises 0.5000 above" in train
    assert "+10.00 points above the mean of its ends: not less" in train
    assert "rises 0.0000 above" in dev
    assert "+0.00 points above the mean of its ends: less" in dev
    (regression,) = connectivity.barrier_sentences(Connection(end, end, TABLE[:3].assign(error=np.nan), ()))
    assert "points" not in regression


def test_endpoints_have_readable_names(finished_run):
    endpoints = {
        end.name: end for end in (Endpoint(finished_run), Endpoint(finished_run, "level-1/particle-0"))
    }
    last = finished_run.name[-4:]
    assert list(connectivity.endpoint_labels(endpoints).values()) == [
        f"synth/sst2, randomized, 80 %, seed 0 (…{last}): final model",
        f"synth/sst2, randomized, 80 %, seed 0 (…{last}): level-1, particle-0",
    ]
    connection = Connection(*endpoints.values(), TABLE, ())
    assert connectivity.what_was_connected(connection)[0].endswith("level-1, particle-0, at 3 points.")
    kept = connectivity.endpoint_table(endpoints)
    assert kept.to_numpy().tolist() == [[finished_run.name, "level-1/particle-0"]]
    assert connectivity.endpoint_table({finished_run.name: Endpoint(finished_run)}).iloc[0, 1] == "none"
    assert connectivity.endpoint_table({}).empty


def test_traces_are_also_given_for_each_weight():
    table = connectivity.trace_table((TraceEstimate(10.0, None, 5), TraceEstimate(30.0, 2.0, 10)))
    assert table["trace_per_weight"].tolist() == [2.0, 3.0]
    assert np.isnan(table["standard_error"][0])
