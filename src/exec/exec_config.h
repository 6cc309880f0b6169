// How to run: never changes a byte of a result, never hashed. Strength: flag > environment > TOML > default.
#pragma once

#include <cstdint>
#include <string>

#include "base/fields.h"
#include "exec/schedule.h"

namespace hayate::exec {

struct ExecConfig {
  int64_t workers = 0, io_workers = 0;
  Bytes memory_limit;
  Seconds timeout;
  int64_t retries = 3;
  int64_t batch_symbols = 0;
  std::string cache;
  std::string device = "auto";
  std::string monitoring = "on";
};

template <class Visitor>
void visit_fields(ExecConfig& c, Visitor&& field) {
  field("workers", c.workers, "CPU workers; 0: one per granted core", Range{0, 1024}, Argument{"N"});
  field("io_workers", c.io_workers, "threads that wait for the disk, beside the CPU workers; 0: two", Range{0, 64}, Argument{"N"});
  field("memory_limit", c.memory_limit, "peak memory of the process; 0: 80 % of what is granted", Range{0, 1e15}, Argument{"SIZE"});
  field("timeout", c.timeout, "seconds one task may take; 0: no limit", Range{0, 1e9}, Argument{"TIME"});
  field("batch_symbols", c.batch_symbols, "symbols handed to a worker together; 0: chosen by size", Range{0, 1e6}, Argument{"N"});
  field("cache", c.cache, "folder of stored results, or off; empty: the user's cache folder", Argument{"DIR|off"});
  field("retries", c.retries, "how often a task is tried again after it ran out of memory or died, after a time-out once at most; 0: never",
        Range{0, 100}, Argument{"N"});
  field("device", c.device, "where to compute", Choices{{"cpu", "gpu", "auto"}});
  field("monitoring", c.monitoring, "watch pressure on the machine and run fewer tasks under it, and record every task in events.jsonl",
        Choices{{"on", "off"}});
}

/// The workers to start: what was asked for, else one per granted core.
int worker_count(const ExecConfig& config);
/// The threads that wait for the disk.
int io_worker_count(const ExecConfig& config);
/// The attempts that the config allows a task.
Retries retries_of(const ExecConfig& config);
/// The bytes the process may hold: what was asked for, else 80 % of what is granted.
int64_t memory_limit_bytes(const ExecConfig& config);

}  // namespace hayate::exec
