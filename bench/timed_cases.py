"""Seconds by case for peers that time themselves: Cases(repeats).time(name, work) for each, print(version) at the end."""
import json
import resource
import time


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Cases:
    def __init__(self, repeats, warm_up=0):
        """`warm_up`: runs before those that count."""
        self.repeats, self.warm_up, self.seconds = repeats, warm_up, {}

    def time(self, name, work):
        """What the last run of `work` gave."""
        walls, cpus, out = [], [], None
        for _ in range(self.warm_up + self.repeats):
            out = None   # the memory of the run before is free again
            wall, cpu = time.perf_counter(), cpu_seconds()
            out = work()
            walls.append(time.perf_counter() - wall)
            cpus.append(cpu_seconds() - cpu)
        self.seconds[name] = {"wall_s": walls[self.warm_up:], "cpu_s": cpus[self.warm_up:]}
        return out

    def print(self, version):
        """The line that a program ends with."""
        print(json.dumps({"version": version, "cases": self.seconds}))
