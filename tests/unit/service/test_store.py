"""The store on SQLite and on a real PostgreSQL: its tables, and who does which image."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import inspect, update
from sqlalchemy.orm import Session

from cellwright.errors import ConfigError
from cellwright.service import database
from cellwright.service.records import ChangedError, Correction, MissingError, NewImage, NewJob
from cellwright.service.store import Store
from cellwright.service.tables import Table, WorkerRow
from cellwright.service.work_queue import Queue

IMAGE = NewImage("ab" * 32, ".png", 10, 8, 8, "a.png")
LONG_AGO = datetime(2000, 1, 1)
JOB = NewJob("me", "m", "0", {})
FOUND = {
    "summary": {"n_cells": 3, "n_live": 1, "n_dead": 2},
    "cells": {"columns": [], "rows": []},
    "counts": {"live": 1, "dead": 2},
}
CHECKED = Correction([{"label": 1, "class": "dead"}], {"live": 0, "dead": 1}, [7])


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


def test_a_result_never_joins_another_job(url):
    store = Store(url)
    queue = Queue(store.engine)
    first = store.add_job(JOB, [IMAGE])
    held = queue.next_task()
    with store.deleting("me", first):
        pass
    second = store.add_job(replace(JOB, owner="you"), [IMAGE])
    assert not queue.finish(held, **FOUND)
    assert store.outcome("you", second, 0).state == "waiting"
    own = queue.next_task()
    assert own.job_image_id != held.job_image_id
    # Not even under an id that was given twice.
    assert not queue.finish(replace(held, job_image_id=own.job_image_id), **FOUND)
    assert not Queue(store.engine).finish(own, **FOUND)  # claimed by another process
    assert queue.finish(own, **FOUND)


def test_jobs_of_a_model_that_is_not_served_wait(url):
    store = Store(url)
    queue = Queue(store.engine, lambda name, sha256: (name, sha256) == ("m", "1"))
    store.add_job(JOB, [IMAGE])
    assert queue.next_task() is None
    other = store.add_job(replace(JOB, model_sha256="1"), [IMAGE])
    assert queue.next_task().job_id == other
    assert Queue(store.engine).next_task().job_id != other


def test_images_that_failed_are_done_again_when_resumed(url):
    store = Store(url)
    queue = Queue(store.engine)
    job = store.add_job(JOB, [IMAGE, IMAGE])
    queue.finish(queue.next_task(), **FOUND)
    queue.finish(queue.next_task(), problem={"what": "x", "remedy": ""})
    assert store.job("me", job).n_failed == 1
    state = store.resume("me", job)
    assert (state.state, state.n_done, state.n_failed) == ("running", 1, 0)
    again = queue.next_task()
    assert (again.position, again.attempts) == (1, 1)


def test_a_correction_answers_what_was_written(url):
    store = Store(url)
    queue = Queue(store.engine)
    job = store.add_job(JOB, [IMAGE])
    queue.finish(queue.next_task(), **FOUND)
    before = store.outcome("me", job, 0)
    assert (before.counts, before.corrected) == ({"live": 1, "dead": 2}, False)
    mine = store.correct("me", job, 0, CHECKED, if_match=before.etag)
    assert (mine.counts, mine.corrected, mine.areas) == ({"live": 0, "dead": 1}, True, [7])
    assert mine == store.outcome("me", job, 0) and mine.etag != before.etag
    for theirs in (CHECKED, None):
        with pytest.raises(ChangedError):
            store.correct("me", job, 0, theirs, if_match=f'"x", {before.etag}')
    assert store.outcome("me", job, 0) == mine
    assert store.correct("me", job, 0, None, if_match="*") == before


def test_all_jobs_are_listed_in_parts(url):
    store = Store(url)
    made = [store.add_job(JOB, [IMAGE]) for _ in range(5)]
    store.add_job(replace(JOB, owner="you"), [IMAGE])
    assert store.count_jobs("me") == 5
    parts = [store.jobs("me", limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(part) for part in parts] == [2, 2, 1, 0]
    assert {job.id for part in parts for job in part} == set(made)


def test_who_reads_waits_for_no_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    store = Store(f"sqlite:///{tmp_path / 'service.db'}")
    job = store.add_job(JOB, [IMAGE])
    with store.engine.begin() as writer:
        writer.execute(update(WorkerRow).values(pid=1))
        store.check()
        assert store.job("me", job).n_images == len(store.image_states("me", job)) == 1
        assert store.outcome("me", job, 0).state == "waiting" and store.count_jobs("me") == 1
        assert Queue(store.engine).count_waiting() == 1


def test_jobs_are_done_in_order(url):
    store = Store(url)
    queue = Queue(store.engine)
    jobs = [store.add_job(JOB, [IMAGE, IMAGE]) for _ in range(2)]
    done = []
    while task := queue.next_task():
        done.append((task.job_id, task.position))
        queue.finish(task, problem={"what": "x", "remedy": ""})
    assert done == [(job, position) for job in jobs for position in range(2)]


def test_two_processes_get_different_images(url):
    """Eight threads of two queues take forty images: each once."""
    store = Store(url)
    store.add_job(JOB, [IMAGE] * 40)
    queues = [Queue(store.engine) for _ in range(8)]
    for queue in queues:
        queue.join()
    taken: list[int] = []

    def work(queue):
        while task := queue.next_task():
            taken.append(task.position)
            assert queue.finish(task, summary={}, cells={})

    with ThreadPoolExecutor(len(queues)) as pool:
        for done in [pool.submit(work, queue) for queue in queues]:
            done.result()
    assert sorted(taken) == list(range(40))
    assert queues[0].count_waiting() == 0


def test_what_a_living_process_holds_is_left_to_it(url):
    store = Store(url)
    store.add_job(JOB, [IMAGE, IMAGE])
    first, second = Queue(store.engine), Queue(store.engine)
    first.join(), second.join()
    held, other = first.next_task(), second.next_task()
    assert {held.position, other.position} == {0, 1}
    second.finish(other, summary={}, cells={})
    assert second.next_task() is None
    assert first.next_task().job_image_id == held.job_image_id  # its own it may take again


@pytest.mark.parametrize("end", ["killed", "silent", "left"])
def test_what_a_dead_process_held_is_free(url, end):
    store = Store(url)
    store.add_job(JOB, [IMAGE])
    dead, living = Queue(store.engine), Queue(store.engine)
    dead.join(), living.join()
    held = dead.next_task()
    assert living.next_task() is None
    if end == "left":
        dead.leave()
    else:
        change = {"started": 1.0} if end == "killed" else {"host": "far away", "seen": LONG_AGO}
        with Session(store.engine) as session, session.begin():
            session.execute(update(WorkerRow).where(WorkerRow.id == dead._me).values(**change))
        living.join()  # the next heartbeat
    again = living.next_task()
    assert (again.job_image_id, again.attempts) == (held.job_image_id, 2)
    dead.join()  # it was only slow: it is known again, and its late result does not count twice
    assert living.finish(again, summary={"n_cells": 1}, cells={})
    assert not dead.finish(held, summary={"n_cells": 2}, cells={})


def test_a_job_is_deleted_with_images_that_no_other_uses(url):
    store = Store(url)
    other = replace(IMAGE, sha256="cd" * 32)
    first = store.add_job(JOB, [IMAGE, other])
    second = store.add_job(JOB, [IMAGE])
    queue = Queue(store.engine)
    queue.finish(queue.next_task(), summary={}, cells={})
    with pytest.raises(MissingError), store.deleting("somebody else", first):
        pass
    with store.deleting("me", first) as unused:
        assert unused == [(other.sha256, ".png")]
    with pytest.raises(MissingError):
        store.job("me", first)
    assert store.job("me", second).n_images == 1
    store.add_job(JOB, [other])


def test_a_deletion_that_fails_leaves_the_job(url):
    store = Store(url)
    job = store.add_job(JOB, [IMAGE])
    with pytest.raises(OSError), store.deleting("me", job):
        raise OSError("no file can be deleted")
    assert store.job("me", job).n_images == 1


def test_the_same_image_comes_in_many_jobs_at_once(url):
    store = Store(url)
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: store.add_job(JOB, [IMAGE]), range(16)))
    assert len(set(jobs)) == len(store.jobs("me")) == 16


def test_several_may_start_at_once(url):
    with ThreadPoolExecutor(3) as pool:
        for store in pool.map(Store, [url] * 3):
            store.check()


def test_a_file_is_opened_while_another_process_is_in_it(tmp_path):
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE begun (id INTEGER)")
    release = threading.Timer(0.5, other.rollback)
    release.start()
    try:
        Store(f"sqlite:///{path}").check()
    finally:
        release.join()
        other.close()


@pytest.mark.parametrize(
    "wrong", ["nonsense", "nodatabase://x", "postgresql+nodriver://u:secret@h/x"]
)
def test_a_wrong_url_is_one_sentence(wrong):
    with pytest.raises(ConfigError) as error:
        Store(wrong)
    assert "secret" not in str(error.value) and "\n" not in str(error.value)
