// Results of earlier work in a folder, named by what they were made of: the key is a hash of everything that decides the
// result (bars, expressions, params, seed, the program itself), so new data can't return an old answer and nothing ever
// goes stale. An entry is written under a temporary name and renamed, and carries a checksum: readers take no lock, any
// number of processes share a folder, a process that dies leaves no entry, a damaged entry is set aside and made again.
//
// Two tiers: what was asked for lately in memory (memory_tier.h), everything in the folder. Both are bounded. From the
// folder goes first what was used longest ago, times its bytes, over the seconds it took to make: an hour's work of 1 KB
// outlives a second's of 1 MB.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder_lock.h"
#include "base/hash.h"
#include "cache/entry.h"
#include "cache/log.h"
#include "cache/memory_tier.h"
#include "hayate/error.h"

namespace hayate::cache {

struct StoreUse {
  int64_t hits = 0;         ///< of both tiers
  int64_t memory_hits = 0;  ///< of them without the folder
  int64_t misses = 0, damaged = 0, written = 0;
};

/// Most bytes that a store keeps. The folder may exceed its bound by a sixty-fourth for every process that writes to it.
struct Bounds {
  int64_t memory = 64'000'000;
  int64_t folder = 10'000'000'000;
};

class Store {
 public:
  /// Makes the folder when it is missing. Error (io): it cannot be made or written.
  static Result<Store> open(const std::string& folder, const Bounds& bounds = {});
  /// A store of one process alone, without bounds: log.h says when and why. Error (io): it cannot be made or written.
  static Result<Store> open_log(const std::string& folder);
  ~Store();
  Store(Store&& other) noexcept;
  Store& operator=(Store&&) = delete;

  /// What is stored under `key`, or null. Any thread.
  Value get(const Hash128& key);
  /// True when there is an entry, whole or not.
  bool has(const Hash128& key) const;
  /// get() for each key, in order.
  std::vector<Value> get(std::span<const Hash128> keys);

  /// Stores an entry, in the place of one that is there already. It outlives this process at once, a power cut
  /// after the next sync() (before, it may be torn, which get() notices). Any thread.
  Result<void> put(const Entry& entry);
  /// All of them, and one sync().
  Result<void> put(std::span<const Entry> entries);
  /// Entries put before are now on the disk, at most `most` of them. One that the disk refuses is removed and counted as
  /// damaged: it is made again by whoever needs it. True when there are more. Any thread.
  bool sync(size_t most = SIZE_MAX);

  StoreUse use() const { return {hits_, memory_hits_, misses_, damaged_, written_}; }
  const std::string& folder() const { return folder_; }

 private:
  Store(std::string folder, const Bounds& bounds)
      : folder_(std::move(folder)), bounds_(bounds), memory_(std::make_unique<MemoryTier>(bounds.memory)) {}
  std::string path_of(const Hash128& key) const;
  Value read(const Hash128& key, double& seconds);
  Value read_log(const Hash128& key, double& seconds);
  void account(int64_t bytes, std::string path);

  std::string folder_, writing_;  ///< writing_: our own folder of unfinished entries, inside
  Bounds bounds_;
  FolderLock lock_;  ///< of writing_
  std::unique_ptr<MemoryTier> memory_;
  std::unique_ptr<Log> log_;  ///< takes the place of the folder; null: there is none
  std::mutex mutex_;
  std::vector<std::string> unsynced_;
  int64_t untrimmed_ = 0;  ///< bytes written since the folder was last held to its bound
  std::atomic<int64_t> hits_{0}, memory_hits_{0}, misses_{0}, damaged_{0}, written_{0};
};

struct StoreSize {
  int64_t entries = 0, bytes = 0, damaged = 0;
};
/// What a folder holds; zeros for one that does not exist.
StoreSize measure(const std::string& folder);
/// Removes entries until at most `most_bytes` are left: damaged ones first, then in the order above. Files that are no
/// entries stay, but for what killed processes were writing. Returns what is left.
StoreSize trim(const std::string& folder, int64_t most_bytes);

/// $XDG_CACHE_HOME/hayate, else ~/.cache/hayate, else "" (no home).
std::string user_folder();

}  // namespace hayate::cache
