// Tables of pieces of a JSON text put below one another while other pieces are still parsed: a piece comes fresh from a worker's cache and is copied
// once, to where the column stands in the end. Built from all pieces at the end, the columns were written, read and written again (100 MB for a
// million records of five values), in memory that the system had to clear: a third of the time.
//
// Where rows begin is known when all pieces before have come; a piece that comes early waits. Room is reserved by what the first piece says of the
// others. The type of a column is that of all its values; where pieces disagree in a way that needs the text again (text here, numbers there), or
// the room does not do, this gives up and the text is read at once.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exec/pool.h"
#include "hayate/table.h"
#include "io/json_cells.h"

namespace hayate::io {

/// Columns as a piece has them, each of the type that its own values have.
struct JsonPiece {
  Table table;
  std::vector<JsonKinds> kinds;
  int64_t rows = 0;
};

/// How the values of a column stand in memory.
enum class JsonShape : uint8_t { none, slots, text, small };

class JsonPieces {
 public:
  static constexpr size_t kMostColumns = 4096;

  /// `bytes` of text are in all pieces together.
  JsonPieces(size_t bytes, int64_t limit_bytes) : bytes_(bytes), limit_bytes_(limit_bytes) {}

  /// Piece `index`, from any thread, in any order; it was `bytes` of text. False: all is in vain, read the text at once.
  bool add(size_t index, JsonPiece piece, size_t bytes);
  /// The columns called `wanted`, or all of them in order of first appearance. Nothing: read the text at once.
  std::optional<Table> finish(const std::vector<std::string>& wanted, exec::Pool* pool);
  /// What the values of a column of finish() are.
  const JsonKinds& kinds_of(const std::string& name) const { return columns_[index_of_.at(name)].kinds; }

  /// Rows of the last piece that came.
  size_t rows_of_a_piece() const { return rows_of_a_piece_.load(std::memory_order_relaxed); }

 private:
  struct Part {  // of a column: the rows of a piece
    int64_t begin = 0, rows = 0, begin_byte = 0;
    Column column;  // in the end what `values` do not hold: validity, dates, truth values
    bool empty = true;
  };
  struct Stacked {
    JsonKinds kinds;
    JsonShape shape = JsonShape::none;
    std::shared_ptr<void> values, text;  // eight bytes a row, of texts where they end, behind a 0; bytes of texts
    int64_t text_size = 0, text_room = 0;
    std::vector<Part> parts;
  };
  struct Place {  // where values are copied to, outside the lock
    Column from;
    uint64_t* values = nullptr;
    char* text = nullptr;
    int64_t begin_byte = 0;
  };

  bool make_room(const JsonPiece& first, size_t bytes);
  bool place(JsonPiece piece, std::vector<Place>* places);
  bool place_column(Column column, const JsonKinds& kinds, Stacked* to, std::vector<Place>* places);
  Stacked& column_of(const std::string& name);
  static void copy(const Place& place);
  bool fits(const Stacked& column, Dtype dtype) const;
  Column finish_column(Stacked& column) const;
  Buffer validity(const Stacked& column) const;
  Column kept(const Stacked& column) const;

  const size_t bytes_;
  const int64_t limit_bytes_;
  std::atomic<size_t> rows_of_a_piece_{0};
  std::mutex mutex_;
  bool failed_ = false, has_room_ = false;
  size_t next_ = 0;
  std::map<size_t, std::pair<JsonPiece, size_t>> early_;
  int64_t rows_ = 0, room_ = 0;  // room_: for so many rows
  double text_growth_ = 0;       // how much more text all pieces have than the first, with something to spare
  std::vector<std::string> names_;
  std::unordered_map<std::string, size_t> index_of_;
  std::vector<Stacked> columns_;
};

}  // namespace hayate::io
