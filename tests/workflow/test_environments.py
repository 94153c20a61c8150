"""Each environment alone is enough for its rules: every script of the smoke config, run where nothing else is."""

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from running import ROOT, SMOKE, changed, listed

from transferscope.models import zoo

HERE = Path(__file__).parent
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# scripts that the default target does not run on embedded data
ON_DEMAND = {"download_dataset.py", "fetch_source.py", "estimate_cost.py"}
# that of the environment which runs the tests, on the PATH or not
UV = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
# what packages are imported as, where that is another name
MODULES = {"pillow": "PIL", "scikit-learn": "sklearn", "pyyaml": "yaml"}


class Environment:
    """A fresh virtual environment of one file's Python and pins, and processes in it that run scripts."""

    def __init__(self, file: Path, folder: Path, working: Path):
        python, *_, pip = yaml.safe_load(file.read_text())["dependencies"]
        self.packages = [pin.partition("==")[0] for pin in pip["pip"]]
        self.name, self.python, self.working = file.stem, str(folder / "bin" / "python"), working
        uv("venv", "--python", python.removeprefix("python="), str(folder))
        # what the pins bring along is of the lock's versions
        uv("pip", "install", "--python", self.python, "--constraint", str(ROOT / "requirements.lock"), *pip["pip"])
        # processes that wait for their next job: one that has imported torch is worth keeping
        self.idle = []
        self.imported = set()

    def run(self, job: dict) -> dict:
        """What came of a job."""
        process = self.idle.pop() if self.idle else self.start()
        process.stdin.write(pickle.dumps(job))
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        self.idle.append(process)
        self.imported |= set(answer["imported"])
        return answer

    def start(self) -> subprocess.Popen:
        """A process; -I keeps the user's packages and PYTHONPATH from it."""
        call, pipe = [self.python, "-I", str(HERE / "run_scripts.py")], subprocess.PIPE
        return subprocess.Popen(call, cwd=self.working, stdin=pipe, stdout=pipe)

    def close(self) -> None:
        for process in self.idle:
            process.communicate()


def uv(*arguments: str) -> None:
    """A call of uv that must succeed; where it neither has nor can fetch what it needs, the tests are skipped."""
    outcome = subprocess.run([UV, *arguments], text=True, capture_output=True)
    unreachable = ("error sending request", "Could not connect", "dns error", "network was disabled")
    if any(sign in outcome.stderr for sign in (*unreachable, "No interpreter found")):
        pytest.skip(f"no environment can be made here: {outcome.stderr.splitlines()[0]}")
    assert outcome.returncode == 0, outcome.stderr


@pytest.fixture(scope="module")
def working(tmp_path_factory) -> Path:
    """The folder that all jobs run in."""
    return tmp_path_factory.mktemp("working")


@pytest.fixture(scope="module")
def environments(tmp_path_factory, working):
    """The environments by name."""
    if UV is None:
        pytest.skip("uv is not here to make environments with: it is in requirements.lock")
    folder, made = tmp_path_factory.mktemp("environments"), {}
    try:
        for file in ENVIRONMENTS:
            made[file.stem] = Environment(file, folder / file.stem, working)
        yield made
    finally:
        for environment in made.values():
            environment.close()
        shutil.rmtree(folder)


def run_all(jobs: list[dict], environments: dict[str, Environment]) -> None:
    """Run jobs, given in an order in which they can, two at a time."""
    made, failed = {path: Event() for job in jobs for path in job["output"][0]}, Event()

    def run(job: dict) -> None:
        for path in job["input"][0]:
            if path in made:
                made[path].wait()
        if failed.is_set():
            return
        try:
            answer = environments[job["environment"]].run(job)
            assert answer["error"] is None, f"{job['rule']}, in envs/{job['environment']}.yaml:\n{answer['error']}"
            assert answer["foreign"] == [], job["rule"]
        except BaseException:
            failed.set()
            # nobody is to wait for what will not come
            for each in made.values():
                each.set()
            raise
        for path in job["output"][0]:
            made[path].set()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, jobs))


@pytest.fixture(scope="module")
def elsewhere(working, tmp_path_factory) -> Path:
    """A config that needs what the smoke config does not: data and models from elsewhere, as far as they are here."""
    image = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    for name in ("a", "b"):
        (working / "pictures" / name).mkdir(parents=True)
        image.save(working / "pictures" / name / "0.png")
    raw = working / "results/downloads/clothes/FashionMNIST/raw"
    raw.mkdir(parents=True)
    for kind in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{kind}-ubyte.gz").write_bytes(gzip.compress(b""))
    shape = {"classes": 2, "channels": 3, "image_size": 32}
    models = {}
    for library, name in (("torchvision", "shufflenet_v2_x0_5"), ("timm", "test_resnet")):
        models[library] = {"library": library, "name": name, "image_size": 32}
        models[library]["source"] = {"checkpoint": f"{library}.pt"}
        torch.save(zoo.create(models[library] | shape).state_dict(), working / f"{library}.pt")
    models["torchvision"]["source"]["normalisation"] = {"mean": [0.5] * 3, "std": [0.5] * 3}

    def change(config: dict) -> None:
        config["models"] |= models
        config["tas"]["models"] = list(models)
        config["datasets"] |= {"pictures": {"loader": "ImageFolder", "root": "pictures", "size": 16}}
        config["datasets"] |= {"clothes": {"loader": "FashionMNIST"}}

    return changed(tmp_path_factory.mktemp("config"), change)


@pytest.fixture(scope="module")
def jobs(working) -> list[dict]:
    """The jobs of the smoke config."""
    return listed(working, SMOKE)


def test_every_script_of_the_smoke_config_runs_in_its_environment_alone(environments, jobs):
    scripts = {path.name for path in (ROOT / "workflow" / "scripts").glob("*.py")}
    assert scripts - {Path(job["script"]).name for job in jobs} == ON_DEMAND
    run_all(jobs, environments)


def test_so_do_those_that_run_on_demand(environments, working, elsewhere):
    jobs = listed(working, elsewhere, "fetch", "results/data/pictures.h5", "cost")
    assert {Path(job["script"]).name for job in jobs} == ON_DEMAND | {"prepare_dataset.py"}
    run_all(jobs, environments)


def test_every_pin_of_an_environment_is_imported_by_its_scripts(environments):
    """After all of the above. What no script imports is better left out."""
    for environment in environments.values():
        modules = {MODULES.get(package, package) for package in environment.packages}
        assert modules - environment.imported == set(), f"envs/{environment.name}.yaml"


def test_a_script_in_an_environment_that_lacks_a_package_fails(environments, jobs):
    (job,) = (job for job in jobs if job["rule"] == "draw_tas_figures")
    assert "No module named 'matplotlib'" in environments["analysis"].run(job)["error"]
