// Training data as small integers. A RankedMatrix is made once per table: the rank of every value in its column. A
// BinnedMatrix is made from it once per fold: cut points from the training rows alone, and one byte per value of every
// row (training rows and the others, so that test rows are predicted from codes).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate::exec {
class Cancellation;
class Pool;
}  // namespace hayate::exec

namespace hayate {

/// Dense ranks: equal values share a rank, -0.0 equals 0.0, -inf and +inf are ordered, NaN has rank num_distinct.
struct RankedMatrix {
  int64_t num_rows = 0;
  int64_t num_features = 0;
  std::vector<uint16_t> ranks16;         ///< num_rows < 65,536: column-major, num_rows a column
  std::vector<uint32_t> ranks32;         ///< otherwise
  std::vector<uint64_t> distinct_start;  ///< feature f owns distinct[distinct_start[f] .. distinct_start[f + 1]]
  std::vector<float> distinct;           ///< the values of a column without NaN, ascending, each once
  std::vector<std::string> names;        ///< of the features; may be empty

  std::span<const float> values_of(int64_t feature) const {
    return {distinct.data() + distinct_start[feature], distinct.data() + distinct_start[feature + 1]};
  }
};

/// Sorts every column once. num_rows < 2^31; zero rows or features give an empty matrix. Told to stop, it gives what nobody should use.
RankedMatrix rank_columns(const FloatColumns& raw, const exec::Cancellation* cancel = nullptr);

/// Memory aligned to 64 bytes; 64 bytes past its end may be read.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size);  ///< zero-filled
  static AlignedBytes unfilled(size_t size);
  uint8_t* data() { return bytes_.get(); }
  const uint8_t* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  /// Gives the memory of some bytes, but for parts of pages at both ends, back to the system. What they hold is not known afterwards.
  void release(size_t first, size_t count);

 private:
  struct Free {
    void operator()(uint8_t* bytes) const;
  };
  std::unique_ptr<uint8_t[], Free> bytes_;
  size_t size_ = 0;
};

constexpr int kMaxBins = 255;
/// Categories that a feature of a trained model knows.
constexpr int kMaxCategories = 254;
/// Features a matrix may have: a node names its feature in 16 bits.
constexpr int64_t kMaxFeatures = 65'535;

/// Codes of all rows and the cuts that made them. Move-only; read-only once made, for any number of threads.
struct BinnedMatrix {
  int64_t num_rows = 0;
  int64_t num_features = 0;
  Cuts cuts;                                   ///< feature f has cuts.of(f).size() + 1 bins
  std::vector<uint8_t> has_missing;            ///< per feature: 1 when a training row lacks a value
  int64_t stride = 0;                          ///< bytes from one column of codes to the next, a multiple of 64
  AlignedBytes codes;                          ///< column-major; empty when `ranked` is there
  int64_t row_stride = 0;                      ///< above 0: codes are kernels::CodeTable::rows instead, with so many bytes a row
  std::vector<uint8_t> categorical;            ///< per feature: 1 when codes are categories, the cuts their values; empty when none is
  std::vector<std::string> names;              ///< of the features; may be empty
  std::shared_ptr<const RankedMatrix> ranked;  ///< exact_columns(): the ranks are the codes, and no feature has cuts

  /// Only where row_stride is 0.
  CodeColumns columns() const { return {codes.data(), num_rows, num_features, stride}; }
};

/// How the training rows of a feature with more values than bins are spread over its bins.
enum class Spread {
  even,  ///< as evenly as can be
  ends,  ///< fewer towards both ends: of B bins the first i hold the share i^2 / (i^2 + (B - i)^2). What forests train on; src/learn/binned.cc says why
};

/// Cuts from the rows `train_rows` (distinct or not; a row named twice counts twice) and codes for all rows.
/// A feature with at most max_bins distinct training values gets a cut between each two neighbours; otherwise cuts stand
/// where the training rows fall into max_bins bins spread as asked for; of long tables (over 24 rows a bin, and over 1,536)
/// a sample of 16 rows a bin, and at least 1,024, stands for all. Where a gap is wider than all else in its bin, the two beside it and the 16
/// rows on either side, the nearer end of the bin moves into it. A cut is the middle of the gap between
/// neighbouring training values, rounded down to float32. A feature without two training values gets no cut.
/// Errors (usage): max_bins outside 2 .. 255, no training rows, more than 65,535 features.
/// A feature marked in `categorical` has its distinct training values as cuts, of more than 254 those of the most rows (of as many the
/// smaller), and codes name them; values that are none of them are coded as missing.
Result<BinnedMatrix> bin_columns(const RankedMatrix& ranked, std::span<const int32_t> train_rows, int max_bins = 64,
                                 std::span<const uint8_t> categorical = {}, Spread spread = Spread::even);
/// The same matrix straight from the values, without ranks: the faster way unless many long folds share a table. A pool shares
/// the coding of long tables. Error (interrupted): `cancel` said stop.
Result<BinnedMatrix> bin_values(const FloatColumns& raw, std::span<const int32_t> train_rows, int max_bins = 64,
                                std::span<const uint8_t> categorical = {}, Spread spread = Spread::even, exec::Pool* pool = nullptr,
                                const exec::Cancellation* cancel = nullptr);
/// No bins: every value is a code of its own, so that training tries every threshold. Only forests can train on it.
Result<BinnedMatrix> exact_columns(std::shared_ptr<const RankedMatrix> ranked, std::span<const int32_t> train_rows,
                                   std::span<const uint8_t> categorical = {}, const exec::Cancellation* cancel = nullptr);

/// A table that is computed whenever it is read, some rows at a time, so that it is never there as a whole.
struct RowSource {
  /// Told of the values of rows[first], rows[first + 1], ...; `worker` is below RowSource::workers.
  using Take = std::function<void(int64_t first, const FloatColumns& values, int worker)>;

  int64_t num_features = 0;
  std::vector<std::string> names;  ///< of the features; may be empty
  int workers = 1;
  /// Calls `take` for stretches of `rows` (ascending row numbers) that make up all of them, in any order, from several workers at once. The
  /// values of a row are the same in every reading.
  std::function<void(std::span<const int32_t> rows, const Take& take)> read;
};

/// bin_values() of a table that is computed as it is read: the same cuts and codes, of the training rows alone: row i of the matrix is
/// train_rows[i]. They are ascending, each once. `by_rows`: codes lie row by row, the one form that a forest of simple params reads; else
/// column by column. Errors as bin_values().
Result<BinnedMatrix> bin_rows(const RowSource& source, std::span<const int32_t> train_rows, int max_bins, std::span<const uint8_t> categorical = {},
                              Spread spread = Spread::even, bool by_rows = false);

}  // namespace hayate
