// From the rows of one partition, or from dense states, to the rows of the answer.
#pragma once

#include <functional>
#include <vector>

#include "aggregate/partitions.h"
#include "aggregate/plan.h"
#include "hayate/table.h"

namespace hayate::aggregate {

/// Memory that finishing `rows` rows of a partition takes at most.
int64_t finishing_bytes(const Plan& plan, int64_t rows);

/// The groups of a partition in the order of their keys: key columns, then outputs. `least` and `greatest` bound the
/// partition's first key word.
Result<Table> finish_partition(const Plan& plan, const Partitions& partitions, size_t partition);

/// The groups of states where the group's number is its key; those without rows are left out.
Table finish_dense(const Plan& plan, const std::vector<uint64_t>& states);

}  // namespace hayate::aggregate
