// RUN: %nnc-opt %s --prepare-neighbourhoods --split-input-file --verify-diagnostics | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!k = tensor<?xi64, #nn.shape<[E]>>
!g = !nn.graph<N, N, E>

// What depends on one end is computed per node; what is cheap stays.
// CHECK-LABEL: func.func @ends
// CHECK: %[[P:.*]] = nn.contract %arg0, %arg2
// CHECK: %[[T:.*]] = nn.tanh %[[P]] : (tensor<?x6xf32, #nn.shape<[N, 6]>>)
// CHECK: %[[S:.*]] = nn.slice %arg0
// CHECK: nn.neighbourhood "sum" {{.*}} captures(%[[T]], %[[S]] :
// CHECK: ^bb0(%[[V:.*]]: tensor<i64>, %[[U:.*]]: tensor<i64>, %[[E:.*]]: tensor<i64>, %[[H:.*]]: tensor<?x6xf32, {{.*}}>, %[[X:.*]]: tensor<?x6xf32
// CHECK-NEXT: %[[A:.*]] = nn.at %[[H]][%[[U]]] {axes = array<i64: 0>}
// CHECK-NEXT: %[[B:.*]] = nn.at %[[X]][%[[V]]] {axes = array<i64: 0>}
// CHECK-NEXT: nn.mul %[[A]], %[[B]]
func.func @ends(%x: !x, %g: !g, %m: tensor<8x6xf32>) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m : !x, tensor<8x6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<8x6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.contract %0, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    %2 = nn.tanh %1 : (tensor<6xf32>) -> tensor<6xf32>
    %3 = nn.at %cx[%v] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %4 = nn.slice %3 {dynamic = array<i64>, offsets = #nn.shape<[1]>} : (tensor<8xf32>) -> tensor<6xf32>
    %5 = nn.mul %2, %4 : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
    nn.yield %5 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}

// A product of both ends is computed for all edges, of rows that one pass makes.
// CHECK-LABEL: func.func @edges
// CHECK: %[[L:.*]] = nn.neighbourhood "each" {{.*}} captures(%arg0 :
// CHECK: ^bb0(%[[V:.*]]: tensor<i64>, %[[U:.*]]: tensor<i64>, %[[E:.*]]: tensor<i64>, %[[X:.*]]: tensor
// CHECK: %[[A:.*]] = nn.at %[[X]][%[[V]]]
// CHECK: %[[B:.*]] = nn.at %[[X]][%[[U]]]
// CHECK: nn.mul %[[A]], %[[B]]
// CHECK: %[[P:.*]] = nn.contract %[[L]], %arg2
// CHECK: m = 1 : i64, n = 1 : i64
// CHECK: nn.neighbourhood "max" {{.*}} captures(%[[P]] :
func.func @edges(%x: !x, %g: !g, %m: tensor<8x6xf32>) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "max" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m : !x, tensor<8x6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<8x6xf32>):
    %0 = nn.at %cx[%v] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %4 = nn.mul %0, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %5 = nn.contract %4, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %5 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}

// A read by a node and a computed index is a gather by a flat one, of which the computed part is checked.
// CHECK-LABEL: func.func @flat
// CHECK: %[[E:.*]]:2 = nn.endpoints %arg1
// CHECK: nn.check "an index" %arg3 below <3>
// CHECK: %[[M:.*]] = nn.mul %[[E]]#0
// CHECK: %[[I:.*]] = nn.add %[[M]], %arg3
// CHECK: %[[F:.*]] = nn.reshape %arg0 : {{.*}} -> tensor<?x8xf32, #nn.shape<[3 * N, 8]>>
// CHECK: %[[S:.*]] = nn.gather %[[F]][%[[I]]] {axis = 0 : i64}
// CHECK: nn.contract %[[S]], %arg2
func.func @flat(%x: tensor<?x3x8xf32, #nn.shape<[N, 3, 8]>>, %g: !g, %m: tensor<8x6xf32>, %k: !k) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "max" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m, %k : tensor<?x3x8xf32, #nn.shape<[N, 3, 8]>>, tensor<8x6xf32>, !k) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: tensor<?x3x8xf32, #nn.shape<[N, 3, 8]>>, %cm: tensor<8x6xf32>, %ck: !k):
    %1 = nn.at %ck[%e] {axes = array<i64: 0>} : !k[tensor<i64>] -> tensor<i64>
    %2 = nn.at %cx[%u, %1] {axes = array<i64: 0, 1>} : tensor<?x3x8xf32, #nn.shape<[N, 3, 8]>>[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %5 = nn.contract %2, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %5 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}

// -----

!q = tensor<?x?x8xf32, #nn.shape<[H, N, 8]>>
!s = tensor<?x?x6xf32, #nn.shape<[H, N, 6]>>

// Over all pairs: free indices come first; the axis of a source is broadcast over the targets.
// CHECK-LABEL: func.func @pairs
// CHECK: %[[T:.*]] = nn.broadcast %arg0 {axes = array<i64: 0, 1, 3>} : {{.*}} -> tensor<?x?x?x8xf32, #nn.shape<[H, N, N, 8]>>
// CHECK: %[[S:.*]] = nn.broadcast %arg0 {axes = array<i64: 0, 2, 3>} : {{.*}} -> tensor<?x?x?x8xf32, #nn.shape<[H, N, N, 8]>>
// CHECK: %[[M:.*]] = nn.mul %[[T]], %[[S]]
// CHECK: %[[P:.*]] = nn.contract %[[M]], %arg1
// CHECK: m = 3 : i64
// CHECK: ^bb0(%[[H:.*]]: tensor<i64>, %[[I:.*]]: tensor<i64>, %[[J:.*]]: tensor<i64>, %[[C:.*]]: tensor<?x?x?x6xf32
// CHECK-NEXT: nn.at %[[C]][%[[H]], %[[I]], %[[J]]] {axes = array<i64: 0, 1, 2>}
func.func @pairs(%q: !q, %m: tensor<8x6xf32>) -> !s attributes {nn.dims = ["H", "N"]} {
  %r = nn.neighbourhood "max" over free <[H]> targets <N> sources <N> captures(%q, %m : !q, tensor<8x6xf32>) where {
  } body {
  ^bb0(%h: tensor<i64>, %i: tensor<i64>, %j: tensor<i64>, %cq: !q, %cm: tensor<8x6xf32>):
    %0 = nn.at %cq[%h, %i] {axes = array<i64: 0, 1>} : !q[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cq[%h, %j] {axes = array<i64: 0, 1>} : !q[tensor<i64>, tensor<i64>] -> tensor<8xf32>
    %2 = nn.mul %0, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %3 = nn.contract %2, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %3 : tensor<6xf32>
  } -> !s
  return %r : !s
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
func.func @nested(%x: !x) -> !x attributes {nn.dims = ["N"]} {
  %r = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%x : !x) where {
  } body {
  ^bb0(%i: tensor<i64>, %j: tensor<i64>, %cx: !x):
    // expected-error @+1 {{NN0901: a neighbourhood in the body of another can not be compiled yet}}
    %0 = nn.neighbourhood "sum" over free <[]> targets <N> sources <N> captures(%cx : !x) where {
    } body {
    ^bb0(%k: tensor<i64>, %l: tensor<i64>, %c: !x):
      %1 = nn.at %c[%l] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
      nn.yield %1 : tensor<8xf32>
    } -> !x
    %2 = nn.at %0[%j] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    nn.yield %2 : tensor<8xf32>
  } -> !x
  return %r : !x
}
