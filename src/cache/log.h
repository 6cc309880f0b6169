// Results of one process at a time, one after the other in a file: for a run that shares no cache. Its results are wanted only
// until it is finished, so nothing is ever evicted, and one file is made, synced and removed instead of one per task: that
// costs 0.1 ms of CPU a task where a file of its own costs 0.6 (and on disks that are told of every removal, 3 ms more).
//
// An entry that was written outlives the process at once. When the log is opened again, entries up to the first that is not
// whole are there; what a kill tore off at the end is cut away. Where an fsync fails the file is abandoned and another begun:
// what was written since the last good one is forgotten and made again by whoever needs it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/entry.h"

namespace hayate::cache {

class Log {
 public:
  /// Opens the logs in `folder`, which is made when it is missing; null, and errno, when it cannot be.
  static std::unique_ptr<Log> open(const std::string& folder);
  ~Log();

  bool has(const Hash128& key) const;
  /// The bytes under `key`; nothing when there are none, and `damaged` when they are not as they were written. Any thread.
  std::optional<std::string> get(const Hash128& key, double& seconds, bool& damaged);
  /// False, and errno, when the entry cannot be written whole; nothing of it is left then. Any thread.
  bool put(const Entry& entry);
  /// What was put before is on the disk now; otherwise it is forgotten, and how many entries were. Any thread.
  int64_t sync();

 private:
  struct Place {
    int file = -1;
    off_t offset = 0;
    size_t length = 0;
  };
  struct KeyHash {
    size_t operator()(const Hash128& key) const { return size_t(key.low); }
  };

  explicit Log(std::string folder) : folder_(std::move(folder)) {}
  bool read_files();
  void index(int file);
  bool begin_file();

  std::string folder_;
  std::vector<int> files_;  ///< those to read; the last is written
  off_t end_ = 0;           ///< of the last
  bool named_ = false;      ///< the name of the last is on the disk too
  std::unordered_map<Hash128, Place, KeyHash> places_;
  std::vector<Hash128> unsynced_;
  mutable std::mutex mutex_;
  std::mutex sync_mutex_;
};

}  // namespace hayate::cache
