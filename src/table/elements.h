// The values of a column as the kernels take them.
#pragma once

#include "hayate/table.h"
#include "kernels/words.h"

namespace hayate {

/// How the kernels call the values of a column that is neither text nor boolean.
kernels::Element element_of(Dtype dtype);
/// Where row `begin` of them lies.
inline const void* rows_at(const Column& column, int64_t begin) { return column.values.data + begin * int64_t(dtype_width(column.dtype)); }

}  // namespace hayate
