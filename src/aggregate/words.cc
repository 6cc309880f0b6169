#include "aggregate/words.h"

#include <cassert>
#include <cstring>

namespace hayate::aggregate {

WordKind word_kind(Dtype dtype) {
  switch (dtype) {
    case Dtype::uint64:
      return WordKind::unsigned_whole;
    case Dtype::float32:
    case Dtype::float64:
      return WordKind::real;
    case Dtype::text:
    case Dtype::category:
      return WordKind::text;
    default:
      return WordKind::whole;
  }
}

bool read_words(const Column& column, int64_t begin, int64_t count, uint64_t* words, uint8_t* missing) {
  assert(word_kind(column.dtype) != WordKind::text);
  bool any = false;
  if (word_kind(column.dtype) == WordKind::real) {
    any = kernels::word_kernels().real(element_of(column.dtype), rows_at(column, begin), count, words, missing) > 0;
  } else {
    std::memset(missing, 0, size_t(count));
    if (column.dtype == Dtype::boolean)
      for (int64_t i = 0; i < count; ++i) words[i] = word_of(int64_t(column.values.data[(begin + i) >> 3] >> ((begin + i) & 7) & 1));
    else
      kernels::word_kernels().whole(element_of(column.dtype), rows_at(column, begin), count, words);
  }
  if (column.validity.data)
    for (int64_t i = 0; i < count; ++i)
      if (column.is_null(begin + i)) words[i] = 0, missing[i] = 1, any = true;
  return any;
}

}  // namespace hayate::aggregate
