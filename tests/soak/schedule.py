#!/usr/bin/env python3
"""Thousands of simulated days of the scheduler. schedule.py [--seeds N] [--sim-seed N]: the second plays one again."""
import os
import pathlib
import sys

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build/release/tests/soak/schedule_soak"
os.execv(PROGRAM, [str(PROGRAM), *sys.argv[1:]])
