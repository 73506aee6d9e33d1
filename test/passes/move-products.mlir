// RUN: %nnc-opt %s --move-products --split-input-file | FileCheck %s

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!w = tensor<?x4xf32, #nn.shape<[E, 4]>>
!g = !nn.graph<N, N, E>

// A product of joined values is one product for each end, with its rows of the weight. The bias is added at the target.
// CHECK-LABEL: func.func @joined
// CHECK: nn.neighbourhood "max"
// CHECK: ^bb0(%[[T:.*]]: tensor<i64>, %[[S:.*]]: tensor<i64>, %[[E:.*]]: tensor<i64>,
// CHECK-DAG: %[[U:.*]] = nn.at %{{.*}}[%[[S]]]
// CHECK-DAG: %[[V:.*]] = nn.at %{{.*}}[%[[T]]]
// CHECK-DAG: %[[W:.*]] = nn.at %{{.*}}[%[[E]]]
// CHECK: %[[MU:.*]] = nn.slice %{{.*}} {dynamic = array<i64>, offsets = #nn.shape<[0, 0]>} : (tensor<20x6xf32>) -> tensor<8x6xf32>
// CHECK: %[[PU:.*]] = nn.contract %[[U]], %[[MU]]
// CHECK: %[[MV:.*]] = nn.slice %{{.*}} {dynamic = array<i64>, offsets = #nn.shape<[8, 0]>} : (tensor<20x6xf32>) -> tensor<8x6xf32>
// CHECK: %[[PV:.*]] = nn.contract %[[V]], %[[MV]]
// CHECK: %[[MW:.*]] = nn.slice %{{.*}} {dynamic = array<i64>, offsets = #nn.shape<[16, 0]>} : (tensor<20x6xf32>) -> tensor<4x6xf32>
// CHECK: %[[PW:.*]] = nn.contract %[[W]], %[[MW]]
// CHECK-DAG: nn.add %[[PV]], %{{.*}} : (tensor<6xf32>
// CHECK-NOT: nn.concat
func.func @joined(%x: !x, %g: !g, %w: !w, %m: tensor<20x6xf32>, %b: tensor<6xf32>) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "max" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %w, %m, %b : !x, !w, tensor<20x6xf32>, tensor<6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cw: !w, %cm: tensor<20x6xf32>, %cb: tensor<6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cx[%v] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %2 = nn.at %cw[%e] {axes = array<i64: 0>} : !w[tensor<i64>] -> tensor<4xf32>
    %3 = nn.concat %0, %1, %2 : (tensor<8xf32>, tensor<8xf32>, tensor<4xf32>) -> tensor<20xf32>
    %4 = nn.contract %3, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<20xf32>, tensor<20x6xf32> -> tensor<6xf32>
    %5 = nn.add %4, %cb : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
    nn.yield %5 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}

// -----

!x = tensor<?x8xf32, #nn.shape<[N, 8]>>
!g = !nn.graph<N, N, E>

// A mean of edge values times a weight, plus a bias, is the mean of the values times the weight; the bias only where
// there are sources.
// CHECK-LABEL: func.func @behind
// CHECK: %[[H:.*]] = nn.neighbourhood "mean"
// CHECK: %[[P:.*]] = nn.mul
// CHECK: nn.yield %[[P]] : tensor<8xf32>
// CHECK: %[[R:.*]] = nn.contract %[[H]], %arg2
// CHECK: m = 1 : i64, n = 1 : i64
// CHECK: %[[C:.*]] = nn.neighbourhood "sum"
// CHECK: %[[ONE:.*]] = nn.constant 1 : i64
// CHECK: nn.yield %[[ONE]]
// CHECK: nn.ne %[[C]]
// CHECK: nn.add %[[R]]
func.func @behind(%x: !x, %g: !g, %m: tensor<8x6xf32>, %b: tensor<6xf32>) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "mean" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m, %b : !x, tensor<8x6xf32>, tensor<6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<8x6xf32>, %cb: tensor<6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %1 = nn.at %cx[%v] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %2 = nn.mul %0, %1 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %3 = nn.contract %2, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    %4 = nn.add %3, %cb : (tensor<6xf32>, tensor<6xf32>) -> tensor<6xf32>
    nn.yield %4 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}

// Of sources: the product that makes them smaller stays in the body, from where it moves to the nodes.
// CHECK-LABEL: func.func @smaller
// CHECK: nn.neighbourhood "sum"
// CHECK: nn.contract
// CHECK: nn.yield
// CHECK-NOT: nn.contract
func.func @smaller(%x: !x, %g: !g, %m: tensor<8x6xf32>) -> tensor<?x6xf32, #nn.shape<[N, 6]>> attributes {nn.dims = ["N", "E"]} {
  %r = nn.neighbourhood "sum" over graph(%g : !g) free <[]> targets <N> sources <N> captures(%x, %m : !x, tensor<8x6xf32>) where {
  } body {
  ^bb0(%v: tensor<i64>, %u: tensor<i64>, %e: tensor<i64>, %cx: !x, %cm: tensor<8x6xf32>):
    %0 = nn.at %cx[%u] {axes = array<i64: 0>} : !x[tensor<i64>] -> tensor<8xf32>
    %3 = nn.contract %0, %cm {} {batch = 0 : i64, k = 1 : i64, m = 0 : i64, n = 1 : i64} : tensor<8xf32>, tensor<8x6xf32> -> tensor<6xf32>
    nn.yield %3 : tensor<6xf32>
  } -> tensor<?x6xf32, #nn.shape<[N, 6]>>
  return %r : tensor<?x6xf32, #nn.shape<[N, 6]>>
}
