// Trees as a section of a .hyt file keeps them (docs/formats/model.md, sections of kind 2 and 6).
//
// A forest in memory takes 20 bytes a node and more. Most of them follow from others: a child's place from the order of the nodes, what
// reached the right child from what reached its parent and the left one, a share of class 1 from two counts. The file has the rest: 2.1 bytes
// a node for 100 trees of depth 10 on 2,000 rows of two classes, so that 500 such forests take 42 MB and not 364. What does not follow (means
// of numbers, weights that are no counts) stands there as it is, so that every forest is read back bit for bit.
#pragma once

#include <string>
#include <string_view>

#include "hayate/model.h"

namespace hayate {

void put_forest(std::string& out, const Forest& forest);
/// False when the bytes are no forest that holds together; links, counts, features and cuts are within their bounds otherwise.
bool read_forest(std::string_view section, Forest& forest);

/// Some features are ranges (Forest::categorical): a section of kind 6, which a reader that does not know them refuses.
bool has_ranges(const Forest& forest);

/// The problem has the classes it needs, and the link the scores that it reads.
bool problem_holds(Problem problem, int32_t num_classes, Link link, size_t num_scores);
bool all_finite(const std::vector<double>& values);

template <class T>
bool ascends_from_zero(const std::vector<T>& starts, uint64_t end, T least_step) {
  if (starts.empty() || starts.front() != 0 || starts.back() != end) return false;
  for (size_t i = 1; i < starts.size(); ++i)
    if (starts[i] < starts[i - 1] || starts[i] - starts[i - 1] < least_step) return false;
  return true;
}

}  // namespace hayate
