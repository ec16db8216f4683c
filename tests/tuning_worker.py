"""A worker of a search whose trainings are arithmetic: STORAGE OUT N_TRIALS [hold].

With ``hold`` it stops for ever in its first trial after two epochs, to be killed there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cellwright.tuning.space import read_space
from cellwright.tuning.storage import open_storage
from cellwright.tuning.worker import OpenStudy, Search, open_study, work

SPACE = read_space(["x=float:-1:1", "n=int:1:9"])
N_EPOCHS = 4


def main(where: str, out: Path, n_trials: int, *, hold: bool) -> None:
    def measure(params, folder, tell):
        folder.mkdir(parents=True, exist_ok=True)
        done = sorted(int(path.stem) for path in folder.glob("*.epoch"))
        with (folder / "began").open("a") as file:
            file.write(f"{len(done)}\n")
        for epoch in range(len(done), N_EPOCHS):
            (folder / f"{epoch}.epoch").touch()
            tell(epoch, epoch - params["x"] ** 2 - params["n"])
            if hold and epoch == 1:
                (out / "holding").touch()
                time.sleep(600)

    storage = open_storage(where)
    search = Search(SPACE, n_trials, pruner="none")
    study = open_study(storage, "arithmetic", search, fingerprint="one")
    work(OpenStudy(study, storage, search), measure, out=out, poll_s=0.1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), hold=sys.argv[4:] == ["hold"])
