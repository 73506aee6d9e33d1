// RUN: %nnc-opt %s --pass-pipeline='builtin.module(bufferize,commit)' | FileCheck %s

// The index is computed. What is written before its check goes to the frame; what comes later only waits for the verdict.
// CHECK-LABEL: func.func @m.computed(
// CHECK-SAME: %[[EARLY:[^ ]+]]: !nn.ref<[M] of i64>, %[[LATE:[^ ]+]]: !nn.ref<[M] of f32>, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr)
// CHECK: %[[PLACE:.*]] = nn.alloc
// CHECK: nn.map({{.*}} into(%[[PLACE]]
// CHECK: nn.gather {{.*}}[%[[PLACE]]]
// CHECK-NEXT: nn.verdict
// CHECK: nn.map({{.*}} into(%[[LATE]]
// CHECK: nn.copy %[[PLACE]] into(%[[EARLY]]
// CHECK-NEXT: return
func.func @m.computed(%x: tensor<?xf32, #nn.shape<[N]>>, %index: tensor<?xi64, #nn.shape<[M]>>)
    -> (tensor<?xi64, #nn.shape<[M]>>, tensor<?xf32, #nn.shape<[M]>>)
    attributes {nn.dims = ["N", "M"], nn.model = "M", nn.called_by_runtime, nn.entry = {arguments = [
      {name = "N", kind = "dim"}, {name = "M", kind = "dim"}, {name = "x", kind = "input"}, {name = "index", kind = "input"},
      {name = "early", kind = "output"}, {name = "late", kind = "output"}]}} {
  %i = nn.map (%index : tensor<?xi64, #nn.shape<[M]>>) {
  ^bb0(%v: i64):
    %n = nn.neg %v : (i64) -> i64
    nn.yield %n : i64
  } -> tensor<?xi64, #nn.shape<[M]>>
  %y = nn.gather %x[%i] {axis = 0 : i64} : tensor<?xf32, #nn.shape<[N]>>[tensor<?xi64, #nn.shape<[M]>>] -> tensor<?xf32, #nn.shape<[M]>>
  %z = nn.map (%y : tensor<?xf32, #nn.shape<[M]>>) {
  ^bb0(%v: f32):
    %n = nn.neg %v : (f32) -> f32
    nn.yield %n : f32
  } -> tensor<?xf32, #nn.shape<[M]>>
  return %i, %z : tensor<?xi64, #nn.shape<[M]>>, tensor<?xf32, #nn.shape<[M]>>
}

// An index that is an argument has been looked at before.
// CHECK-LABEL: func.func @m.given(
// CHECK-NOT: nn.verdict
// CHECK-NOT: nn.copy
// CHECK: return
func.func @m.given(%x: tensor<?xf32, #nn.shape<[N]>>, %index: tensor<?xi64, #nn.shape<[M]>>) -> tensor<?xf32, #nn.shape<[M]>>
    attributes {nn.dims = ["N", "M"], nn.model = "M", nn.called_by_runtime, nn.entry = {arguments = [
      {name = "N", kind = "dim"}, {name = "M", kind = "dim"}, {name = "x", kind = "input"}, {name = "index", kind = "input"},
      {name = "out", kind = "output"}]}} {
  %y = nn.gather %x[%index] {axis = 0 : i64} : tensor<?xf32, #nn.shape<[N]>>[tensor<?xi64, #nn.shape<[M]>>] -> tensor<?xf32, #nn.shape<[M]>>
  return %y : tensor<?xf32, #nn.shape<[M]>>
}

// Positions that were found among as many elements fit; among others they may not.
// CHECK-LABEL: func.func @m.found(
// CHECK: nn.scatter
// CHECK-NOT: nn.verdict
// CHECK: nn.gather
// CHECK-NEXT: nn.verdict
func.func @m.found(%x: tensor<3x5xf32>, %y: tensor<4xf32>) -> (tensor<3x5xf32>, tensor<3x2xf32>)
    attributes {nn.dims = [], nn.model = "M", nn.called_by_runtime, nn.entry = {arguments = [
      {name = "x", kind = "input"}, {name = "y", kind = "input"}, {name = "own", kind = "output"}, {name = "others", kind = "output"}]}} {
  %v, %i = nn.order %x {descending = true} : tensor<3x5xf32> -> tensor<3x2xf32>, tensor<3x2xi64>
  %s = nn.scatter %v[%i] {axis = 1 : i64, batch = 1 : i64} : tensor<3x2xf32>[tensor<3x2xi64>] -> tensor<3x5xf32>
  %g = nn.gather %y[%i] {axis = 0 : i64} : tensor<4xf32>[tensor<3x2xi64>] -> tensor<3x2xf32>
  return %s, %g : tensor<3x5xf32>, tensor<3x2xf32>
}

// An optional input may be NULL: then a place of the frame holds the default, or another input is read.
// CHECK-LABEL: func.func @m.optional(
// CHECK-SAME: %[[A:[^ ]+]]: !nn.ref<[N] of f32>, %[[B:[^ ]+]]: !nn.ref<[N] of f32>, %[[OUT:[^ ]+]]: !nn.ref<[N] of f32>, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr)
// CHECK: %[[SPARE:.*]] = nn.alloc
// CHECK: %[[GA:.*]] = nn.given %[[A]], %[[SPARE]] {value = 2.000000e+00 : f32}
// CHECK: %[[GB:.*]] = nn.given %[[B]], %[[GA]] :
// CHECK: nn.map(%[[GA]], %[[GB]] 
func.func @m.optional(%a: tensor<?xf32, #nn.shape<[N]>>, %b: tensor<?xf32, #nn.shape<[N]>>) -> tensor<?xf32, #nn.shape<[N]>>
    attributes {nn.dims = ["N"], nn.model = "M", nn.called_by_runtime, nn.entry = {arguments = [
      {name = "N", kind = "dim"}, {name = "a", kind = "input", optional = true, default = 2.0 : f32},
      {name = "b", kind = "input", optional = true, default = "a"}, {name = "out", kind = "output"}]}} {
  %y = nn.map (%a, %b : tensor<?xf32, #nn.shape<[N]>>, tensor<?xf32, #nn.shape<[N]>>) {
  ^bb0(%v: f32, %w: f32):
    %n = nn.add %v, %w : (f32, f32) -> f32
    nn.yield %n : f32
  } -> tensor<?xf32, #nn.shape<[N]>>
  return %y : tensor<?xf32, #nn.shape<[N]>>
}
