#include "cache/memory_tier.h"

#include <algorithm>

namespace hayate::cache {
namespace {

/// What an entry takes beside its bytes: nodes of the map and the heap, the string, its control block.
constexpr int64_t kOverhead = 160;

int64_t size_of(const Value& value) { return int64_t(value->size()) + kOverhead; }

}  // namespace

void MemoryTier::use(Part& part, Kept& kept) { kept.rank = {part.clock + kept.seconds / double(size_of(kept.value)), ++part.uses}; }

Value MemoryTier::get(const Hash128& key) {
  if (most_bytes_ == 0) return nullptr;
  Part& part = part_of(key);
  const std::lock_guard lock(part.mutex);
  const auto at = part.entries.find(key);
  if (at == part.entries.end()) return nullptr;
  use(part, at->second);
  return at->second.value;
}

void MemoryTier::put(const Hash128& key, Value value, double seconds) {
  const int64_t size = size_of(value);
  if (size > most_bytes_) return;
  Part& part = part_of(key);
  const std::lock_guard lock(part.mutex);
  const auto [at, fresh] = part.entries.try_emplace(key);
  Kept& kept = at->second;
  if (!fresh) part.bytes -= size_of(kept.value);
  kept.value = std::move(value), kept.seconds = seconds;
  use(part, kept);
  part.bytes += size;
  if (fresh) {
    part.heap.push_back({kept.rank, key});
    std::push_heap(part.heap.begin(), part.heap.end());
  }
  while (part.bytes > most_bytes_) evict_one(part);
}

void MemoryTier::evict_one(Part& part) {
  while (true) {
    std::pop_heap(part.heap.begin(), part.heap.end());
    Place& place = part.heap.back();
    const auto at = part.entries.find(place.key);
    if (at->second.rank > place.rank) {  // asked for since: to its place
      place.rank = at->second.rank;
      std::push_heap(part.heap.begin(), part.heap.end());
      continue;
    }
    part.heap.pop_back();
    part.clock = at->second.rank.worth;
    part.bytes -= size_of(at->second.value);
    part.entries.erase(at);
    return;
  }
}

int64_t MemoryTier::bytes() const {
  int64_t sum = 0;
  for (const Part& part : parts_) {
    const std::lock_guard lock(part.mutex);
    sum += part.bytes;
  }
  return sum;
}

}  // namespace hayate::cache
