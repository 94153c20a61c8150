"""A real SLURM on this machine: one node, two GPUs that are none.

When it goes, it takes along its daemons, its configuration and its GPUs. What stays is Debian's packages, where they
had to be installed, and their folders /etc/slurm and /run/munge.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from running import ROOT

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
CONFIG = Path("/etc/slurm")
MARKER = "# Written by the tests of transferscope, which remove it when they are done."
# the profile as it stands, but that it asks after jobs more often
ON_CLUSTER = ("--profile", str(ROOT / "workflow" / "profiles" / "slurm"))
OFTEN = ("--slurm-init-seconds-before-status-checks", "6", "--seconds-between-status-checks", "6")
GPUS = [Path(f"/dev/transferscope-gpu{number}") for number in range(2)]

# what the node is said to have is more than there is: jobs ask for what the papers' scale needs, and none is to wait
SLURM = """{marker}
ClusterName=transferscope
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthType=auth/munge
# a job that was put back into the queue starts again after so many seconds
AuthInfo=cred_expire=5
StateSaveLocation={state}
SlurmdSpoolDir={state}
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
MailProg=/bin/true
MpiDefault=none
# by group: with linuxproc a child whose parent went first would live on
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
AccountingStoreFlags=job_comment
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=2,preempt_youngest_first
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=3
MinJobAge=3600
ReturnToService=2
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000000 Gres=gpu:{gpus}
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE
PartitionName=gpu Nodes=ALL MaxTime=INFINITE
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE
"""
# a count of GPUs without files would drain the node
GRES = """{marker}
Name=gpu File={files}
"""

# as squeue names what a Job is made of
FIELDS = (
    *("JobID", "Name", "Comment", "State", "TimeLimit", "Partition"),
    *("tres-per-job", "RestartCnt", "StartTime", "EndTime"),
)


def obstacle() -> str | None:
    """Why no SLURM can be set up here, or None where one can."""
    if os.geteuid() != 0:
        return "setting up SLURM needs root"
    if _missing() and not shutil.which("apt-get"):
        return f"{', '.join(_missing())} not found, and no apt-get to install {' '.join(PACKAGES)}"
    for path in (CONFIG / "slurm.conf", CONFIG / "gres.conf"):
        if path.exists() and MARKER not in path.read_text():
            return f"{path} belongs to a SLURM that is not these tests'"
    return None


def _missing() -> list[str]:
    return [program for program in PROGRAMS if not shutil.which(program)]


class Cluster:
    """The running SLURM: `with Cluster(folder): ...`, where folder is for its state and its logs. It is installed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._daemons: list[subprocess.Popen] = []

    def __enter__(self) -> "Cluster":
        try:
            self._configure()
            if not _answers("munge", "-n"):
                self._start("munged", "--foreground", user="munge")
                wait_until(lambda: _answers("munge", "-n"), "munged does not answer")
            self._start("slurmctld", "-D")
            self._start("slurmd", "-D")
            idle = ("sinfo", "--noheader", "--partition=cpu", "--format=%T")
            wait_until(
                lambda: _answers(*idle) and _output(*idle) == "idle", f"the node is not idle: see {self.folder}/*.log"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        try:
            if _answers("scancel", "--user=root"):
                wait_until(lambda: not _output("squeue", "--noheader"), "jobs do not end", seconds=60)
        finally:
            for daemon in reversed(self._daemons):
                daemon.terminate()
            for daemon in self._daemons:
                daemon.wait(timeout=60)
            for path in (CONFIG / "slurm.conf", CONFIG / "gres.conf", *GPUS):
                path.unlink(missing_ok=True)

    def _configure(self) -> None:
        CONFIG.mkdir(exist_ok=True)
        host = os.uname().nodename.split(".")[0]
        (CONFIG / "slurm.conf").write_text(SLURM.format(marker=MARKER, host=host, gpus=len(GPUS), state=self.folder))
        (CONFIG / "gres.conf").write_text(GRES.format(marker=MARKER, files=",".join(map(str, GPUS))))
        for path in GPUS:
            if not path.exists():
                # a null device
                os.mknod(path, 0o20666, os.makedev(1, 3))
        socket = Path("/run/munge")
        socket.mkdir(exist_ok=True)
        shutil.chown(socket, "munge", "munge")

    def _start(self, *command: str, user: str = "root") -> None:
        # a daemon ends with these tests, even where they are killed
        as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--pdeathsig=TERM")
        with open(self.folder / "daemons.log", "a") as log:
            daemon = subprocess.Popen([*as_user, *command], stdout=log, stderr=log, start_new_session=True)
        self._daemons.append(daemon)


class Job(NamedTuple):
    """A job as SLURM remembers it. submission: the Snakemake that submitted it; task: its rule and wildcards."""

    id: str
    submission: str
    task: str
    state: str
    limit: str
    partition: str
    gpus: str
    restarts: str
    start: str
    end: str


def jobs() -> list[Job]:
    """All jobs since the cluster came up, in the order in which they were submitted."""
    columns = [f"{field}:100" for field in FIELDS]
    listing = _output("squeue", "--states=all", "--noheader", "--sort=i", f"--Format={','.join(columns)}")
    return [Job(*(line[at : at + 100].strip() for at in range(0, 1000, 100))) for line in listing.splitlines()]


def device_of(job: str) -> str:
    """The number of the GPU that SLURM gave to a job."""
    return re.search(r"GRES=gpu:1\(IDX:(\d+)\)", _output("scontrol", "show", "job", "--detail", job))[1]


def install() -> None:
    """Install what is missing of SLURM. Raises CalledProcessError where apt-get cannot."""
    if not _missing():
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", *PACKAGES)):
        subprocess.run(["apt-get", "-qq", *arguments], check=True, env=environment)


def _answers(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wait_until(condition: Callable[[], object], otherwise: str, seconds: float = 30) -> None:
    """Return once condition() holds; raise TimeoutError(otherwise) if it does not come to that."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.1)
