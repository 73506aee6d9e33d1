// A module in parts that can be compiled at the same time.
#ifndef NNC_COMPILER_EMIT_PARTS_H
#define NNC_COMPILER_EMIT_PARTS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"

namespace nnc::emit {

/// 1. There are as many parts as the module has of `partSize` instructions, up to `mostParts`: that depends on the
///    module alone, so that a library does not depend on the machine that compiles it.
/// 2. Functions go to the part that is smallest by then, the largest function first. Variables go to the first part.
/// 3. What was internal becomes hidden: parts see it, other libraries do not.
class Parts {
public:
  explicit Parts(llvm::Module &module);

  unsigned count() const { return parts; }
  /// A part can be read into a context of its own.
  llvm::SmallVector<char, 0> bitcode(unsigned part) const;

private:
  static constexpr unsigned partSize = 2000, mostParts = 8;

  llvm::Module &module;
  unsigned parts = 1;
  llvm::DenseMap<const llvm::GlobalValue *, unsigned> partOf; ///< what is not here is in the first
};

} // namespace nnc::emit

#endif // NNC_COMPILER_EMIT_PARTS_H
