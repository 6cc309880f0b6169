// Columns that equal a function of a window which holds later rows: what pandas' rolling(center=True) and shift(-k) give.
//
//   column = the median of the closes of 5 rows before, today and 5 rows after; column = the deviation of the next 20 returns
//
// Equality needs no statistics: 20 rows that the later ones change are enough, so short panels and small windows are no exception, and an honest
// column cannot equal by chance what was not there. What was smoothed with other weights (Gauss, Savitzky-Golay, triangles) is a sum of prices
// with the same weights in each row: past prices leave something of it open, later ones nothing. Two_sided.h sees what equals nothing exactly.
//
// Where prices and columns were both cut to six digits, deviations and z-scores are off by more than is taken for equal. What costs is windows
// (0.1 s for three rows of each source), so they are made once for the columns of a panel.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "exec/pool.h"
#include "hayate/panel.h"

namespace hayate::pipeline {

struct WindowVerdict {
  std::optional<std::string> later;  ///< which later rows a column is made of
  bool past = false;                 ///< it equals a window that ends at its row
};

/// Compares columns of a panel with windows of up to 261 rows that end up to 20 rows later (centred ones and the next rows: up to 130), over prices,
/// volumes and returns; the column itself, its product with the close or the volume, its exponential and their like. What windows give is kept from
/// column to column. The panel and the pool must outlive it.
class LaterWindows {
 public:
  LaterWindows(const Panel& panel, exec::Pool& pool);
  ~LaterWindows();

  WindowVerdict verdict(const std::string& column);

 private:
  struct Kept;
  const Panel& panel_;
  exec::Pool& pool_;
  std::unique_ptr<Kept> kept_;
};

}  // namespace hayate::pipeline
