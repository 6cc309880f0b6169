#include "pipeline/commits.h"

#include <fmt/format.h>

#include <utility>

#include "pipeline/run_records.h"

namespace hayate::pipeline {
namespace {

constexpr double kCommitSeconds = 0.1;
constexpr size_t kCommitEntries = 16;  // synced by one thread before it looks whether others should help

}  // namespace

std::string Commits::why_run(const TaskTrace& task) const {
  std::string why = last_.why_run(task);
  if (task.new_rows >= 0)
    why += fmt::format("{}models are those of a stored result, {} row{} predicted", why.empty() ? "" : "; ", task.new_rows,
                       task.new_rows == 1 ? "" : "s");
  return why;
}

Result<void> Commits::record(const TaskTrace& task) {
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    if (!std::exchange(pending_, true)) io_.submit([this] { commit(); }, kCommitSeconds);
  }
  return manifest_.append(task_record(task, task.reused ? "" : why_run(task)));
}

void Commits::commit() {
  {
    const std::lock_guard lock(mutex_);
    pending_ = false;
  }
  if (store_.sync(kCommitEntries)) io_.submit([this] { commit(); });
  const auto synced = manifest_.sync();
  const std::lock_guard lock(mutex_);
  if (!synced.ok()) failure_ = synced.error();
}

}  // namespace hayate::pipeline
