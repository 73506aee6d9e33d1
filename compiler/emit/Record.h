// Constants with the layout of a C struct, field by field at the offsets that the C++ compiler gave them.
#ifndef NNC_COMPILER_EMIT_RECORD_H
#define NNC_COMPILER_EMIT_RECORD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/IR/Constants.h"

#include <cstddef>
#include <map>

namespace nnc::emit {

// Sizes and offsets come from this compiler's own build: both machines must be the same.
static_assert(sizeof(void *) == 8 && sizeof(int64_t) == 8 && sizeof(long long) == 8);

/// Collects the fields of one struct; what is not set is padding or zero.
class Record {
public:
  Record(llvm::LLVMContext &context, size_t size) : context(context), size(size) {}

  void set(size_t offset, llvm::Constant *value) { fields[offset] = value; }
  void setInt(size_t offset, unsigned bytes, int64_t value) {
    set(offset, llvm::ConstantInt::getSigned(llvm::IntegerType::get(context, bytes * 8), value));
  }
  void setPointer(size_t offset, llvm::Constant *value) {
    set(offset, value ? value : llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0)));
  }

  /// A packed struct with explicit padding: records of one kind have one LLVM type, so they can form an array.
  llvm::Constant *build() const {
    llvm::SmallVector<llvm::Constant *> parts;
    size_t end = 0;
    auto padTo = [&](size_t offset) {
      assert(offset >= end && "fields overlap");
      if (offset > end)
        parts.push_back(
            llvm::ConstantAggregateZero::get(llvm::ArrayType::get(llvm::IntegerType::get(context, 8), offset - end)));
    };
    for (const auto &[offset, value] : fields) {
      padTo(offset);
      parts.push_back(value);
      llvm::Type *type = value->getType();
      end = offset + (type->isPointerTy() ? sizeof(void *) : type->getPrimitiveSizeInBits() / 8);
    }
    padTo(size);
    return llvm::ConstantStruct::getAnon(context, parts, /*Packed=*/true);
  }

private:
  llvm::LLVMContext &context;
  size_t size;
  std::map<size_t, llvm::Constant *> fields;
};

} // namespace nnc::emit

/// Sets a field of a C struct by its name.
#define NNC_SET_INT(record, type, field, value)                                                                        \
  (record).setInt(offsetof(type, field), sizeof(type::field), static_cast<int64_t>(value))
#define NNC_SET_POINTER(record, type, field, value) (record).setPointer(offsetof(type, field), value)

#endif // NNC_COMPILER_EMIT_RECORD_H
