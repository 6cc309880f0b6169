// Where finished tasks go: their results to the store, their records to the manifest, both to the disk soon after, by threads
// that wait for it so that no worker has to. A result is written and renamed and its record appended before the task counts as
// finished: a process killed at any moment after that has lost nothing. The disk is asked for all of them together (group
// commit), so a power cut may take the last tenth of a second.
#pragma once

#include <mutex>
#include <optional>

#include "cache/store.h"
#include "exec/io_pool.h"
#include "pipeline/last_inputs.h"
#include "pipeline/manifest.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {

class Commits {
 public:
  /// All of them must outlive this.
  Commits(cache::Store& store, Manifest& manifest, const LastInputs& last, int io_workers)
      : store_(store), manifest_(manifest), last_(last), io_(io_workers) {}

  /// Records a task whose result has been put into the store. Any thread. Error: the record cannot be written, or the disk refused one
  /// before.
  Result<void> record(const TaskTrace& task);

  const exec::IoPool& io() const { return io_; }

 private:
  void commit();
  std::string why_run(const TaskTrace& task) const;

  cache::Store& store_;
  Manifest& manifest_;
  const LastInputs& last_;
  std::mutex mutex_;
  bool pending_ = false;
  std::optional<Error> failure_;
  exec::IoPool io_;  ///< last: its threads end before what they use
};

}  // namespace hayate::pipeline
