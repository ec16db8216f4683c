"""SIGTERM and Ctrl-C end a run that goes on after the failure of a part."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from cellwright.cli.compress_training import train_smaller
from cellwright.cli.stopping import GOES_ON, ends_when_told, told_when_stopped

RUN = """
import signal, time
import lightning.pytorch as pl
import torch
from cellwright.cli.stopping import ends_when_told


class Slow(pl.LightningModule):
    def training_step(self, batch, index):
        if index == 0:
            print("learning", flush=True)
        time.sleep(0.1)

    def configure_optimizers(self):
        return None


def learn():
    images = torch.utils.data.TensorDataset(torch.zeros(1000, 1))
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, barebones=True)
    trainer.fit(Slow(), torch.utils.data.DataLoader(images, num_workers=1))


with ends_when_told():
    for part in range(3):
        try:
            learn()
        except Exception as error:
            print("failed", error, flush=True)
"""


def test_the_handler_of_before_is_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with ends_when_told():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGTERM, ""), (signal.SIGINT, "\nstopped: what is done is kept\n")]
)
def test_a_run_whose_loaders_are_stopped_with_it_begins_no_other_part(number, told):
    run = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "learning\n"
    os.killpg(run.pid, number)
    said, errors = run.communicate(timeout=60)
    assert (run.returncode, said) == (-number, "")
    assert errors.endswith(told)


def test_a_training_before_a_verdict_ends_when_told(monkeypatch, tmp_path):
    pytest.importorskip("lightning")
    seen = []

    def trained(*_, **__):
        seen.append(signal.getsignal(signal.SIGTERM))
        raise InterruptedError

    monkeypatch.setattr("cellwright.learning.train.train", trained)
    monkeypatch.setattr(
        "cellwright.learning.fine_tuning.fine_tuning_config",
        lambda *_: SimpleNamespace(schedule=SimpleNamespace(epochs=1)),
    )
    with pytest.raises(InterruptedError):
        train_smaller(None, None, tmp_path / "small.cellwright")
    with ends_when_told():
        assert seen == [signal.getsignal(signal.SIGTERM)]


def test_ctrl_c_says_what_the_same_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), told_when_stopped(GOES_ON):
        raise KeyboardInterrupt
    assert "stopped: " in capsys.readouterr().err
    with told_when_stopped(GOES_ON):
        pass
    assert capsys.readouterr().err == ""
