"""SIGTERM ends a run that goes on after the failure of a part."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from cellwright.cli.stopping import ends_when_told

RUN = """
import subprocess, sys
from cellwright.cli.stopping import ends_when_told
with ends_when_told():
    for part in range(1000):
        try:
            print("part", part, flush=True)
            if subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"]).returncode:
                raise RuntimeError("a process that helps was killed")
        except Exception as error:
            print("failed", error, flush=True)
"""


def test_the_handler_of_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="143"), ends_when_told():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
def test_a_run_whose_helpers_are_stopped_with_it_begins_no_other_part():
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None and run.stdout.readline() == "part 0\n"
    time.sleep(0.5)  # its helper has begun
    os.killpg(run.pid, signal.SIGTERM)
    said, _ = run.communicate(timeout=30)
    assert run.returncode == 128 + signal.SIGTERM
    assert "part 1" not in said
