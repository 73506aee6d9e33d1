#include "compiler/emit/Parts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/ValueMapper.h"

#include <algorithm>

using namespace llvm;

namespace nnc::emit {

Parts::Parts(Module &module) : module(module) {
  struct Sized {
    unsigned size, number;
    const Function *function;
  };
  std::vector<Sized> functions;
  unsigned total = 0;
  for (const Function &function : module)
    if (unsigned size = function.getInstructionCount()) {
      functions.push_back({size, unsigned(functions.size()), &function});
      total += size;
    }
  parts = std::clamp(total / partSize, 1u, mostParts);
  if (parts == 1)
    return;
  llvm::sort(functions,
             [](const Sized &a, const Sized &b) { return std::pair(b.size, a.number) < std::pair(a.size, b.number); });
  std::vector<unsigned> sizes(parts);
  for (auto [size, number, function] : functions) {
    auto smallest = llvm::min_element(sizes);
    partOf[function] = smallest - sizes.begin();
    *smallest += size;
  }
  for (GlobalValue &value : module.global_values())
    if (value.hasLocalLinkage() && !value.isDeclaration()) {
      value.setLinkage(GlobalValue::ExternalLinkage);
      value.setVisibility(GlobalValue::HiddenVisibility);
      if (!value.getName().contains('.')) // the runtime must not meet a layer `free` in place of that of C
        value.setName("nnc." + value.getName());
    }
}

SmallVector<char, 0> Parts::bitcode(unsigned part) const {
  ValueToValueMapTy map;
  std::unique_ptr<Module> clone =
      CloneModule(module, map, [&](const GlobalValue *value) { return partOf.lookup(value) == part; });
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  WriteBitcodeToFile(*clone, stream);
  return bytes;
}

} // namespace nnc::emit
