#include "exec/exec_config.h"

#include "exec/granted.h"

namespace hayate::exec {

int worker_count(const ExecConfig& config) { return int(config.workers > 0 ? config.workers : granted_cores().value); }

int io_worker_count(const ExecConfig& config) { return config.io_workers > 0 ? int(config.io_workers) : 2; }

Retries retries_of(const ExecConfig& config) {
  const int tries = int(config.retries);
  return {tries, tries, std::min(tries, 1)};
}

int64_t memory_limit_bytes(const ExecConfig& config) {
  return config.memory_limit.value > 0 ? config.memory_limit.value : granted_memory().value / 10 * 8;
}

}  // namespace hayate::exec
