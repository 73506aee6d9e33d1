// Element types and their conversion. Integer code only: the result does not depend on the caller's rounding mode, and
// needs no helper that libc lacks.
#ifndef NNC_RUNTIME_CONVERT_H
#define NNC_RUNTIME_CONVERT_H

#include "runtime/include/nnc.h"

namespace nnrt {

/// True for the values of nn_type.
bool isType(int64_t type);
/// Bytes of one element.
int64_t elementBytes(nn_type type);
/// The type's name in a .safetensors file: "F32".
const char *elementName(nn_type type);

/// Floating-point types convert into each other; all others only into themselves.
bool canConvert(nn_type from, nn_type to);
/// Converts `count` elements; both sides may be misaligned. Rounds to the nearest, ties to even, once. The same type is
/// copied bit by bit; NaNs stay NaNs with the upper bits of their payload, and become quiet where bits are dropped.
void convert(void *to, nn_type toType, const void *from, nn_type fromType, int64_t count);

} // namespace nnrt
#endif // NNC_RUNTIME_CONVERT_H
