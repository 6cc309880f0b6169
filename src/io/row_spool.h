// Rows that wait until all of them are known, because what stands in front of them depends on the last: in memory while they are few, in a
// temporary file when there are more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/encoders.h"
#include "io/files.h"

namespace hayate::io {

class RowSpool {
 public:
  static constexpr int64_t kHeldBytes = int64_t{32} << 20;

  /// All groups have the names and dtypes of the first; of a category the last one has all names.
  Result<void> add(const Table& group);
  /// Calls visit(group) for the groups in their order, as often as it is called. Nothing may be added afterwards.
  Result<void> each(const std::function<Result<void>(const Table&)>& visit);
  int64_t num_rows() const { return rows_; }

 private:
  Result<void> move_to_file();

  std::vector<Table> held_;
  int64_t rows_ = 0, bytes_ = 0;
  std::shared_ptr<TemporaryFile> file_;  // when there were too many
  std::unique_ptr<Encoder> encoder_;     // into it
  std::shared_ptr<const InputFile> written_;
};

}  // namespace hayate::io
