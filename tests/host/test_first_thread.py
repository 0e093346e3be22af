"""Whether a process lives whose first thread has ended."""

import os
import subprocess
import sys
import time
from pathlib import Path

from skips import linux_fact

from pytest_fsfault._host.processes import child_lives, living, started_at

pytestmark = linux_fact("the state of a process is there that of its first thread")
CODE = (
    "import ctypes, os, threading\nthreading.Thread(target=os.read, args=(0, 1)).start()\n"
    "print(flush=True)\nctypes.CDLL(None).pthread_exit(None)"
)


def test_a_process_lives_until_its_last_thread_has_ended():
    """The system shows the first one as ended, and reports no end of the process yet: no clock may jump over it."""
    with subprocess.Popen([sys.executable, "-S", "-c", CODE], stdin=-1, stdout=-1) as child:
        child.stdout.readline()
        while "\nState:\tZ" not in Path(f"/proc/{child.pid}/status").read_text():
            time.sleep(0.001)
        assert os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        assert child_lives()
        assert child.pid in living()
        assert 0 < started_at(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.pid not in living()
        assert 0 == started_at(child.pid)
