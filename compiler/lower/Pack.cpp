#include "compiler/lower/Pack.h"
#include "compiler/lower/Nest.h"
#include "compiler/lower/Routine.h"
#include "compiler/target/cpu/Tiles.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace nn;
using namespace nnc;

// Packing copies [b.., k, n] into panels [b.., ceil(n / panel), k, panel]; the columns that the last panel has beyond n
// are zeros. A thread takes a share of the panels of all batch positions. Elements are moved in one of three ways:
//  - along n where those lie side by side: vectors are copied as they are;
//  - along k where those lie side by side (a transposed weight): square blocks are transposed in registers;
//  - otherwise element by element into vectors along n.

/// Elements are moved as integers: vectors of 16-bit floats are not native everywhere.
PanelKind::PanelKind(Lowering &l, Type element, int64_t panel, const Dim &kStride, const Dim &nStride)
    : type(l.b.getIntegerType(std::max(8u, element.getIntOrFloatBitWidth()))), panel(panel),
      lanes(cpu::tilingFor(element, panel, l.target).lanes), kStride(l.size(kStride)), nStride(l.size(nStride)),
      unitN(nStride.isConstant(1)), unitK(kStride.isConstant(1) && !unitN) {}

namespace {
class Packing {
public:
  Packing(Lowering &l, const PanelKind &kind, Value k)
      : l(l), type(kind.type), panel(kind.panel), lanes(kind.lanes), unitN(kind.unitN), unitK(kind.unitK), k(k),
        kStride(kind.kStride), nStride(kind.nStride) {}
  void lowerPanel(Value from, Value to, Value columns);

private:
  void copyRows(Value from, Value to, Value columns, bool masked);
  void transposeBlocks(Value from, Value to, Value columns);
  void transposeBlock(Value from, Value to, Value columns, Value left, bool masked);
  void gatherRows(Value from, Value to, Value columns);
  Value at(Value base, Value row, int64_t column) {
    return l.advance(base, l.add(l.mul(row, l.constant(panel)), l.constant(column)), type);
  }

  Lowering &l;
  Type type;
  int64_t panel, lanes;
  bool unitN, unitK;
  Value k, kStride, nStride, block;
};
} // namespace

/// One function per way and type: a module has many weights to pack, and a call is nothing beside a panel.
void nnc::packPanel(Lowering &l, const PanelKind &kind, Value k, Value from, Value to, Value columns) {
  std::string name = llvm::formatv("panel.{0}x{1}.i{2}{3}", kind.panel, kind.lanes, kind.type.getIntOrFloatBitWidth(),
                                   kind.unitN   ? ""
                                   : kind.unitK ? ".turned"
                                                : ".strided");
  SmallVector<Value> arguments{from, to, k, columns, kind.kStride, kind.nStride};
  auto function = routine(l, name, ValueRange(arguments).getTypes(), [&](func::FuncOp f) {
    Lowering own(f, l.target);
    Block::BlockArgListType arg = f.getArguments();
    PanelKind its = kind;
    its.kStride = kind.unitK ? own.constant(1) : arg[4];
    its.nStride = kind.unitN ? own.constant(1) : arg[5];
    Packing(own, its, arg[2]).lowerPanel(arg[0], arg[1], arg[3]);
    func::ReturnOp::create(own.b, own.loc);
  });
  func::CallOp::create(l.b, l.loc, function, arguments);
}

void Packing::lowerPanel(Value from, Value to, Value columns) {
  if (panel == 1) {
    copyRows(from, to, columns, false);
  } else if (unitN) {
    Value partial = l.less(columns, l.constant(panel));
    l.ifThenElse(partial, [&] { copyRows(from, to, columns, true); }, [&] { copyRows(from, to, columns, false); });
  } else if (unitK) {
    block = l.stack(type, lanes * panel);
    transposeBlocks(from, to, columns);
  } else {
    gatherRows(from, to, columns);
  }
}

void Packing::copyRows(Value from, Value to, Value columns, bool masked) {
  SmallVector<Value> masks;
  for (int64_t j = 0; j < panel; j += lanes)
    masks.push_back(masked ? l.mask(l.sub(columns, l.constant(j)), lanes) : Value());
  l.loop(l.constant(0), k, 1, [&](Value i) {
    Value row = l.advance(from, l.mul(i, kStride), type);
    for (auto [j, mask] : llvm::enumerate(masks)) {
      Value v = l.load(l.advance(row, l.constant(j * lanes), type), type, lanes, mask);
      l.store(v, at(to, i, j * lanes), type);
    }
  });
}

/// Each stage interleaves the first half of all elements with
/// the second, which turns the bits of an element's position by one; after log2 of them row and column have changed
/// places.
SmallVector<Value> nnc::transposed(SmallVector<Value> rows, Lowering &l) {
  int64_t n = rows.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n / 2; ++i) {
    low.append({i, n + i});
    high.append({n / 2 + i, n + n / 2 + i});
  }
  for (int64_t stage = 1; stage < n; stage *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i)
      for (ArrayRef<int64_t> half : {low, high})
        next.push_back(vector::ShuffleOp::create(l.b, l.loc, rows[i], rows[i + n / 2], half));
    rows = next;
  }
  return rows;
}

