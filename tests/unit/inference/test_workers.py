import threading

import pytest

from cellwright.bundles.sessions import Sharing
from cellwright.inference.workers import (
    MAX_STREAMS,
    WORKERS_PER_STREAM,
    in_order,
    plan_work,
    usable_cores,
)


def test_results_come_in_the_order_of_the_items_whoever_is_done_first():
    turn = threading.Barrier(2)
    second_done = threading.Event()

    def work(item):
        if item < 2:
            turn.wait(timeout=10)  # passes only if both are in work at once
        if item == 0:
            assert second_done.wait(timeout=10)
        if item == 1:
            second_done.set()
        return item * item

    assert list(in_order(work, range(9), workers=2)) == [n * n for n in range(9)]


def test_no_more_than_the_workers_are_in_work_or_waiting():
    begun = []
    results = in_order(lambda item: begun.append(item) or item, range(20), workers=3)
    assert next(results) == 0
    assert len(begun) <= 3
    assert list(results) == list(range(1, 20))


def test_an_error_is_raised_in_its_turn_and_nothing_new_is_begun():
    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise OSError("disk full")
        return item

    done = []
    with pytest.raises(OSError, match="disk full"):
        for result in in_order(work, range(100), workers=2):
            done.append(result)
    assert done == [0, 1, 2]
    assert len(begun) <= 6


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8, 16, 64])
@pytest.mark.parametrize("n_images", [1, 2, 3, 1000])
def test_a_plan_keeps_to_the_threads(n_images, threads):
    plan = plan_work(n_images, threads=threads)
    assert plan.sharing.threads == threads
    assert 1 <= plan.sharing.streams <= min(threads, n_images, MAX_STREAMS)
    assert plan.sharing.streams <= plan.workers <= min(threads, n_images)
    assert plan.workers <= WORKERS_PER_STREAM * plan.sharing.streams


def test_one_thread_means_one_image_after_the_other():
    assert plan_work(50, threads=1).workers == 1
    threads = set()
    list(in_order(lambda _: threads.add(threading.get_ident()), range(5), workers=1))
    assert len(threads) == 1


def test_without_a_number_all_cores_are_shared_out():
    plan = plan_work(1000, threads=None)
    assert plan.sharing.threads == usable_cores() >= 1
    assert plan_work(1, threads=None).sharing == Sharing(None)


@pytest.mark.parametrize(("threads", "streams"), [(2, 3), (None, 2), (4, 0)])
def test_a_sharing_that_cannot_be_is_refused(threads, streams):
    with pytest.raises(ValueError, match="thread"):
        Sharing(threads, streams)
