// One more day: features of new bars from a small state, byte for byte what Program and evaluate() give over all bars.
//
//   HY_TRY(Stream stream, Stream::create({expressions, {"open", "high", "low", "close", "volume"}, {}}));
//   HY_TRY(StreamRows first, stream.update(history, pool));      // any number of rows per symbol
//   HY_TRY(StreamRows now, stream.peek(unfinished_day, pool));   // the same without keeping the rows
//   HY_TRY(StreamRows day, stream.update(finished_day, pool));
//   HY_CHECK(io::write_file(path, stream.state()));              // and later Stream::open(bytes, spec, path)
//
// What is kept: for features of finite reach (all rolling operators with N >= 1, Ref, arithmetic, ta functions over a window) the last
// reach() rows of every symbol, since a value depends on the rows in its window alone; for those that go from row to row (EMA, 0 < N < 1,
// N = 0, Ref(x, 0), ta.EMA, ta.RSI, candle patterns, ...) the few numbers that they hand on. An update then costs O(symbols x features): 500
// symbols x 158 features take about 6 ms.
// Features that need every earlier row (Rank, Quantile, Med, Mad and EMA with N = 0; windows with compat_talib, or of more than 4,096 rows) keep the whole history of every symbol
// and are computed over all of it at each update; the other features of the set still are not.
//
// Bars that were seen may be given again, so that a whole file or the last year can be passed every day: per row, 32 bits of a hash
// are kept, and a row that differs from the one seen is an error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/features.h"
#include "hayate/panel.h"

namespace hayate {

namespace exec {
class Pool;
}

/// What a stream computes. A state belongs to one spec: another list, another type or other columns are another spec.
struct StreamSpec {
  std::vector<NamedExpression> features;
  std::vector<std::string> fields;  ///< columns of the bars; every panel given to the stream has those that features use
  CompileOptions options;           ///< looking ahead is refused: a feature can't wait for rows
  std::string bars = {};            ///< how the bars were made ("adj_close"): part of the spec, free text
};

/// Features of the rows that a call added, sorted by (symbol, time).
struct StreamRows {
  std::vector<int32_t> symbol;  ///< index into the symbols of the panel that was given
  std::vector<int64_t> times;
  std::vector<float> floats;    ///< value of feature i at row r: floats[i * rows() + r]; empty in a float64 program
  std::vector<double> doubles;  ///< the same of a float64 program

  size_t rows() const { return times.size(); }
};

class Stream {
 public:
  /// A stream that has seen no bars. Errors are those of Program::compile.
  static Result<Stream> create(StreamSpec spec);
  /// The stream that gave `state`. `where` names the file in errors: not a state, damaged, of another version or of another spec.
  static Result<Stream> open(std::string_view state, StreamSpec spec, const std::string& where);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Takes rows after the last one seen of each symbol (new symbols may begin anywhere; a symbol may have no new row) and gives their
  /// features. Rows up to the last one seen must be the ones that were seen. Error (input, nothing is changed): such a row differs or
  /// was not seen, a field is missing, or daily and intraday bars are mixed.
  Result<StreamRows> update(const Panel& bars, exec::Pool& pool);
  /// The features that update() would give.
  Result<StreamRows> peek(const Panel& bars, exec::Pool& pool);
  /// Takes rows without giving their features.
  Result<void> take(const Panel& bars, exec::Pool& pool);

  /// All that is kept, as bytes with a version and a checksum. The same stream has the same bytes.
  std::string state() const;

  const std::vector<std::string>& names() const;   ///< of the features
  const std::vector<std::string>& fields() const;  ///< that features use
  size_t num_symbols() const;

 private:
  struct State;
  explicit Stream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hayate