void Packing::transposeBlocks(Value from, Value to, Value columns) {
  l.loop(l.constant(0), k, lanes, [&](Value i) {
    Value left = l.sub(k, i), corner = l.advance(from, i, type);
    Value whole =
        arith::AndIOp::create(l.b, l.loc, l.less(l.constant(panel - 1), columns), l.less(l.constant(lanes - 1), left));
    l.ifThenElse(
        whole, [&] { transposeBlock(corner, at(to, i, 0), columns, left, false); },
        [&] {
          // What is not there is read as zero; rows beyond k must not be written, so the block waits on the stack.
          transposeBlock(corner, block, columns, left, true);
          l.loop(l.constant(0), l.minimum(left, l.constant(lanes)), 1, [&](Value row) {
            for (int64_t j = 0; j < panel; j += lanes)
              l.store(l.load(at(block, row, j), type, lanes), at(to, l.add(i, row), j), type);
          });
        });
  });
}

/// `lanes` rows of the panel from columns of x of `left` elements.
void Packing::transposeBlock(Value from, Value to, Value columns, Value left, bool masked) {
  l.loop(l.constant(0), l.constant(panel), lanes, [&](Value j) {
    SmallVector<Value> rows;
    for (int64_t r = 0; r < lanes; ++r) {
      Value column = l.add(j, l.constant(r)), mask;
      if (masked) {
        Value there = l.less(column, columns), none = l.constant(0);
        mask = l.mask(arith::SelectOp::create(l.b, l.loc, there, left, none), lanes);
        column = arith::SelectOp::create(l.b, l.loc, there, column, none);
      }
      rows.push_back(l.load(l.advance(from, l.mul(column, nStride), type), type, lanes, mask));
    }
    for (auto [r, v] : llvm::enumerate(transposed(rows, l)))
      l.store(v, l.advance(to, l.add(l.constant(r * panel), j), type), type);
  });
}

void Packing::gatherRows(Value from, Value to, Value columns) {
  Type vector = l.vectorOf(type, lanes);
  Value zero = arith::ConstantOp::create(l.b, l.loc, vector, l.b.getZeroAttr(vector)), one = l.constant(1);
  l.loop(l.constant(0), k, 1, [&](Value i) {
    Value row = l.advance(from, l.mul(i, kStride), type);
    l.loop(l.constant(0), l.constant(panel), lanes, [&](Value j) {
      // Lanes beyond the last column read that one again, and are then set to zero.
      Value first = l.minimum(j, l.sub(columns, one)), count = l.sub(columns, j);
      Value base = l.advance(row, l.mul(first, nStride), type);
      Value v = l.loadStrided(base, type, nStride, lanes, l.maximum(count, one));
      v = arith::SelectOp::create(l.b, l.loc, l.mask(count, lanes), v, zero);
      l.store(v, l.advance(at(to, i, 0), j, type), type);
    });
  });
}

void nnc::lowerPack(PackOp op, Lowering &l) {
  auto x = cast<RefType>(op.getX().getType()), packed = cast<RefType>(op.getInits()[0].getType());
  size_t batch = x.getRank() - 2;
  int64_t panel = op.getPanel();
  auto batchOf = [&](const Shape &s) { return Shape(ArrayRef<Dim>(s.dims).take_front(batch)); };
  Nest outer(batchOf(x.getShape()), {batchOf(x.getStrides()), batchOf(packed.getStrides())}, /*merge=*/true);
  Value k = l.size(x.getShape()[batch]);
  PanelKind kind(l, x.getElementType(), panel, x.getStrides()[batch], x.getStrides()[batch + 1]);

  Value n = l.size(x.getShape()[batch + 1]), width = l.constant(panel);
  Value panels = l.ceilQuotient(n, panel);
  Share share = l.share(l.mul(l.size(outer.count()), panels));
  l.loop(share.from, share.to, 1, [&](Value i) {
    Value position = arith::DivUIOp::create(l.b, l.loc, i, panels), p = arith::RemUIOp::create(l.b, l.loc, i, panels);
    SmallVector<Value> batch = outer.positions(position, l);
    Value column = l.mul(p, width), panelStride = l.size(packed.getStrides()[packed.getRank() - 3]);
    Value from =
        l.advance(l.pointer(op.getX()), l.add(outer.offset(0, batch, l), l.mul(column, kind.nStride)), kind.type);
    Value to =
        l.advance(l.pointer(op.getInits()[0]), l.add(outer.offset(1, batch, l), l.mul(p, panelStride)), kind.type);
    packPanel(l, kind, k, from, to, l.minimum(width, l.sub(n, column)));
  });
  op.erase();
}
