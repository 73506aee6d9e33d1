// RUN: %nnc-opt %s --bufferize --workspace --barriers --signatures --canonicalize | FileCheck %s

// What threads may share: operations, less the time of barriers, here two of them.
// CHECK-LABEL: func.func private @large.measure.body(
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: !llvm.ptr) -> i32
// CHECK: %[[WORK:.*]] = arith.constant 536770912 : i64
// CHECK: llvm.store %[[WORK]], %[[OUT]] : i64, !llvm.ptr
func.func @large(%h: tensor<512x512xf32>, %w: tensor<32x512x16xf32>) -> tensor<512x512xf32>
    attributes {nn.dims = [], nn.called_by_runtime} {
  %r = nn.scan over() carrying(%h : tensor<512x512xf32>) steps <2> {
  ^bb0(%i: tensor<i64>, %c: tensor<512x512xf32>):
    %p = nn.contract %c, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = 16 : i64}
      : tensor<512x512xf32>, tensor<32x512x16xf32> -> tensor<512x512xf32>
    nn.yield %p : tensor<512x512xf32>
  } -> tensor<512x512xf32>
  return %r : tensor<512x512xf32>
}

// A thousand steps, each of which is over before another thread has heard of it: none.
// CHECK-LABEL: func.func private @small.measure.body(
// CHECK-SAME: %[[OUT:[a-z0-9]+]]: !llvm.ptr) -> i32
// CHECK: %[[NONE:.*]] = arith.constant 0 : i64
// CHECK: llvm.store %[[NONE]], %[[OUT]] : i64, !llvm.ptr
func.func @small(%h: tensor<1x8xf32>, %w: tensor<1x8x16xf32>) -> tensor<1x8xf32>
    attributes {nn.dims = [], nn.called_by_runtime} {
  %r = nn.scan over() carrying(%h : tensor<1x8xf32>) steps <1000> {
  ^bb0(%i: tensor<i64>, %c: tensor<1x8xf32>):
    %p = nn.contract %c, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = 16 : i64}
      : tensor<1x8xf32>, tensor<1x8x16xf32> -> tensor<1x8xf32>
    nn.yield %p : tensor<1x8xf32>
  } -> tensor<1x8xf32>
  return %r : tensor<1x8xf32>
}
