"""The short form of `./dev soak crash`: a fault at some of the system calls of a small run, then resume."""
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed (./dev soak crash installs it)")
def test_a_run_with_a_fault_at_a_system_call_is_resumed_to_the_same_bytes(binary):
    done = subprocess.run([sys.executable, ROOT / "tests/soak/crash.py", "--hayate", binary, "--points", "5", "--seeds", "4"], capture_output=True, text=True)
    if "not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stdout + done.stderr
