// What kernels over windows share: a series is done in strips of a few hundred rows whose arrays stay in the first-level
// cache. An array of a strip is `history` rows of the strips before, then this strip's; row i is array[i], i >= -history.
#pragma once

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

static inline int64_t round_up(int64_t rows) { return (rows + 15) / 16 * 16; }

/// Rows of a strip: as many as fit into the first-level cache with this many arrays, but not fewer than the longest window, so that
/// history is moved once a window at most.
static inline int64_t strip_rows(int64_t arrays, int64_t longest) {
  constexpr int64_t kBytes = 24 * 1024, kFewest = 96, kMost = 320;
  const int64_t fitting = kBytes / 8 / arrays / 16 * 16;
  return most(round_up(longest), fitting < kFewest ? kFewest : least(fitting, kMost));
}

/// Carves arrays of `length` rows from scratch memory. History is zero.
struct Carver {
  double* next;
  int64_t length;

  double* array(int64_t history) {
    double* rows = next + history;
    next += history + length;
    memset(rows - history, 0, size_t(history) * sizeof(double));
    return rows;
  }
  /// Room for `length` floats with 16 before them, as append() wants.
  float* staging() {
    float* rows = reinterpret_cast<float*>(next) + 16;
    next += length / 2 + 16;
    return rows;
  }
};

/// Rows that the windows made from link `number` of a chain (see moments.h) look back beyond their newest row.
template <class Link>
static inline int64_t gap_behind(const Link* links, int32_t num_links, int32_t number) {
  int64_t gap = 0;
  for (int32_t k = 0; k < num_links; ++k)
    if (links[k].older == number) gap = most(gap, links[links[k].newer].window);
  return gap;
}
/// Rows that a chain looks back in the series itself: to the newest row of an older part, or over a window summed directly.
template <class Link>
static inline int64_t longest_gap(const Link* links, int32_t num_links) {
  int64_t gap = 1;
  for (int32_t k = 0; k < num_links; ++k) gap = most(gap, links[k].newer < 0 ? links[k].window : links[links[k].newer].window);
  return gap;
}

/// Calls body with a type whose kRows is `window`, 1 to 8 (kLongestDirect), so that the loop over ages is unrolled.
template <int kWindow>
struct ShortWindow {
  static constexpr int kRows = kWindow;
};
template <class Body>
static inline void for_short_window(int64_t window, const Body& body) {
  switch (window) {
    case 1:
      return body(ShortWindow<1>());
    case 2:
      return body(ShortWindow<2>());
    case 3:
      return body(ShortWindow<3>());
    case 4:
      return body(ShortWindow<4>());
    case 5:
      return body(ShortWindow<5>());
    case 6:
      return body(ShortWindow<6>());
    case 7:
      return body(ShortWindow<7>());
    default:
      return body(ShortWindow<8>());
  }
}

/// Moves the last rows of a full strip to its history.
template <class T>
static inline void slide_rows(T* rows, int64_t history, int64_t length) {
  if (rows) memmove(rows - history, rows + length - history, size_t(history) * sizeof(T));
}

/// Rows [lo, hi) of a strip.
struct Run {
  int64_t lo, hi;
};

/// The rows whose windows may hold a missing row: from the first missing row to the last one plus `reach`. The rows before the
/// series count as missing: `last_seen`, the newest missing row of earlier strips, starts as -1.
static inline Run masked_run(int64_t begin, int64_t rows, int64_t reach, int64_t first_missing, int64_t last_missing, int64_t& last_seen) {
  Run run{rows, 0};
  if (last_seen + reach >= begin) run = {0, last_seen + reach + 1 - begin};
  if (last_missing >= 0) run = {least(run.lo, first_missing), last_missing + reach + 1}, last_seen = begin + last_missing;
  run.hi = least(run.hi, rows);
  run.lo = least(run.lo, run.hi);
  return run;
}

/// Whether a result goes nowhere but to a column, as it is: then it may be made in float32.
static inline bool is_plain_column(const Sink& sink) { return sink.column && !sink.doubles && !sink.scale && sink.number == 1; }

/// What becomes of the values that store() put into a float64 series.
[[gnu::noinline, maybe_unused]] static void store_wide(const Sink& sink, float* staging, int64_t begin, Run run) {
  float* __restrict to = staging;
  double* __restrict wide = sink.doubles + begin;
  const double number = sink.number, offset = sink.offset;
  if (sink.inverse) {
    for (int64_t i = run.lo; i < run.hi; ++i) {
      const double inverse = 1 / (wide[i] + offset);
      wide[i] = inverse == inverse ? inverse : kNaN;  // compilers that know a NaN beforehand may take its sign off
    }
  } else if (sink.column && sink.scale) {
    const double* __restrict scale = sink.scale + begin;
    for (int64_t i = run.lo; i < run.hi; ++i) to[i] = float(wide[i] * scale[i]);
  } else if (sink.column) {
    for (int64_t i = run.lo; i < run.hi; ++i) to[i] = float(wide[i] * number);
  }
}

/// Stores value(i) for rows i of the strip that begins at row `begin` of the series. `staging` is for columns.
/// `value` stands in three loops and no more: there are over a hundred kinds of it, each compiled for every instruction set.
template <class Value>
static inline void store(const Sink& sink, float* staging, int64_t begin, Run run, const Value value) {
  double* __restrict wide = sink.doubles + (sink.doubles ? begin : 0);
  if (sink.doubles) {
    HAYATE_INDEPENDENT
    for (int64_t i = run.lo; i < run.hi; ++i) wide[i] = double(value(i));
    store_wide(sink, staging, begin, run);
  } else if (sink.scale || sink.number != 1) {
    constexpr int64_t kBlock = 256;
    double numbers[kBlock];
    for (int64_t i = 0; i < kBlock && !sink.scale; ++i) numbers[i] = sink.number;
    for (int64_t from = run.lo; from < run.hi; from += kBlock) {
      const double* by = (sink.scale ? sink.scale + begin + from : numbers);
      float* __restrict to = staging + from;
      const int64_t rows = least(kBlock, run.hi - from);
      HAYATE_INDEPENDENT
      for (int64_t i = 0; i < rows; ++i) to[i] = float(double(value(from + i)) * by[i]);
    }
  } else {
    float* __restrict to = sink.floats ? sink.floats + begin : staging;
    HAYATE_INDEPENDENT
    for (int64_t i = run.lo; i < run.hi; ++i) to[i] = float(value(i));
  }
  if (sink.column) append(*sink.column, begin + run.lo, staging + run.lo, run.hi - run.lo);
}

/// Brings a series to float64.
template <class T>
static inline void widen(const void* rows, int64_t begin, int64_t count, double* __restrict to) {
  const T* __restrict from = static_cast<const T*>(rows) + begin;
  for (int64_t i = 0; i < count; ++i) to[i] = double(from[i]);
}
static inline void widen(const Series& series, int64_t begin, int64_t count, double* to) {
  if (series.cell == Cell::boolean) return widen<uint8_t>(series.rows, begin, count, to);
  if (series.cell == Cell::float32) return widen<float>(series.rows, begin, count, to);
  widen<double>(series.rows, begin, count, to);
}

HAYATE_KERNELS_END
