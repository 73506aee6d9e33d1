// The C header of a library.
#ifndef NNC_COMPILER_EMIT_HEADER_H
#define NNC_COMPILER_EMIT_HEADER_H

#include "compiler/emit/Interface.h"

namespace nnc::emit {

/// Self-contained, valid C99 and C++. The same text for the same interface, whatever the file is called.
std::string headerText(const Interface &interface);

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_HEADER_H
