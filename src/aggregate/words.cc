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

namespace {

template <class T>
void whole_words(const T* from, int64_t count, uint64_t* words) {
  for (int64_t i = 0; i < count; ++i) words[i] = word_of(int64_t(from[i]));
}

template <class T>
bool real_words(const T* from, int64_t count, uint64_t* words, uint8_t* missing) {
  uint8_t any = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double value = double(from[i]);
    missing[i] = value != value;
    words[i] = missing[i] ? 0 : word_of(value);
    any |= missing[i];
  }
  return any != 0;
}

}  // namespace

bool read_words(const Column& column, int64_t begin, int64_t count, uint64_t* words, uint8_t* missing) {
  const auto from = [&]<class T>(T) { return column.as<T>().data() + begin; };
  std::memset(missing, 0, size_t(count));
  bool any = false;
  switch (column.dtype) {
    case Dtype::boolean:
      for (int64_t i = 0; i < count; ++i) words[i] = word_of(int64_t(column.values.data[(begin + i) >> 3] >> ((begin + i) & 7) & 1));
      break;
    case Dtype::int8:
      whole_words(from(int8_t{}), count, words);
      break;
    case Dtype::int16:
      whole_words(from(int16_t{}), count, words);
      break;
    case Dtype::int32:
    case Dtype::date:
      whole_words(from(int32_t{}), count, words);
      break;
    case Dtype::int64:
    case Dtype::timestamp:
      whole_words(from(int64_t{}), count, words);
      break;
    case Dtype::uint8:
      whole_words(from(uint8_t{}), count, words);
      break;
    case Dtype::uint16:
      whole_words(from(uint16_t{}), count, words);
      break;
    case Dtype::uint32:
      whole_words(from(uint32_t{}), count, words);
      break;
    case Dtype::uint64:
      std::memcpy(words, from(uint64_t{}), size_t(count) * sizeof(uint64_t));
      break;
    case Dtype::float32:
      any = real_words(from(float{}), count, words, missing);
      break;
    case Dtype::float64:
      any = real_words(from(double{}), count, words, missing);
      break;
    case Dtype::text:
    case Dtype::category:
      assert(false && "text has words by a dictionary only");
  }
  if (column.validity.data)
    for (int64_t i = 0; i < count; ++i)
      if (column.is_null(begin + i)) words[i] = 0, missing[i] = 1, any = true;
  return any;
}

}  // namespace hayate::aggregate
