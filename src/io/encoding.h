// Text in other encodings made UTF-8, piece by piece, so that a file of any size passes through a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "hayate/error.h"
#include "io/files.h"

namespace hayate::io {

enum class Encoding {
  utf8,
  utf16,  ///< in the byte order of its mark, without which it is refused: a guess may be wrong in silence
  cp932,  ///< Microsoft's Shift_JIS, by the system's iconv
};

/// "utf-8", "utf-16", "cp932" (case ignored), or a usage Error that names --encoding.
Result<Encoding> encoding_named(std::string_view name);

/// What bytes are in UTF-8. Bytes that are no character (an odd one at the end, half of a surrogate pair, what cp932 leaves free) are an
/// Error with the line and the offset in the bytes.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Appends what can be said of `size` further bytes.
  virtual Result<void> add(const uint8_t* data, size_t size, std::string* out) = 0;
  /// Nothing more comes: an Error when the last character is not whole.
  virtual Result<void> finish() = 0;
};
/// `path` names the bytes in Errors. Not for utf8, which needs none.
Result<std::unique_ptr<Decoder>> make_decoder(Encoding encoding, std::string path);

/// All of `bytes` as UTF-8, at most `limit_bytes`.
Result<Buffer> decode(const Buffer& bytes, Encoding encoding, const std::string& path, int64_t limit_bytes);
/// The same from a file into a temporary one that is gone with its last reader.
Result<std::shared_ptr<const InputFile>> decode_file(const InputFile& file, Encoding encoding, const std::string& path);

}  // namespace hayate::io
