"""A store of an earlier version is brought up to date with all that is in it."""

from __future__ import annotations

import json

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from cellwright.service.database import MIGRATIONS, _engine
from cellwright.service.store import Store

SUMMARIES = (
    {"n_cells": 3, "n_live": 1, "n_dead": 2, "n_cells_low": 2.5, "n_live_low": 0.5},
    {"n_cells": 2, "n_live": 0, "n_dead": 2, "n_unlike": 1},
    None,
)
CORRECTIONS = [{"class": "live", "label": 1}]


def write_old_store(url: str) -> None:
    """Three images as version 0002 kept them: one done, one corrected, one failed."""
    engine = _engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for statement in (
            "INSERT INTO images VALUES ('ab', '.png', 1, 2, 3, '2025-01-01 00:00:00')",
            "INSERT INTO jobs VALUES ('j', 'me', 'm', '0', '{}', false, '2025-01-01 00:00:00')",
        ):
            connection.execute(text(statement))
        for index, summary in enumerate(SUMMARIES):
            values = {
                "id": index + 5,
                "position": index,
                "summary": summary and json.dumps(summary),
                "problem": None if summary else json.dumps({"what": "x", "remedy": ""}),
                "corrections": json.dumps(CORRECTIONS) if index == 1 else None,
            }
            connection.execute(
                text(
                    "INSERT INTO job_images (id, job_id, position, name, sha256, attempts)"
                    " VALUES (:id, 'j', :position, 'a.png', 'ab', 1)"
                ),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO results (job_image_id, summary, problem, corrections, finished)"
                    " VALUES (:id, :summary, :problem, :corrections, '2025-01-01 00:00:00')"
                ),
                values,
            )
    engine.dispose()


def test_results_get_their_counts(url):
    write_old_store(url)
    store = Store(url)
    images = store.outcomes("me", "j")
    assert [image.summary for image in images] == list(SUMMARIES)
    assert [image.counts for image in images] == [
        {"live": 1, "dead": 2},
        {"live": 1, "dead": 0},
        None,
    ]
    assert [image.corrected for image in images] == [False, True, False]
    assert [image.corrections for image in images] == [None, CORRECTIONS, None]
    assert [image.state for image in images] == ["done", "done", "failed"]
    assert store.correct("me", "j", 1, None).counts == {"live": 0, "dead": 2}
    found = inspect(store.engine)
    assert {tuple(index["column_names"]) for index in found.get_indexes("job_images")} >= {
        ("job_id",),
        ("sha256",),
    }
    unique = found.get_unique_constraints("job_images")
    assert [one["column_names"] for one in unique] == [["job_id", "position"]]
    assert found.get_foreign_keys("results")[0]["referred_table"] == "job_images"
    with store.deleting("me", "j") as unused:
        assert unused == [("ab", ".png")]


def test_the_way_back(url):
    write_old_store(url)
    store = Store(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM results")) == len(SUMMARIES)
    assert Store(url).outcomes("me", "j")[1].corrected


@pytest.mark.parametrize("table", ["results", "job_images"])
def test_no_table_is_left_between(url, table):
    write_old_store(url)
    names = inspect(Store(url).engine).get_table_names()
    assert table in names and not [name for name in names if "before" in name or "tmp" in name]
