"""The migrations make the tables that the code expects, again and again without harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect

from cellwright.errors import ConfigError
from cellwright.service.records import NewImage, NewJob
from cellwright.service.store import Store
from cellwright.service.tables import Table
from cellwright.service.work_queue import Queue

IMAGE = NewImage("ab" * 32, ".png", 10, 8, 8, "a.png")
JOB = NewJob("me", "m", "0", {})


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'a' / 'service.db'}"


def test_migrated_tables_are_the_mapped_ones(url):
    Store(url).close()
    found = inspect(Store(url).engine)  # the second start finds them up to date
    assert set(found.get_table_names()) - {"alembic_version"} == set(Table.metadata.tables)
    for name, table in Table.metadata.tables.items():
        columns = {column["name"]: column for column in found.get_columns(name)}
        assert set(columns) == set(table.columns.keys())
        for column in table.columns:
            assert columns[column.name]["nullable"] == column.nullable, (name, column.name)
        assert found.get_pk_constraint(name)["constrained_columns"] == [
            column.name for column in table.primary_key
        ]


def test_a_result_is_kept_once(url):
    store = Store(url)
    queue = Queue(store.engine)
    job = store.add_job(JOB, [IMAGE])
    first, second = queue.next_task(), queue.next_task()
    assert first.job_image_id == second.job_image_id  # begun twice, as by two processes
    assert queue.finish(first, summary={"n_cells": 1}, cells={"columns": [], "rows": []})
    assert not queue.finish(second, summary={"n_cells": 2}, cells={"columns": [], "rows": []})
    assert store.outcome("me", job, 0).summary == {"n_cells": 1}
    assert queue.next_task() is None and queue.count_waiting() == 0


def test_jobs_are_done_in_order(url):
    store = Store(url)
    queue = Queue(store.engine)
    jobs = [store.add_job(JOB, [IMAGE, IMAGE]) for _ in range(2)]
    done = []
    while task := queue.next_task():
        done.append((task.job_id, task.position))
        queue.finish(task, problem={"what": "x", "remedy": ""})
    assert done == [(job, position) for job in jobs for position in range(2)]


@pytest.mark.parametrize(
    "wrong", ["nonsense", "nodatabase://x", "postgresql+nodriver://u:secret@h/x"]
)
def test_a_wrong_url_is_one_sentence(wrong):
    with pytest.raises(ConfigError) as error:
        Store(wrong)
    assert "secret" not in str(error.value) and "\n" not in str(error.value)
