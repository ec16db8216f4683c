"""A run spread over real Dask workers, each a process of its own."""

import csv
import os
import pickle
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cellwright.bundles.bundle import open_bundle
from cellwright.errors import CellwrightError, ConfigError, MissingExtraError, UnknownNameError
from cellwright.images.write import write_png
from cellwright.inference import cluster as cluster_module
from cellwright.inference.cluster import on_cluster
from cellwright.inference.identity import name_images
from cellwright.inference.run import RunOptions, load_model, predict_files
from cellwright.inference.workers import plan_work

distributed = pytest.importorskip("distributed")

OPTIONS = RunOptions(overlays="none")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as started:
        yield started


@pytest.fixture
def pictures(tmp_path, draw_dots, scatter_cells) -> Path:
    """Twelve images of 5, 10 … 60 cells, and one file that is no image."""
    folder = tmp_path / "plate"
    for number in range(1, 13):
        image = draw_dots(120, 160, scatter_cells(5 * number, 120, 160, seed=number))
        write_png(folder / f"{number:02d}.png", image)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def run_on(cluster, bundle, pictures, out, **named):
    with on_cluster(cluster.scheduler_address, bundle, OPTIONS, threads=1) as spread:
        model = load_model(bundle, OPTIONS, plan=plan_work(1, threads=1))
        return model.predict([pictures], out, spread=spread, **named)


def test_a_cluster_gives_the_tables_of_one_machine(cluster, dot_bundle, pictures, tmp_path):
    bundle = open_bundle(dot_bundle)
    seen = []
    spread = run_on(
        cluster, bundle, pictures, tmp_path / "many", progress=lambda done, _: seen.append(done)
    )
    alone = predict_files([pictures], bundle=bundle, out=tmp_path / "one", options=OPTIONS)
    assert spread.counts == alone.counts
    assert sum(spread.counts.values()) == 5 * sum(range(1, 13))
    for name in ("cells.csv", "summary.csv", "errors.csv"):
        assert table(tmp_path / "many" / name) == table(tmp_path / "one" / name)
    assert list(spread.errors) == ["broken"]
    assert seen == list(range(1, 14))
    assert run_on(cluster, bundle, pictures, tmp_path / "many").n_resumed == 12


def test_a_killed_worker_loses_and_doubles_nothing(cluster, dot_bundle, pictures, tmp_path):
    bundle, killed = open_bundle(dot_bundle), threading.Event()
    worker = next(iter(cluster.workers.values()))

    def kill_one(done: int, _: int) -> None:
        if done == 2 and not killed.is_set():
            os.kill(worker.pid, signal.SIGKILL)
            killed.set()

    summary = run_on(cluster, bundle, pictures, tmp_path / "o", progress=kill_one)
    assert killed.is_set()
    assert [row["n_cells"] for row in table(tmp_path / "o" / "summary.csv")] == [
        str(5 * number) for number in range(1, 13)
    ]
    assert len(table(tmp_path / "o" / "cells.csv")) == sum(summary.counts.values())


def test_a_worker_of_another_version_must_not_add_to_a_run(
    cluster, dot_bundle, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr("cellwright.inference.run.__version__", "0.0.1")
    with pytest.raises(ConfigError, match="differs in cellwright"):
        run_on(cluster, open_bundle(dot_bundle), pictures, tmp_path / "o")


def test_nobody_answers_is_said_in_time(dot_bundle, monkeypatch):
    monkeypatch.setattr("cellwright.inference.cluster.TIMEOUT_S", 0.5)
    start = time.perf_counter()
    with (
        pytest.raises(CellwrightError, match="no Dask scheduler answers"),
        on_cluster("tcp://127.0.0.1:9", open_bundle(dot_bundle), OPTIONS),
    ):
        pass
    assert time.perf_counter() - start < 30


def test_a_cluster_without_workers_is_refused(dot_bundle):
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(CellwrightError, match="no worker"),
        on_cluster(empty.scheduler_address, open_bundle(dot_bundle), OPTIONS),
    ):
        pass


def test_an_image_that_kills_its_workers_becomes_a_row(tmp_path):
    class Dead:
        def result(self):
            worker = SimpleNamespace(address="tcp://10.0.0.1:1")
            raise distributed.KilledWorker("task", worker, 3)

    (image,) = name_images([tmp_path / "huge.tif"])
    outcome = cluster_module._outcome(Dead(), image)
    assert outcome.image == image
    assert "workers died" in str(outcome.error)
    assert "tcp://10.0.0.1:1" in str(outcome.error)


@pytest.mark.parametrize(
    "error",
    [
        CellwrightError("wrong", where="there", remedy="do this"),
        UnknownNameError("runtime", "x", ["a", "b"]),
        MissingExtraError("dask", "cluster"),
    ],
)
def test_errors_come_back_from_other_processes_as_they_were(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert (str(back), vars(back)) == (str(error), vars(error))
