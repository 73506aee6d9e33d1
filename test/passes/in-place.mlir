// RUN: %nnc-opt %s --split-input-file --pass-pipeline='builtin.module(bufferize,commit,func.func(in-place))' | FileCheck %s

!x = tensor<?x?xf32, #nn.shape<[N, N]>>
!w = tensor<?x64xf32, #nn.shape<[N, 64]>>

// A chain of maps has one place, the last one's. What the caller gave is only read.
// CHECK-LABEL: func.func private @chain
// CHECK-SAME: %[[X:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>
// CHECK-NOT: nn.alloc
// CHECK: nn.map(%[[X]] : {{.*}} into(%[[OUT]]
// CHECK: nn.map(%[[OUT]], %[[X]] : {{.*}} into(%[[OUT]]
// CHECK: nn.map(%[[OUT]] : {{.*}} into(%[[OUT]]
func.func private @chain(%x: !x) -> !x attributes {nn.dims = ["N"]} {
  %a = nn.map (%x : !x) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !x
  %b = nn.map (%a, %x : !x, !x) {
  ^bb0(%v: f32, %w: f32):
    nn.yield %v : f32
  } -> !x
  %c = nn.map (%b : !x) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !x
  return %c : !x
}

// The shape does not matter, only where elements lie. Two inputs that die: one of them.
// CHECK-LABEL: func.func private @shapes
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>
// CHECK: %[[SECOND:[a-z0-9_]+]] = nn.alloc : <[N, N] of f32>
// CHECK: %[[FIRST:[a-z0-9_]+]] = nn.view %[[OUT]] {{.*}} -> !nn.ref<[N * N] of f32>
// CHECK: nn.map() into(%[[FIRST]]
// CHECK: nn.map() into(%[[SECOND]]
// CHECK: nn.map(%[[OUT]], %[[SECOND]] : {{.*}} into(%[[OUT]]
func.func private @shapes() -> !x attributes {nn.dims = ["N"]} {
  %a = nn.constant 1.0 : f32 -> tensor<?xf32, #nn.shape<[N * N]>>
  %b = nn.constant 2.0 : f32 -> !x
  %r = nn.reshape %a : (tensor<?xf32, #nn.shape<[N * N]>>) -> !x
  %c = nn.map (%r, %b : !x, !x) {
  ^bb0(%v: f32, %w: f32):
    %s = nn.add %v, %w : (f32, f32) -> f32
    nn.yield %s : f32
  } -> !x
  return %c : !x
}

// Not what is read again, not what is read in another order; over one result, not over two.
// CHECK-LABEL: func.func private @later
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>, %[[OTHER:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>
// CHECK: %[[A:[a-z0-9_]+]] = nn.alloc
// CHECK: nn.map() into(%[[A]]
// CHECK: nn.map(%[[A]] : {{.*}} into(%[[OUT]]
// CHECK: %[[ROW:[a-z0-9_]+]] = nn.view %[[A]]
// CHECK: nn.rows(%[[ROW]]
func.func private @later() -> (!x, !x) attributes {nn.dims = ["N"]} {
  %a = nn.constant 1.0 : f32 -> !x
  %b = nn.map (%a : !x) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !x
  %r = nn.reshape %a : (!x) -> tensor<?xf32, #nn.shape<[N * N]>>
  %s = nn.rows(%r : tensor<?xf32, #nn.shape<[N * N]>>) {
  ^bb0(%row: tensor<?xf32, #nn.shape<[N * N]>>):
    nn.yield %row : tensor<?xf32, #nn.shape<[N * N]>>
  } {parallel = #nn.shape<[]>, row = #nn.shape<[N * N]>, row_rank = 1 : i64} -> tensor<?xf32, #nn.shape<[N * N]>>
  %c = nn.reshape %s : (tensor<?xf32, #nn.shape<[N * N]>>) -> !x
  return %b, %c : !x, !x
}
// CHECK-LABEL: func.func private @turned
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>
// CHECK: %[[A:[a-z0-9_]+]] = nn.alloc
// CHECK: nn.map() into(%[[A]]
// CHECK: nn.map(%[[A]], %{{.*}} into(%[[OUT]]
func.func private @turned() -> !x attributes {nn.dims = ["N"]} {
  %a = nn.constant 1.0 : f32 -> !x
  %t = nn.transpose %a {permutation = array<i64: 1, 0>} : (!x) -> !x
  %b = nn.map (%a, %t : !x, !x) {
  ^bb0(%v: f32, %w: f32):
    %s = nn.add %v, %w : (f32, f32) -> f32
    nn.yield %s : f32
  } -> !x
  return %b : !x
}
// CHECK-LABEL: func.func private @twice
// CHECK-SAME: %[[ONE:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>, %[[TWO:[a-z0-9_]+]]: !nn.ref<[N, N] of f32>
// CHECK-NOT: nn.alloc
// CHECK: nn.map() into(%[[ONE]]
// CHECK: nn.map(%[[ONE]] : {{.*}} into(%[[ONE]], %[[TWO]]
func.func private @twice() -> (!x, !x) attributes {nn.dims = ["N"]} {
  %a = nn.constant 1.0 : f32 -> !x
  %b:2 = nn.map (%a : !x) {
  ^bb0(%v: f32):
    %n = nn.neg %v : (f32) -> f32
    nn.yield %v, %n : f32, f32
  } -> !x, !x
  return %b#0, %b#1 : !x, !x
}

// An epilogue reads its extras where it writes: the residual is added in its place. Factors are read by many.
// CHECK-LABEL: func.func private @residual
// CHECK-SAME: %[[X:[a-z0-9_]+]]: !nn.ref<[N, 64] of f32>, %[[W:[a-z0-9_]+]]: !nn.ref<[64, 64] of f32>, %[[OUT:[a-z0-9_]+]]: !nn.ref<[N, 64] of f32>
// CHECK: %[[HIDDEN:[a-z0-9_]+]] = nn.alloc
// CHECK-NOT: nn.alloc
// CHECK: nn.map(%[[X]] : {{.*}} into(%[[OUT]]
// CHECK: nn.contract %[[OUT]], %[[W]] into(%[[HIDDEN]]
// CHECK: nn.contract %[[HIDDEN]], %[[W]] extras(%[[OUT]] : {{.*}} into(%[[OUT]]
func.func private @residual(%x: !w, %w: tensor<64x64xf32>) -> !w attributes {nn.dims = ["N"]} {
  %a = nn.map (%x : !w) {
  ^bb0(%v: f32):
    nn.yield %v : f32
  } -> !w
  %h = nn.contract %a, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !w, tensor<64x64xf32> -> !w
  %y = nn.contract %h, %w extras(%a : !w) {
  ^bb0(%sum: f32, %v: f32):
    %s = nn.add %sum, %v : (f32, f32) -> f32
    nn.yield %s : f32
  } {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !w, tensor<64x64xf32> -> !w
  return %y : !w
}

// A place in the body of a loop is one there, the loop's own places stay apart.
// CHECK-LABEL: func.func private @loop
// CHECK: nn.scan
// CHECK: ^bb0(%{{.*}}: !nn.ref<[] of i64>, %[[PREV:[a-z0-9_]+]]: !nn.ref<[N, 64] of f32>, %[[NEXT:[a-z0-9_]+]]: !nn.ref<[N, 64] of f32>):
// CHECK: %[[A:[a-z0-9_]+]] = nn.alloc
// CHECK-NOT: nn.alloc
// CHECK: nn.map(%[[PREV]] : {{.*}} into(%[[A]]
// CHECK: nn.map(%[[A]] : {{.*}} into(%[[A]]
// CHECK: nn.map(%[[A]] : {{.*}} into(%[[NEXT]]
func.func private @loop(%x: !w) -> !w attributes {nn.dims = ["N"]} {
  %r = nn.scan over() carrying(%x : !w) steps <5> {
  ^bb0(%i: tensor<i64>, %h: !w):
    %a = nn.map (%h : !w) {
    ^bb0(%v: f32):
      nn.yield %v : f32
    } -> !w
    %b = nn.map (%a : !w) {
    ^bb0(%v: f32):
      nn.yield %v : f32
    } -> !w
    %c = nn.map (%b : !w) {
    ^bb0(%v: f32):
      nn.yield %v : f32
    } -> !w
    nn.yield %c : !w
  } -> !w
  return %r : !w
}

// -----

// A call that may fail after the first map has not written its output by then.
// CHECK-LABEL: func.func @m.checked(
// CHECK-SAME: %[[OUT:[a-z0-9_]+]]: !nn.ref<[M] of f32>, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr, %{{[^ ]+}}: !llvm.ptr)
// CHECK: %[[PLACE:[a-z0-9_]+]] = nn.alloc : <[M] of f32>
// CHECK: nn.map(%{{[a-z0-9_]+}} : !nn.ref<[M] of f32>) into(%[[BEFORE:[0-9]+]]
// CHECK: nn.verdict
// CHECK: nn.map(%[[BEFORE]], %[[PLACE]] : {{.*}} into(%[[OUT]]
func.func @m.checked(%x: tensor<?xf32, #nn.shape<[M]>>, %index: tensor<?xi64, #nn.shape<[M]>>) -> tensor<?xf32, #nn.shape<[M]>>
    attributes {nn.dims = ["M"], nn.model = "M", nn.called_by_runtime, nn.entry = {arguments = [
      {name = "M", kind = "dim"}, {name = "x", kind = "input"}, {name = "index", kind = "input"}, {name = "out", kind = "output"}]}} {
  %a = nn.map (%x : tensor<?xf32, #nn.shape<[M]>>) {
  ^bb0(%v: f32):
    %n = nn.neg %v : (f32) -> f32
    nn.yield %n : f32
  } -> tensor<?xf32, #nn.shape<[M]>>
  %i = nn.map (%index : tensor<?xi64, #nn.shape<[M]>>) {
  ^bb0(%v: i64):
    %n = nn.neg %v : (i64) -> i64
    nn.yield %n : i64
  } -> tensor<?xi64, #nn.shape<[M]>>
  %y = nn.gather %x[%i] {axis = 0 : i64} : tensor<?xf32, #nn.shape<[M]>>[tensor<?xi64, #nn.shape<[M]>>] -> tensor<?xf32, #nn.shape<[M]>>
  %z = nn.map (%a, %y : tensor<?xf32, #nn.shape<[M]>>, tensor<?xf32, #nn.shape<[M]>>) {
  ^bb0(%v: f32, %w: f32):
    %n = nn.add %v, %w : (f32, f32) -> f32
    nn.yield %n : f32
  } -> tensor<?xf32, #nn.shape<[M]>>
  return %z : tensor<?xf32, #nn.shape<[M]>>
}
