// Contractions at every size around tiles and vectors, on one to three threads, for each kind of operand; results must be
// those of a plain loop, bit for bit. The program is Inputs/contract.cpp.
// REQUIRES: avx2
// RUN: sed -e s/PANEL/16/g -e s/HALF/8/g %s | nnc-opt -lower-kernels=cpu=x86-64-v3 -lower-elementwise=cpu=x86-64-v3 -cse -to-llvm \
// RUN:   | mlir-translate --mlir-to-llvmir | llc -O2 -mcpu=x86-64-v3 -relocation-model=pic -filetype=obj -o %t.o
// RUN: %cxx -I%source -O2 -mfma -mf16c -ffp-contract=off -DPANEL=16 -DHALF=8 %S/Inputs/contract.cpp %t.o -o %t && %t | FileCheck %s
// CHECK: 0 wrong

// Packing: from rows, from columns, and a batch whose elements lie two apart.
func.func @pack(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[K, N] of f32>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>) {panel = PANEL : i64} : !nn.ref<[K, N] of f32>
  return
}
func.func @pack_columns(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[K, N] of f32, [1, K]>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>) {panel = PANEL : i64} : !nn.ref<[K, N] of f32, [1, K]>
  return
}
func.func @pack_apart(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[B, K, N] of f32, [2 * N, 2 * B * N, 2]>, %p: !nn.ref<[B, floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[B, floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>) {panel = PANEL : i64} : !nn.ref<[B, K, N] of f32, [2 * N, 2 * B * N, 2]>
  return
}
func.func @pack_f64(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[K, N] of f64, [1, K]>, %p: !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of f64>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of f64>) {panel = HALF : i64} : !nn.ref<[K, N] of f64, [1, K]>
  return
}
func.func @pack_bf16(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[K, N] of bf16>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of bf16>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of bf16>) {panel = PANEL : i64} : !nn.ref<[K, N] of bf16>
  return
}
func.func @pack_i8(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %w: !nn.ref<[K, N] of i8, [1, K]>, %p: !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of i8>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.pack %w into (%p : !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of i8>) {panel = HALF : i64} : !nn.ref<[K, N] of i8, [1, K]>
  return
}

func.func @plain(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[M, K] of f32>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %y: !nn.ref<[M, N] of f32>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[M, N] of f32>) {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : !nn.ref<[M, K] of f32>, !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>
  return
}
// Both transposed: rows of lhs lie side by side, columns of the result too.
func.func @transposed(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[M, K] of f32, [1, M]>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %y: !nn.ref<[M, N] of f32, [1, M]>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[M, N] of f32, [1, M]>) {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : !nn.ref<[M, K] of f32, [1, M]>, !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>
  return
}
// Heads: the batch is the middle axis in memory.
func.func @batched(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[B, M, K] of f32, [K, B * K, 1]>, %p: !nn.ref<[B, floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %y: !nn.ref<[B, M, N] of f32, [N, B * N, 1]>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[B, M, N] of f32, [N, B * N, 1]>) {} {batch = 1 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : !nn.ref<[B, M, K] of f32, [K, B * K, 1]>, !nn.ref<[B, floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>
  return
}
// Two m axes that can not be walked as one, an epilogue with a bias and a residual, a second result.
func.func @fused(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[B, M, K] of f32, [K, B * K, 1]>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>, %y: !nn.ref<[B, M, N] of f32>, %bias: !nn.ref<[B, M, N] of f32, [0, 0, 1]>, %residual: !nn.ref<[B, M, N] of f32>, %positive: !nn.ref<[B, M, N] of i1>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p extras(%bias, %residual : !nn.ref<[B, M, N] of f32, [0, 0, 1]>, !nn.ref<[B, M, N] of f32>) into (%y, %positive : !nn.ref<[B, M, N] of f32>, !nn.ref<[B, M, N] of i1>) {
  ^bb0(%sum: f32, %c: f32, %r: f32):
    %zero = nn.constant 0.0 : f32 -> f32
    %biased = nn.add %sum, %c : (f32, f32) -> f32
    %clipped = nn.maximum %biased, %zero : (f32, f32) -> f32
    %result = nn.add %clipped, %r : (f32, f32) -> f32
    %sign = nn.gt %biased, %zero : (f32, f32) -> i1
    nn.yield %result, %sign : f32, i1
  } {batch = 0 : i64, m = 2 : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : !nn.ref<[B, M, K] of f32, [K, B * K, 1]>, !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of f32>
  return
}
func.func @double(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[M, K] of f64>, %p: !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of f64>, %y: !nn.ref<[M, N] of f64>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[M, N] of f64>) {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = HALF : i64} : !nn.ref<[M, K] of f64>, !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of f64>
  return
}
func.func @brain(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[M, K] of bf16>, %p: !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of bf16>, %y: !nn.ref<[M, N] of bf16>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[M, N] of bf16>) {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = PANEL : i64} : !nn.ref<[M, K] of bf16>, !nn.ref<[floordiv(N + PANEL - 1, PANEL), K, PANEL] of bf16>
  return
}
func.func @byte(%team: !llvm.ptr, %tid: i32, %B: i64, %M: i64, %N: i64, %K: i64, %x: !nn.ref<[M, K] of i8>, %p: !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of i8>, %y: !nn.ref<[M, N] of i8>, %frame: !llvm.ptr) attributes {nn.dims = ["B", "M", "N", "K"]} {
  nn.contract %x, %p into (%y : !nn.ref<[M, N] of i8>) {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = HALF : i64} : !nn.ref<[M, K] of i8>, !nn.ref<[floordiv(N + HALF - 1, HALF), K, HALF] of i8>
  return
}
