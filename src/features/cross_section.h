// What is computed over the whole panel, a series at a time: symbols of one date against each other, and triple barriers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/panel.h"

namespace hayate {

/// The rows of each date (time) of a panel, in the order of its symbols.
struct DateRows {
  std::vector<int64_t> dates;        ///< ascending
  std::vector<int64_t> start = {0};  ///< rows[start[d]] .. rows[start[d + 1]] are those of date d
  std::vector<int64_t> rows;

  explicit DateRows(std::span<const int64_t> times);
  size_t num_dates() const { return dates.size(); }
  std::span<const int64_t> of(size_t date) const { return std::span(rows).subspan(size_t(start[date]), size_t(start[date + 1] - start[date])); }
};

enum class CrossSection : uint8_t { rank, zscore, demean };

/// Replaces the values of one date by what they are among each other. See the operators CSRank, CSZScore and CSDemean for what
/// missing values, ties and dates of one value give. Sums are taken in the order of `values`, in two passes.
void cross_section(CrossSection kind, std::span<double> values);
/// CSNeutralize: demeaned within values of equal group.
void neutralize(std::span<double> values, std::span<const double> groups);

/// The same for every date of a column of the panel, in place, dates shared out to the workers.
template <class T>
void cross_sections(CrossSection kind, const DateRows& dates, std::span<T> column, exec::Pool& pool);

/// How many rows after row t the barrier is touched (negative: the lower one); 0: not within `horizon` rows. Needs rows up to t + horizon.
int64_t first_touch(std::span<const double> x, size_t t, double upper, double lower, int64_t horizon);

}  // namespace hayate
