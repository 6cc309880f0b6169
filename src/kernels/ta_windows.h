// Windows of TA-Lib's functions, put together from shorter ones (as in moments.h) over strips of rows that stay in the first-level
// cache: every loop is over rows that do not wait for each other, so it becomes vectors, and a value is made of the rows of its window
// alone, in an order that the window's length decides. Nothing drifts, and where a series begins changes no byte.
//
// A window is doubled: of 20 rows the newest 5 are summed directly, then S10[t] = S5[t] + S5[t - 5], S20[t] = S10[t] + S10[t - 10]; an odd
// length adds its oldest row, S11[t] = S10[t] + x[t - 10]. So two arrays a sum are enough, whatever the length. Sums of distances are
// taken from the newest value of the window: a constant offset, however large, costs them no digit (see moments.h).
//
// A strip is `rows` rows; its arrays also hold the period - 1 rows before. 1 <= period <= kLongestComposed. Strips of long windows have as many
// rows as the window, so that half of what is summed is wanted.
#pragma once

#include "kernels/lane_entry.h"
#include "kernels/strips.h"
#include "kernels/ta.h"

HAYATE_TA_BEGIN

inline constexpr int64_t kStripRows = 256;

/// Rows of a strip of windows of `period` rows.
static inline int64_t rows_of_strip(int64_t period) { return most(kStripRows, least(round_up(period), ta::kLongestComposed)); }

/// Calls body(first, rows) for strips of the rows [begin, end), whose windows are of `period` rows.
template <class Body>
static inline void for_strips(int64_t period, int64_t begin, int64_t end, const Body& body) {
  const int64_t strip = rows_of_strip(period);
  for (int64_t first = begin; first < end; first += strip) body(first, least(strip, end - first));
}

/// Arrays of a strip, each with room for the rows before.
struct StripRoom {
  double* first;
  int64_t length;

  double* array(int64_t number) const { return first + number * length; }
};
/// What keeps the same rows of two arrays from lying a multiple of 4 KB apart: a load then waits for a store before it that is not its own.
/// CORREL of 20 rows takes 7.3 ns a row so, and 11.3 without.
inline constexpr int64_t kArrayGap = 40;

template <int kArrays, class Use>
__attribute__((noinline)) static void with_long_room(int64_t period, const Use& use) {
  alignas(64) double room[kArrays * (2 * ta::kLongestComposed + kArrayGap)];
  use(StripRoom{room, 2 * rows_of_strip(period) + kArrayGap});
}
/// Calls use(StripRoom) with `kArrays` arrays for windows of `period` rows. Apart from the others, the long ones cost those nothing.
template <int kArrays, class Use>
static inline void with_room(int64_t period, const Use& use) {
  if (period > kStripRows) return with_long_room<kArrays>(period, use);
  constexpr int64_t kLength = 2 * kStripRows + kArrayGap;
  alignas(64) double room[kArrays * kLength];
  use(StripRoom{room, kLength});
}

/// Sums of each window.
void strip_sums(const double* values, int64_t period, int64_t rows, double* sums);
/// Sums with weights 1..period, the newest heaviest.
void strip_weighted_sums(const double* values, int64_t period, int64_t rows, double* sums);
/// Of distances y from the newest value: sum(y) and sum(y^2).
void strip_squares(const double* values, int64_t period, int64_t rows, double* sums, double* squares);
/// The same: sum(y) and sum(age y), the newest row of age 0.
void strip_ages(const double* values, int64_t period, int64_t rows, double* sums, double* ages);
/// Of the distances of two series: sums[0..4] are those of x, y, x^2, x y and y^2.
void strip_products(const double* x, const double* y, int64_t period, int64_t rows, double* const* sums);
/// Mean of |distance from the window's mean|, and that mean less the newest value. Takes any period.
void strip_distances(const double* values, int64_t period, int64_t rows, double* means, double* distances);
/// The largest, or smallest, value.
void strip_extremes(const double* values, bool largest, int64_t period, int64_t rows, double* extremes);
/// How many rows ago the extreme stood, the newest and the oldest of equals. `oldest` may be null.
void strip_extreme_ages(const double* values, bool largest, int64_t period, int64_t rows, double* newest, double* oldest);

// ---- the same over tiles of lanes (lanes.h) --------------------------------------------------------------------------
//
// Row r of a series is at r * kLanes. The values are a track with rows_before() rows of history; parts of windows that later rows
// are made of are tracks too, so a window costs as much in a tile of 64 rows as in a long strip. The bytes are those of strips.

/// What a function makes of a window.
enum class LaneSums : uint8_t { extreme, plain, distances, squares, weighted };

/// The parts of windows that a function keeps; the same from tile to tile.
struct LaneWindow {
  static constexpr int kMostParts = 24;
  int64_t period = 0;
  LaneTrack parts[kMostParts];  ///< of the shortest windows first

  LaneWindow() = default;
  LaneWindow(int64_t rows, LaneSums sums, LaneLayout& layout);
};

/// The rows before a tile that its function reads in the values themselves.
int64_t rows_before(int64_t period, LaneSums sums);

void tile_sums(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums);
void tile_weighted_sums(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums);
void tile_squares(const LaneWindow& window, double* state, const double* values, int64_t rows, double* sums, double* squares);
void tile_distances(const LaneWindow& window, double* state, const double* values, int64_t rows, double* means, double* distances);
void tile_extremes(const LaneWindow& window, double* state, const double* values, bool largest, int64_t rows, double* extremes);

HAYATE_TA_END
