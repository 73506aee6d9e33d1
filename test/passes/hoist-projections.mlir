// RUN: %nnc-opt %s --hoist-projections --split-input-file | FileCheck %s

!x = tensor<?x?x8xf32, #nn.shape<[T, B, 8]>>
!xt = tensor<?x8xf32, #nn.shape<[B, 8]>>

// A projection of the slices with its bias leaves the loop as one over all steps; that of the carry stays. The slices
// that it was made of are no sequence of the loop any more.
// CHECK-LABEL: func.func @projection
// CHECK: %[[ALL:.*]] = nn.contract %arg0, %arg2
// CHECK-NEXT: m = 2 : i64, {{.*}} -> tensor<?x?x8xf32, #nn.shape<[T, B, 8]>>
// CHECK: %[[BIAS:.*]] = nn.broadcast %arg4 {axes = array<i64: 2>}
// CHECK: %[[SUM:.*]] = nn.add %[[ALL]], %[[BIAS]]
// CHECK: nn.scan over(%[[SUM]] : {{.*}}) carrying(%arg1
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %[[P:[^:]*]]: {{.*}}, %[[H:[^:]*]]: tensor
// CHECK: %[[OWN:.*]] = nn.contract %[[H]], %arg3
// CHECK: nn.add %[[P]], %[[OWN]]
func.func @projection(%x: !x, %h: !xt, %w: tensor<8x8xf32>, %u: tensor<8x8xf32>, %b: tensor<8xf32>) -> !xt attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over(%x : !x) carrying(%h : !xt) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !xt, %c: !xt):
    %p = nn.contract %xt, %w {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !xt, tensor<8x8xf32> -> !xt
    %bb = nn.broadcast %b {axes = array<i64: 1>} : (tensor<8xf32>) -> !xt
    %q = nn.add %p, %bb : (!xt, !xt) -> !xt
    %o = nn.contract %c, %u {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !xt, tensor<8x8xf32> -> !xt
    %s = nn.add %q, %o : (!xt, !xt) -> !xt
    %t = nn.tanh %s : (!xt) -> !xt
    nn.yield %t : !xt
  } -> !xt
  return %r : !xt
}

// -----

// Cheap work on slices stays where a kernel is anyhow; costly work and what is done with it goes, a reduction too. What
// does not change goes as it is.
!x = tensor<?x?x8xf32, #nn.shape<[T, B, 8]>>
!xt = tensor<?x8xf32, #nn.shape<[B, 8]>>
!b = tensor<?xf32, #nn.shape<[B]>>
// CHECK-LABEL: func.func @kinds
// CHECK-DAG: %[[RATE:.*]] = nn.sigmoid %arg2
// CHECK-DAG: %[[E:.*]] = nn.exp %arg0
// CHECK-DAG: %[[T:.*]] = nn.mul %[[E]], %{{.*}}
// CHECK-DAG: %[[S:.*]] = nn.sum %arg0 {{.*}}axes = array<i64: 2>
// CHECK: nn.scan over(%arg0, %[[T]], %[[S]] :
// CHECK: nn.add
// CHECK-NOT: nn.exp
// CHECK-NOT: nn.sum
// CHECK: nn.yield
func.func @kinds(%x: !x, %h: !xt, %a: tensor<8xf32>) -> !xt attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over(%x : !x) carrying(%h : !xt) steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !xt, %c: !xt):
    %cheap = nn.add %xt, %xt : (!xt, !xt) -> !xt
    %rate = nn.sigmoid %a : (tensor<8xf32>) -> tensor<8xf32>
    %rates = nn.broadcast %rate {axes = array<i64: 1>} : (tensor<8xf32>) -> !xt
    %e = nn.exp %xt : (!xt) -> !xt
    %t = nn.mul %e, %rates : (!xt, !xt) -> !xt
    %s = nn.sum %xt {axes = array<i64: 1>} : (!xt) -> !b
    %ss = nn.broadcast %s {axes = array<i64: 0>} : (!b) -> !xt
    %c1 = nn.mul %c, %t : (!xt, !xt) -> !xt
    %c2 = nn.add %c1, %ss : (!xt, !xt) -> !xt
    %c3 = nn.add %c2, %cheap : (!xt, !xt) -> !xt
    nn.yield %c3 : !xt
  } -> !xt
  return %r : !xt
}

// -----

// Where nothing is carried there is no loop in the end; the step is a counter.
!x = tensor<?x?xi64, #nn.shape<[T, B]>>
!xt = tensor<?xi64, #nn.shape<[B]>>
// CHECK-LABEL: func.func @map
// CHECK-NOT: nn.scan
// CHECK: %[[STEP:.*]] = nn.iota <0> {axis = 0 : i64}
// CHECK-NOT: nn.scan
// CHECK: return
func.func @map(%x: !x) -> !x attributes {nn.dims = ["T", "B"]} {
  %r = nn.scan over(%x : !x) carrying() steps <T> {
  ^bb0(%i: tensor<i64>, %xt: !xt):
    %s = nn.broadcast %i {axes = array<i64>} : (tensor<i64>) -> !xt
    %y = nn.add %xt, %s : (!xt, !xt) -> !xt
    nn.yield %y : !xt
  } -> !x
  return %r : !x
}

// -----

// Weights of the copies of a layer: a product of what does not change with each of them stays, and so does work on them.
!h = tensor<?x8xf32, #nn.shape<[B, 8]>>
// CHECK-LABEL: func.func @copies
// CHECK-NOT: nn.contract
// CHECK: nn.scan
// CHECK: nn.exp
// CHECK: nn.contract
func.func @copies(%x: !h) -> !h attributes {nn.dims = ["B"]} {
  %ws = nn.parameter "h.#.w" : tensor<3x8x8xf32>
  %r = nn.scan over(%ws : tensor<3x8x8xf32>) carrying(%x : !h) steps <3> {
  ^bb0(%i: tensor<i64>, %w: tensor<8x8xf32>, %c: !h):
    %e = nn.exp %w : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %p = nn.contract %x, %e {} {batch = 0 : i64, m = 1 : i64, n = 1 : i64, k = 1 : i64} : !h, tensor<8x8xf32> -> !h
    %s = nn.add %p, %c : (!h, !h) -> !h
    nn.yield %s : !h
  } -> !h
  return %r : !h
}
