// Rows (as words) sorted into ranges of their packed key, in blocks of memory, and in a temporary file when memory runs
// short. What belongs to one group is in one partition, whole partitions follow one another in the order of the output,
// and within one the order of rows does not matter (plan.h), so workers write to blocks of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/error.h"
#include "io/files.h"

namespace hayate::aggregate {

/// Blocks of equal size, handed out and taken back by any thread. Memory goes back to the system with the store.
class BlockStore {
 public:
  explicit BlockStore(size_t block_words) : block_words_(block_words) {}
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  size_t block_words() const { return block_words_; }
  /// nullptr: no memory.
  uint64_t* take();
  void give_back(uint64_t* block);
  /// Of blocks that are in use.
  int64_t bytes() const { return in_use_ * int64_t(block_words_ * 8); }

 private:
  size_t block_words_;
  std::mutex mutex_;
  std::vector<uint64_t*> free_;
  std::vector<std::shared_ptr<void>> slabs_;
  int64_t in_use_ = 0;
};

/// Which partition a key is in: ((word - base) >> shift) of one of its words.
struct Cut {
  int word = 0;
  uint64_t base = 0;
  int shift = 0;
  size_t count = 1;

  size_t partition(const uint64_t* record) const { return size_t((record[word] - base) >> shift); }
};
/// The cut of values from 0 to `span` into at most 2 * `wanted` ranges.
Cut cut_range(int word, uint64_t base, uint64_t span, size_t wanted);

class Partitions {
 public:
  /// `blocks` and `spill` (made when it is needed first) outlive this and may be shared.
  Partitions(size_t record_words, Cut cut, int workers, BlockStore* blocks, std::optional<io::TemporaryFile>* spill);
  ~Partitions();

  const Cut& cut() const { return cut_; }
  size_t record_words() const { return record_words_; }
  /// Adds a record. False: no memory for another block. One thread for each worker number.
  bool add(int worker, const uint64_t* record) {
    Tail& tail = tails_[size_t(worker) * cut_.count + cut_.partition(record)];
    if (tail.at == tail.end && !extend(worker, &tail)) return false;
    for (size_t i = 0; i < record_words_; ++i) tail.at[i] = record[i];
    tail.at += record_words_;
    return true;
  }

  /// Adds `count` records whose word i is columns[i][r].
  bool add(int worker, std::span<const uint64_t* const> columns, size_t count);

  /// Moves all rows in memory to the file.
  Result<void> spill(exec::Pool& pool);
  int64_t spilled_bytes() const { return spilled_; }

  int64_t rows(size_t partition) const;
  /// Calls visit(records) until all rows of a partition were seen, spilled ones first; may be called again. `buffer` is used for reading.
  Result<void> visit(size_t partition, std::vector<uint64_t>* buffer, const std::function<void(std::span<const uint64_t>)>& visit) const;
  /// Gives the memory of a partition back.
  void clear(size_t partition);

 private:
  struct Block {
    uint64_t* begin;
    size_t words;
  };
  /// Where a worker writes next in a partition, and the full blocks before.
  struct Tail {
    uint64_t *begin = nullptr, *at = nullptr, *end = nullptr;
    std::vector<Block> full;
  };
  struct Extent {
    int64_t offset;
    size_t words;
  };
  bool extend(int worker, Tail* tail);
  template <size_t kWords>
  bool scatter(int worker, const uint64_t* const* columns, size_t count);
  Result<void> spill_partition(size_t partition);
  template <class Visit>
  void each_block(size_t partition, Visit&& visit) const;

  size_t record_words_;
  Cut cut_;
  int workers_;
  BlockStore* blocks_;
  std::optional<io::TemporaryFile>* file_;
  std::vector<Tail> tails_;  // [worker][partition]
  std::vector<std::vector<Extent>> extents_;
  int64_t spilled_ = 0;
};

}  // namespace hayate::aggregate
