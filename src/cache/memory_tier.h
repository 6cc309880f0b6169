// Values kept in memory, at most so many bytes of them. What goes first is decided by GreedyDual-Size (Cao and Irani 1997):
// an entry is worth clock + seconds / bytes when it comes and whenever it is asked for, the least worth one is evicted,
// and the clock is then set to that worth. So a value that cost much to make stays longer than one that is as large and
// was cheap, and one that nobody asks for goes in the end whatever it cost.
//
// Sixteen parts by key, each with its own lock, so that workers seldom meet. An entry asked for again is not moved in
// its part's heap but put right when it comes to the top: a hit costs a look-up and no more.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"

namespace hayate::cache {

/// A stored result; null: there is none. Shared, so that an eviction takes it from nobody.
using Value = std::shared_ptr<const std::string>;

class MemoryTier {
 public:
  /// Holds at most `most_bytes` of values; 0: none at all.
  explicit MemoryTier(int64_t most_bytes) : most_bytes_(most_bytes / kParts) {}

  /// Any thread.
  Value get(const Hash128& key);
  /// A value that alone is larger than a sixteenth of the tier is not kept. `seconds`: what it took to make. Any thread.
  void put(const Hash128& key, Value value, double seconds);
  int64_t bytes() const;

 private:
  static constexpr int64_t kParts = 16;

  struct KeyHash {
    size_t operator()(const Hash128& key) const { return size_t(key.low); }
  };
  /// What keeps an entry: its worth, then how lately it was used.
  struct Rank {
    double worth = 0;
    uint64_t used = 0;
    auto operator<=>(const Rank&) const = default;
  };
  struct Kept {
    Value value;
    double seconds = 0;
    Rank rank;
  };
  struct Place {
    Rank rank;
    Hash128 key;
    bool operator<(const Place& other) const { return rank > other.rank; }  // the lowest on top of the heap
  };
  struct Part {
    mutable std::mutex mutex;
    std::unordered_map<Hash128, Kept, KeyHash> entries;
    std::vector<Place> heap;
    double clock = 0;
    uint64_t uses = 0;
    int64_t bytes = 0;
  };

  Part& part_of(const Hash128& key) { return parts_[key.high % kParts]; }
  static void use(Part& part, Kept& kept);
  static void evict_one(Part& part);

  int64_t most_bytes_;
  std::array<Part, kParts> parts_;
};

}  // namespace hayate::cache
