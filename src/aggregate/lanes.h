// Sums of many rows side by side in few words. What a group needs of a row is mostly small: that it is one row, a whole number from 1
// to 15, half the bits of a price. Such parts of many rows fit one 64-bit word together:
//
//   | sum of v2 - least | sum of v1 - least | rows |
//
// so a row is one addition to its group for all of them, and two for a float (the lower and the upper half of the bits that exact.h
// gives it). The least and the greatest of numbers of a small range are the ends of the set of those that a group has seen: a bit each in one word
// more, into which a row sets its own. Before a part can overflow into the next one, after `most_rows` rows, all groups are unpacked into
// their states.
//
// With 100,000 groups a quarter of the time is the addition itself, to places in no order: three words a group, 2.4 MB, are a little more than a
// second-level cache of 2 MB. Dropped: four words a group, each in one line of the cache: 3.2 MB, a quarter more time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "aggregate/plan.h"
#include "aggregate/real_sums.h"

namespace hayate::aggregate {

struct Lanes {
  /// Where the accumulator of a whole number (or of rows: input -1) stands.
  struct Whole {
    int accumulator = 0, input = -1;
    uint64_t least = 0;
    size_t word = 0;
    int shift = 0, bits = 0;
  };
  /// Halves of a float (kernels::Halving): the lower one in words[word], the upper one in the word behind.
  struct Real {
    int accumulator = 0, input = 0;
    RealCut cut = {};
    size_t word = 0;
  };
  /// The set of an input's numbers, `bits` from bit `shift` of the last word on, for its least or its greatest one.
  struct Set {
    int accumulator = 0, input = 0;
    uint64_t least = 0;
    int shift = 0, bits = 0;
  };
  std::vector<Whole> wholes;
  std::vector<Real> reals;
  std::vector<Set> sets;
  size_t words = 0;  ///< of a group
  int64_t most_rows = 0;

  size_t packed_words() const { return wholes.back().word + 1; }  ///< before those of reals
};

/// Nothing when an accumulator is no such sum or set, or its parts are too wide for it to pay for `groups` groups.
std::optional<Lanes> plan_lanes(const Plan& plan, size_t groups);

/// Values of an input: an array as a column holds it, or words (Element::uint64 for whole numbers, Element::word for reals).
struct LaneInput {
  kernels::Element element = kernels::Element::uint64;
  const void* values = nullptr;
};

/// Adds `count` rows to the sums of their groups: row r to group keys[r], whose words are at sums + keys[r] * lanes.words. Where groups are few every
/// one has a vector of sums (a row in memory would wait for the row before it, which goes to the same place); else parts of all rows are made
/// first. `parts` is scratch.
void add_rows(const Lanes& lanes, std::span<const LaneInput> inputs, const uint64_t* keys, size_t count, size_t groups, std::vector<uint64_t>* parts,
              uint64_t* sums);
/// Adds the sums of all groups to their states and clears them.
void unpack(const Lanes& lanes, const Plan& plan, size_t groups, uint64_t* sums, uint64_t* states);

}  // namespace hayate::aggregate
