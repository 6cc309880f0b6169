// From the rows of one partition, or from dense states, to the rows of the answer.
//
// With as many groups as rows (ten million, six keys) the time is spent in waiting: a fifth for the scatter of sort_by_range, an eighth for the system
// clearing the answer's pages, a tenth for sums that are read once. Dropped: rounding of sums compiled into the loop over them instead of called: no gain.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "aggregate/partitions.h"
#include "aggregate/plan.h"
#include "hayate/table.h"

namespace hayate::aggregate {

/// A key and what it brings along: the number of its row or group, or a word of it.
struct KeyedWord {
  uint64_t key, word;
};

/// The values of one input, group by group: values of group g are [ends[g - 1], ends[g]).
struct GroupedValues {
  std::vector<uint64_t> values;
  std::vector<size_t> ends;

  std::span<uint64_t> group(uint32_t g) {
    const size_t begin = g ? ends[g - 1] : 0;
    return std::span(values).subspan(begin, ends[g] - begin);
  }
};

/// Memory for the columns of answers, cut from pieces with large pages: as blocks of their own they came in pages of 4 KiB, each found and cleared
/// when it was written first, a fifteenth of the time of a group-by with ten million groups.
class AnswerMemory {
 public:
  /// Not cleared; aligned for any number. Throws std::bad_alloc.
  std::shared_ptr<void> take(size_t bytes);

 private:
  std::shared_ptr<void> piece_;
  size_t used_ = 0;
};

/// What finishing a partition needs besides its answer, for the next one to use again, one for each worker. Given back after each partition, the
/// system hands the pages out anew and clears them, which took longer than all that is done with them.
struct FinishingMemory {
  std::vector<KeyedWord> keyed, other;
  std::vector<uint32_t> places, group, order;
  std::vector<uint64_t> records, buffer, keys, states;
  std::vector<GroupedValues> values;  // by input
  AnswerMemory answers;
};

/// Memory that finishing `rows` rows of a partition takes at most, of at most so many groups.
int64_t finishing_bytes(const Plan& plan, int64_t rows, int64_t groups);

/// The groups of a partition in the order of their keys: key columns, then outputs.
Result<Table> finish_partition(const Plan& plan, const Partitions& partitions, size_t partition, FinishingMemory* memory);

/// The groups of states where the group's number is its key; those without rows are left out, but for the one of a plan without keys.
Table finish_dense(const Plan& plan, const std::vector<uint64_t>& states);

}  // namespace hayate::aggregate
