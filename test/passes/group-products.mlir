// RUN: %nnc-opt %s --group-products --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!y = tensor<?x6xf32, #nn.shape<[N, 6]>>
!k = tensor<?xi64, #nn.shape<[E]>>
!g = !nn.graph<N, N, E>

// Edges choose one of three weights: a loop over the weights, each for its edges, whose results add up.
// CHECK-LABEL: func.func @sum
// CHECK: nn.check "an index" %arg3 below <3>
// CHECK: nn.scan over(%arg2 : tensor<3x8x6xf32>)
// CHECK: ^bb0(%[[R:.*]]: tensor<i64>, %[[M:.*]]: tensor<8x6xf32>, %[[BEFORE:.*]]: tensor<?x6xf32
// CHECK: %[[PART:.*]] = nn.neighbourhood "sum" {{.*}}, %[[M]], %[[R]] :
// CHECK: ^bb0(%{{.*}}: tensor<i64>, %{{.*}}: tensor<i64>, %[[E:.*]]: tensor<i64>, {{.*}}, %[[N:.*]]: tensor<i64>):
// CHECK: %[[K:.*]] = nn.at %{{.*}}[%[[E]]]
// CHECK: %[[I:.*]] = nn.at %[[N]][]
// CHECK: nn.eq %[[K]], %[[I]]
// CHECK: body
// CHECK: ^bb0({{.*}}, %[[W:.*]]: tensor<8x6xf32>, %{{.*}}: tensor<i64>):
// CHECK: nn.contract %{{.*}}, %[[W]]
// CHECK: nn.add %[[BEFORE]], %[[PART]]
func.func @sum(%x: !x, %g: !g, %m: tensor<3x8x6xf32>, %k: !k) -> !y attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m, %k : !x, tensor<3x8x6xf32>, !k) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<3x8x6xf32>, %ck: !k):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %ck[%e] {axes = array<i64: 0>} : !k[tensor<i64>] -> tensor<i64>
    %2 = nn.at %cm[%1] {axes = array<i64: 0>} : tensor<3x8x6xf32>[tensor<i64>] -> tensor<8x6xf32>
    %3 = nn.contract %0, %2 {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %3 : tensor<6xf32>
  } -> !y
  return %r : !y
}

// A maximum does not add up: each edge multiplies its row with its matrix, where that lies.
// CHECK-LABEL: func.func @max
// CHECK-NOT: nn.scan
// CHECK: nn.neighbourhood "max"
// CHECK-NOT: nn.contract
// CHECK: %[[X:.*]] = nn.broadcast %{{.*}} {axes = array<i64: 1>} : (tensor<8xf32>) -> tensor<6x8xf32>
// CHECK: nn.sum %{{.*}} {axes = array<i64: 1>} : (tensor<6x8xf32>) -> tensor<6xf32>
func.func @max(%x: !x, %g: !g, %m: tensor<3x8x6xf32>, %k: !k) -> !y attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "max" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m, %k : !x, tensor<3x8x6xf32>, !k) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<3x8x6xf32>, %ck: !k):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %ck[%e] {axes = array<i64: 0>} : !k[tensor<i64>] -> tensor<i64>
    %2 = nn.at %cm[%1] {axes = array<i64: 0>} : tensor<3x8x6xf32>[tensor<i64>] -> tensor<8x6xf32>
    %3 = nn.contract %0, %2 {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %3 : tensor<6xf32>
  } -> !y
  return %r : !y
}

// So it does with a matrix that it computes; the product that computes it stays one.
// CHECK-LABEL: func.func @own
// CHECK: nn.contract
// CHECK-NOT: nn.contract
// CHECK: nn.sum %{{.*}} {axes = array<i64: 1>} : (tensor<6x8xf32>) -> tensor<6xf32>
func.func @own(%x: !x, %g: !g, %w: tensor<?x5xf32, #nn.shape<[E, 5]>>, %m: tensor<5x48xf32>) -> !y attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %w, %m : !x, tensor<?x5xf32, #nn.shape<[E, 5]>>, tensor<5x48xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cw: tensor<?x5xf32, #nn.shape<[E, 5]>>, %cm: tensor<5x48xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cw[%e] {axes = array<i64: 0>} : tensor<?x5xf32, #nn.shape<[E, 5]>>[tensor<i64>] -> tensor<5xf32>
    %2 = nn.contract %1, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<5xf32>, tensor<5x48xf32> -> tensor<48xf32>
    %3 = nn.reshape %2 : (tensor<48xf32>) -> tensor<8x6xf32>
    %4 = nn.contract %0, %3 {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %4 : tensor<6xf32>
  } -> !y
  return %r : !y
}
