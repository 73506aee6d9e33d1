// RUN: %nnc-opt %s --bufferize --workspace --barriers --split-input-file | FileCheck %s

// A map that finds in the state what its own thread wrote: no barrier in any step.
!x = tensor<?x?xf32, #nn.shape<[T, B]>>
!h = tensor<?xf32, #nn.shape<[B]>>
// CHECK-LABEL: func.func @alone
// CHECK: nn.scan
// CHECK-NOT: nn.barrier
// CHECK: return
func.func @alone(%x: !x, %h: !h) -> (!x, !h) attributes {nn.dims = ["T", "B"]} {
  %r:2 = nn.scan over(%x : !x) carrying(%h : !h) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !h, %c: !h):
    %s:2 = nn.map(%xt, %c : !h, !h) {
    ^bb0(%a: f32, %b: f32):
      %t = nn.add %a, %b : (f32, f32) -> f32
      nn.yield %t, %t : f32, f32
    } -> !h, !h
    nn.yield %s#0, %s#1 : !h, !h
  } -> !x, !h
  return %r#0, %r#1 : !x, !h
}

// -----

// A contraction reads all of the state: a barrier at the end of each step, and none in it.
!h = tensor<?x8xf32, #nn.shape<[B, 8]>>
// CHECK-LABEL: func.func @contraction
// CHECK: nn.scan
// CHECK-NOT: nn.barrier
// CHECK: nn.contract
// CHECK: nn.barrier
// CHECK-NEXT: nn.yield
func.func @contraction(%h: !h, %w: tensor<1x8x16xf32>) -> !h attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over() carrying(%h : !h) steps <T> {
  ^bb0(%i: tensor<i64>, %c: !h):
    %p = nn.contract %c, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64, panel = 16 : i64} : !h, tensor<1x8x16xf32> -> !h
    nn.yield %p : !h
  } -> !h
  return %r : !h
}

// -----

// A map of the transposed state reads what other threads wrote.
!m = tensor<?x?xf32, #nn.shape<[B, B]>>
// CHECK-LABEL: func.func @turned
// CHECK: nn.scan
// CHECK: nn.map
// CHECK: nn.barrier
// CHECK-NEXT: nn.yield
func.func @turned(%h: !m) -> !m attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over() carrying(%h : !m) steps <T> {
  ^bb0(%i: tensor<i64>, %c: !m):
    %t = nn.transpose %c {permutation = array<i64: 1, 0>} : (!m) -> !m
    %s = nn.map(%t : !m) {
    ^bb0(%a: f32):
      nn.yield %a : f32
    } -> !m
    nn.yield %s : !m
  } -> !m
  return %r : !m
}

// -----

// A state that is changed where it lies: all threads must see the change, and have read it before the next one.
!all = tensor<?x8xf32, #nn.shape<[M, 8]>>
!row = tensor<1x8xf32>
// CHECK-LABEL: func.func @changed
// CHECK: nn.scan
// CHECK: nn.copy
// CHECK-NEXT: nn.barrier
// CHECK-NEXT: nn.map
// CHECK: nn.barrier
// CHECK-NEXT: nn.yield
func.func @changed(%x: !all, %row: !row) -> (tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all) attributes {nn.dims = ["T", "M"]} {
  %r:2 = nn.scan over() carrying(%x : !all) steps <T> {
  ^bb0(%i: tensor<i64>, %all: !all):
    %y = nn.update %all, %row, %i {dynamic = array<i64: 0>, offsets = #nn.shape<[0, 0]>} : (!all, !row, tensor<i64>) -> !all
    %s = nn.map(%y : !all) {
    ^bb0(%a: f32):
      nn.yield %a : f32
    } -> !all
    nn.yield %s, %y : !all, !all
  } -> tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all
  return %r#0, %r#1 : tensor<?x?x8xf32, #nn.shape<[T, M, 8]>>, !all
}
