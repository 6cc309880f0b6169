// How much of a column can only be known from later rows. A mean around each row, a smoother that runs both ways, a deviation of the rows on
// both sides: none of them repeats a later price or equals a later return, but what past bars leave open of it follows from the bars to come.
//
//   column = (close of the row before + close + close of the row after) / 3
//   what the past leaves open of column / close: the next return / 3; what the next returns leave open of that: nothing
//
// So the column is fitted by least squares on the past alone, then on past and future. Of an honest column the future explains what chance
// gives: below 0.1 over 14,000 daily rows of four real prices (70 columns: means, deviations, ranks and highest values of 3 to 250 rows,
// random walks, calendars, a forecast of correlation 0.3), up to 0.44 over 460 rows of one. Of windows around the row it explains 0.57 and more:
// means of 3 to 121 rows, medians, deviations of returns, volumes. Fits on blocks of farther rows were tried and dropped: slow honest columns
// (a mean of 200 rows) reached 0.98 by chance over 200 rows.
#pragma once

#include <cstddef>
#include <vector>

namespace hayate::pipeline {

struct LaterShare {
  size_t rows = 0;
  double share = 0;  ///< of the variance that the past leaves open, corrected for the number of fitted values; may be a little below 0

  /// More than chance and honest forecasts give: more than `least`, and a margin for few rows.
  bool is_later(double least) const;
};

/// Rows of one symbol in the columns that many fits have in common: standardised and multiplied with each other once for all of them.
class SharedRows {
 public:
  explicit SharedRows(size_t columns) : columns_(columns) {}

  /// Takes rows one after the other, all finite. A constant column becomes 0.
  void assign(const std::vector<double>& rows);

  size_t columns() const { return columns_; }
  size_t rows() const { return rows_; }

 private:
  friend class LaterFit;
  void gather(const std::vector<size_t>& rows, std::vector<double>& sums, std::vector<double>& products) const;

  size_t columns_, rows_ = 0;
  std::vector<double> tiles_;     ///< see kernels/gram.h
  std::vector<double> products_;  ///< of each column with those before it and itself, summed over the rows
};

class LaterFit {
 public:
  /// Columns of the past that fits share, own ones, then shared columns of later rows.
  LaterFit(size_t shared_past, size_t own_past, size_t later)
      : shared_(shared_past), past_(shared_past + own_past), later_(later), products_(width() * width(), 0.0) {}

  /// Own columns of a row: of the past, then the value.
  size_t own_columns() const { return past_ - shared_ + 1; }

  /// Adds the rows of one symbol; `own` has the own columns of each, one row after the other. Rows that are not finite there are left out, and the
  /// others scaled to mean 0 and deviation 1: symbols differ in level. Fewer than 100 are not added.
  void add(const SharedRows& shared, std::vector<double>& own);

  LaterShare result() const;

 private:
  size_t width() const { return past_ + later_ + 1; }

  size_t shared_, past_, later_, rows_ = 0;
  std::vector<double> products_;  ///< as in SharedRows
};

}  // namespace hayate::pipeline
