#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/table.h"

namespace hayate::io {

/// What stands before the values of a .npy file.
struct NpyHeader {
  Dtype dtype = Dtype::float64;
  size_t width = 8;  ///< bytes of a value: 2 of a half float, whose dtype is float32
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<size_t> shape;  ///< at most two dimensions
  size_t size = 0;            ///< where the values begin
};

/// Reads the header of `bytes`; returns what is wrong with it, or nullptr.
const char* parse_npy_header(std::string_view bytes, NpyHeader* out);
/// The header of version 1.0, padded so that the values begin at a multiple of 64 bytes. `dtype` must be numeric.
std::string make_npy_header(const NpyHeader& header);

}  // namespace hayate::io
